"""Fakes, losses, sources and the restore recipe."""

import numpy as np
import pytest
import torch

from conftest import SMALL_LITE
from fitroom import TryOn
from fitroom.data.limbs import complete
from fitroom.data.synthetic import write_dataset
from fitroom.errors import FitroomError, InputError
from fitroom.nets.lite import Lite, identity_grid
from fitroom.train import losses
from fitroom.train.fakes import Subject, fill_from, paste_garment
from fitroom.train.restore import RestoreConfig, batches, train
from fitroom.train.restore import losses as batch_losses
from fitroom.train.run import RunConfig, run_restore
from fitroom.train.settings import read_settings
from fitroom.train.sources import SourceConfig, spread, viton_source


def subjects(sample) -> list[Subject]:
    return [Subject(p.image, p.label, complete(p.key_points)) for p in (sample.photo, sample.other_photo)]


def test_fakes_leave_face_and_hair_and_change_the_garment(sample, rng):
    subject, donor = subjects(sample)
    fake = paste_garment(subject, donor, rng)
    assert fake.shape == subject.image.shape
    inner = np.isin(subject.label, (1, 12))
    assert np.abs(fake[inner].astype(int) - subject.image[inner]).mean() < 3
    assert np.abs(fake.astype(int) - subject.image)[subject.label == 4].mean() > 10


def test_holes_are_filled_with_what_is_near():
    image = np.zeros((40, 40, 3), np.uint8)
    image[:, :20] = (200, 0, 0)
    known = np.zeros((40, 40), bool)
    known[:, :10] = known[:, 30:] = True
    image[:, 10:30] = 99
    fill_from(image, known, ~known)
    assert (image[20, 13] == (200, 0, 0)).all()
    assert (image[20, 27] == 0).all()


def test_charbonnier_and_smoothness():
    assert losses.charbonnier(torch.zeros(4)).item() == pytest.approx(1e-6**0.45)
    assert losses.charbonnier(torch.full((4,), 2.0)).item() == pytest.approx(4**0.45, rel=1e-3)
    grid = identity_grid(torch.zeros(1, 1, 8, 6))
    flat = losses.second_order_smoothness(grid)
    assert flat.item() == pytest.approx(1e-6**0.45, rel=1e-2)
    bent = grid.clone()
    bent[:, :, 4, 3] += 0.5
    assert losses.second_order_smoothness(bent) > 10 * flat


def test_warp_losses_vanish_for_a_perfect_warp():
    garment, mask = torch.rand(1, 3, 16, 12), torch.ones(1, 1, 16, 12)
    values = losses.warp_losses(identity_grid(garment), garment, mask, garment, mask)
    assert values["garment"] < 1e-6
    assert values["mask"] < 1e-6
    shifted = losses.warp_losses(identity_grid(garment) + 0.5, garment, mask, garment, mask)
    assert shifted["garment"] > 0.05
    half = losses.warp_losses(identity_grid(torch.zeros(1, 1, 8, 6)), garment, mask, garment, mask * 0)
    assert half["mask"] == pytest.approx(1.0)


def test_gradient_difference_of_a_step():
    a, b = torch.zeros(1, 1, 8, 8), torch.ones(1, 1, 8, 8)
    assert losses.gradient_difference(a, b) == 0
    b[..., 4:] = 2
    # of 7 columns of differences one is 1, then of 3 one, then of 1 one
    assert losses.gradient_difference(a, b).item() == pytest.approx(1 / 7 + 1 / 3 + 1)


def test_change_target_covers_what_differs_and_what_is_worn():
    photo, fake = torch.zeros(1, 3, 32, 32), torch.zeros(1, 3, 32, 32)
    worn = torch.zeros(1, 1, 32, 32)
    fake[:, :, 4:10, 4:10] = 1
    fake[:, :, 20, 4] = 1  # a lone pixel is noise
    worn[:, :, 20:25, 20:25] = 1
    target = losses.change_target(fake, photo, worn)[0, 0]
    assert target[2:12, 2:12].all()
    assert target[18:27, 18:27].all()
    assert not target[20, :8].any()
    assert target.sum() < 300


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("train") / "figures", 6, seed=8, height=64, width=64)


CONFIG = SourceConfig(variants=1, narrowest=5, figures=2)


