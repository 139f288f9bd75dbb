"""Tests of feature networks from files: TorchScript networks with known distances, and invalid files."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
import torch

from fitroom.errors import DataError
from fitroom.evaluate.evaluate import evaluate
from fitroom.evaluate.plan import make_plan
from fitroom.evaluate.pretrained import (
    INCEPTION,
    LPIPS,
    FeatureNetwork,
    download,
    find,
    lpips_distance,
    open_inception,
    open_lpips,
)
from fitroom.evaluate.systems import Copy, Worn


class MeanColour(torch.nn.Module):
    """Three features: the mean of each channel."""

    def forward(
        self, img: torch.Tensor, return_features: bool = False, resize_images: bool = True, return_lpips: bool = False
    ) -> torch.Tensor:
        if not (return_features or return_lpips):
            raise RuntimeError("asked for classes")
        if return_lpips and resize_images:
            raise RuntimeError("LPIPS is measured at the pictures' own size")
        return img.float().mean(dim=[2, 3])


@pytest.fixture
def scripted(tmp_path):
    path = tmp_path / "mean-colour.pt"
    torch.jit.script(MeanColour()).save(str(path))
    return path


@pytest.fixture(autouse=True)
def no_files_elsewhere(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("FITROOM_INCEPTION", raising=False)
    monkeypatch.delenv("FITROOM_LPIPS", raising=False)


class Negative(Copy):
    """A system whose looks are inverted photos: the covariance of mean colours stays, their mean changes."""

    def dress(self, photo, garment, key_points):
        return Worn(255 - photo)


def test_evaluation_computes_fid_with_the_given_network(figures, scripted):
    """Inverted photos have the same covariance as photos, so FID is the squared distance between the means."""
    plan = make_plan(figures, figures / "unpaired_pairs.txt")
    told = []
    result = evaluate(Negative(), plan, inception=str(scripted), lpips=str(scripted), notify=told.append)
    photos = [plan.subject(pair.person).photo for pair in plan.unpaired.pairs]
    middle = np.mean([photo.mean(axis=(0, 1)) for photo in photos], axis=0)
    assert result.figures["fid"] == pytest.approx(np.square(255 - 2 * middle).sum(), rel=1e-5)
    assert result.figures["kid"] > 0
    assert result.figures["swap_back_lpips"] == 0 < result.figures["nothing_lpips"]
    assert "the 12 photos of the list's persons" in result.facts["FID and KID"]
    assert "resizing: whatever the given file does" in result.facts["FID and KID"]
    assert not told
    assert evaluate(Copy(), plan, inception=str(scripted)).figures["fid"] == pytest.approx(0, abs=1e-4)


def test_evaluation_warns_about_fewer_looks_than_features(figures, tmp_path):
    class Many(torch.nn.Module):
        def forward(self, img: torch.Tensor, return_features: bool = False) -> torch.Tensor:
            return img.float()[:, :, :8, :2].reshape(img.shape[0], -1)

    torch.jit.script(Many()).save(str(tmp_path / "many.pt"))
    told = []
    plan = make_plan(figures, figures / "unpaired_pairs.txt")

    def progress(items, description):
        assert told, "warned before work starts"
        return items

    evaluate(Copy(), plan, inception=str(tmp_path / "many.pt"), progress=progress, notify=told.append)
    assert told == [
        "FID of 12 looks with 48 features is biased upwards: fewer pictures than features. "
        "Compare it only with figures of the same list."
    ]


def test_inception_network_is_given_by_path_or_environment_variable(scripted, monkeypatch):
    assert open_inception(None) is None
    assert open_inception(str(scripted)).size == 3
    monkeypatch.setenv("FITROOM_INCEPTION", str(scripted))
    assert open_inception(None).size == 3
    assert "not the published file" in open_inception(None).name
    assert open_inception(None).resizing == "whatever the given file does"


def test_cached_network_is_used_without_a_download(scripted):
    INCEPTION.cached.parent.mkdir(parents=True)
    INCEPTION.cached.write_bytes(scripted.read_bytes())
    assert find(INCEPTION, None) == INCEPTION.cached
    assert find(INCEPTION, "download") == INCEPTION.cached, "what is there is not fetched again"


def test_missing_network_file_raises_an_error(tmp_path):
    with pytest.raises(DataError, match=r"no such file \(--inception\); give inception-2015-12-05.pt"):
        open_inception(str(tmp_path / "none.pt"))


def test_file_that_is_not_torchscript_raises_an_error(tmp_path):
    (tmp_path / "text.pt").write_text("not a network")
    with pytest.raises(DataError, match="not a TorchScript file"):
        open_inception(str(tmp_path / "text.pt"))


def test_network_without_return_features_raises_an_error(tmp_path):
    torch.jit.script(torch.nn.Identity()).save(str(tmp_path / "identity.pt"))
    with pytest.raises(DataError, match="return_features=True"):
        open_inception(str(tmp_path / "identity.pt"))


def test_lpips_is_the_squared_distance_between_features(scripted):
    a, b = np.zeros((8, 6, 3), np.uint8), np.full((8, 6, 3), (3, 4, 12), np.uint8)
    network = open_lpips(str(scripted))
    assert lpips_distance(network, a, a) == 0
    assert lpips_distance(network, a, b) == pytest.approx(9 + 16 + 144)


def test_downloads_are_verified_by_checksum(tmp_path, scripted):
    """Download from a file: URL instead of a server."""
    digest = hashlib.sha256(scripted.read_bytes()).hexdigest()
    sound = replace(INCEPTION, url=scripted.as_uri(), sha256=digest)
    assert download(sound).read_bytes() == scripted.read_bytes()
    assert FeatureNetwork(sound.cached, sound).resizing == INCEPTION.resizing
    sound.cached.unlink()
    damaged = replace(sound, sha256="0" * 64)
    with pytest.raises(DataError, match=r"the download failed .* give it with --inception PATH"):
        download(damaged)
    assert not damaged.cached.exists()
    missing = replace(LPIPS, url=(tmp_path / "none.pt").as_uri())
    with pytest.raises(DataError, match="--lpips PATH"):
        download(missing)
