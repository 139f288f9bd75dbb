"""Tests of garment masks on any background with rembg, whose network is replaced by a stand-in."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from fitroom import TryOn
from fitroom.cli import main
from fitroom.data.synthetic import samples
from fitroom.errors import ImageError, MissingExtraError
from fitroom.photo.decode import read
from fitroom.photo.encode import save_picture
from fitroom.photo.segmenter import GREEN, MODEL, RembgSegmenter, shown_mask


@pytest.fixture(scope="module")
def sample():
    return next(iter(samples(1, 5)))


@pytest.fixture
def on_wood(sample):
    """A garment on wooden boards, and its mask."""
    mask = sample.other_garment_mask
    boards = np.zeros_like(sample.other_garment)
    boards[:] = np.where(np.arange(mask.shape[1]) // 12 % 2, 120, 60)[None, :, None]
    return np.where(mask[..., None] > 127, sample.other_garment, boards), mask


@pytest.fixture
def rembg(monkeypatch, on_wood):
    """A stand-in for rembg that segments only the garment of `on_wood`."""

    def remove(picture, session, only_mask):
        assert (session, only_mask) == (f"session of {MODEL}", True)
        known = np.array_equal(np.asarray(picture), on_wood[0])
        return Image.fromarray(on_wood[1] if known else np.zeros_like(on_wood[1]))

    module = SimpleNamespace(remove=remove, new_session=lambda name: f"session of {name}")
    monkeypatch.setitem(sys.modules, "rembg", module)
    return module


def test_rembg_segments_backgrounds_that_colour_cannot(rembg, on_wood, sample):
    picture, mask = on_wood
    with pytest.raises(ImageError, match="not plain and light"):
        TryOn.load(segmenter="colour").garment_mask(picture)
    tryon = TryOn.load(segmenter="rembg")
    np.testing.assert_array_equal(tryon.garment_mask(picture), mask)
    person = sample.photo.image
    np.testing.assert_array_equal(tryon(person, picture).image, tryon(person, picture, mask).image)
    with pytest.raises(ImageError, match="no garment found in front of this background"):
        tryon.garment_mask(picture[::-1].copy())


def test_plain_backgrounds_are_segmented_by_colour_without_rembg(rembg, sample):
    rembg.remove = None
    mask = TryOn.load(segmenter="rembg").garment_mask(sample.garment)
    np.testing.assert_array_equal(mask, TryOn.load().garment_mask(sample.garment))


def test_error_for_missing_rembg_names_the_extra_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "rembg", None)
    with pytest.raises(MissingExtraError, match=r"\[rembg\]"):
        RembgSegmenter()


def test_failed_download_of_the_rembg_network_raises_an_error(rembg):
    def offline(name):
        raise ConnectionError("no route to host")

    rembg.new_session = offline
    with pytest.raises(ImageError, match=r"u2net.onnx can't be downloaded .*no route to host.*U2NET_HOME"):
        TryOn.load(segmenter="rembg")


def test_show_mask_option_writes_the_cut_out_garment_on_green(sample, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_picture(sample.photo.image, "person.png")
    save_picture(sample.garment, "shirt.png")
    result = CliRunner().invoke(main, ["try", "person.png", "shirt.png", "-o", "look.png", "--show-mask", "told.png"])
    assert result.exit_code == 0, result.output
    mask = TryOn.load().garment_mask(sample.garment)
    told = read("told.png")
    np.testing.assert_array_equal(told, shown_mask(sample.garment, mask))
    assert (told[mask == 0] == GREEN).all()
    np.testing.assert_array_equal(told[mask > 0], sample.garment[mask > 0])
    result = CliRunner().invoke(main, ["try", "person.png", "shirt.png", "-o", "new.png", "--show-mask", "no/t.png"])
    assert result.exit_code == 2
    assert "the folder" in result.output
    assert not (tmp_path / "new.png").exists()