def test_sources_are_cached_and_follow_the_data(data, tmp_path):
    source = viton_source(data, data / "train_pairs.txt", tmp_path / "cache", CONFIG, 1)
    assert len(source) == 6
    assert source.photo.shape == (6, 64, 64, 3)
    assert set(np.unique(source.worn)) == {0, 255}
    assert all((source.fakes[0][row] != source.photo[row]).any() for row in range(6))
    stamp = (tmp_path / "cache/photo.npy").stat().st_mtime_ns
    again = viton_source(data, data / "train_pairs.txt", tmp_path / "cache", CONFIG, 1)
    np.testing.assert_array_equal(again.fakes[0], source.fakes[0])
    assert (tmp_path / "cache/photo.npy").stat().st_mtime_ns == stamp


def test_work_is_spread_over_processes():
    for processes in (1, 2):
        with spread(abs, 5, processes) as results:
            assert sorted(results) == [0, 1, 2, 3, 4]


def test_batches_move_picture_and_mask_alike(data, tmp_path):
    source = viton_source(data, data / "train_pairs.txt", tmp_path / "cache", CONFIG, 1)
    batch = next(batches([source], RestoreConfig(batch=6, own_garment=2)))
    assert batch.fake.shape == batch.photo.shape == (8, 3, 64, 64)
    assert batch.restored == 6
    differs = (batch.fake != batch.photo).flatten(1).any(dim=1)
    assert differs.tolist() == [True] * 6 + [False] * 2
    assert batch.garment_mask.unique().tolist() == [0, 1]
    assert batch.photo.abs().max() <= 1
    # on white, what lies outside the garment mask is white wherever the garment was moved to
    outside = batch.garment.mean(dim=1, keepdim=True)[batch.garment_mask == 0]
    assert outside.mean() > 0.9


def test_every_loss_falls_when_one_batch_is_learnt(data, tmp_path):
    source = viton_source(data, data / "train_pairs.txt", tmp_path / "cache", CONFIG, 1)
    torch.manual_seed(0)
    config = RestoreConfig(batch=4)
    batch = next(batches([source], config))
    network = Lite(SMALL_LITE)
    optimiser = torch.optim.Adam(network.parameters(), 5e-3)
    history = []
    for _ in range(60):
        values = batch_losses(network, batch, joint=True)
        optimiser.zero_grad()
        sum(config.weights[name] * value for name, value in values.items()).backward()
        optimiser.step()
        history.append({name: value.item() for name, value in values.items()})
    assert history[0].keys() == config.weights.keys()
    for name in config.weights.keys() - {"smoothness"}:
        assert history[-1][name] < 0.95 * history[0][name], name


@pytest.mark.slow
def test_a_run_ends_in_weights_that_load(data, tmp_path):
    config = RunConfig(SMALL_LITE, CONFIG, RestoreConfig(warp_minutes=0.02, joint_minutes=0.02, batch=4))
    lines = []
    weights = run_restore(data, data / "train_pairs.txt", tmp_path / "work", tmp_path / "out", config,
                          processes=1, report=lines.append)  # fmt: skip
    assert "VITON" in weights.manifest.terms
    assert (tmp_path / "work/checkpoint.pt").is_file()
    assert any("change" in line for line in lines)
    TryOn.load(tmp_path / "out")


def test_a_loss_that_is_not_finite_stops_the_run(data, tmp_path):
    source = viton_source(data, data / "train_pairs.txt", tmp_path / "cache", CONFIG, 1)
    config = RestoreConfig(
        warp_minutes=0.05, joint_minutes=0, batch=2, weights={"garment": float("nan"), "mask": 1, "smoothness": 1}
    )
    with pytest.raises(FitroomError, match="not finite"):
        train([source], config, tmp_path / "c.pt", SMALL_LITE)
    assert not (tmp_path / "c.pt").exists()


def test_settings(tmp_path, pytestconfig):
    path = tmp_path / "s.yaml"
    path.write_text("restore: {batch: 4}\n")
    found = read_settings(RunConfig, path, ("restore.learning_rate=0.5", "source.seed=9"))
    assert (found.restore.batch, found.restore.learning_rate, found.source.seed) == (4, 0.5, 9)
    with pytest.raises(InputError, match=r"unknown settings: restore\.bach"):
        read_settings(RunConfig, path, ("restore.bach=3",))
    with pytest.raises(InputError, match=r"restore\.batch: "):
        read_settings(RunConfig, path, ("restore.batch=many",))
    with pytest.raises(InputError, match="need key=value"):
        read_settings(RunConfig, path, ("restore.batch",))
    with pytest.raises(InputError, match="can't be read"):
        read_settings(RunConfig, tmp_path / "none.yaml")
    for shipped in (pytestconfig.rootpath / "configs").glob("*.yaml"):
        read_settings(RunConfig, shipped)
