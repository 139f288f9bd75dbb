"""Tests of the guided network's warp network: its size, its losses and its training by command."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch.utils.flop_counter import FlopCounterMode

from fitroom.body import PREDICTED, Label
from fitroom.cli import main
from fitroom.data.augment import UNCHANGED
from fitroom.errors import WeightsError
from fitroom.export.trained import export_guided
from fitroom.nets.body_warp import GuidedWarp
from fitroom.nets.guidance import GROUPS, WARP_CHANNELS
from fitroom.nets.lite import identity_grid
from fitroom.runtime.interface import Parsing
from fitroom.train.checkpoint import load, save
from fitroom.train.session import Faces
from fitroom.train.tasks.guided import assembled, read_painter_config
from fitroom.train.tasks.guided_samples import GuidedBatches, halved, mended, parsed
from fitroom.train.tasks.guided_warp import begin_with, checksum_of, scales_of, squeeze, trunk_of


def test_guided_warp_stays_within_its_size_budget():
    """At most 0.5 G multiply-adds and 2 M parameters for pictures of 128x96."""
    network = GuidedWarp().eval()
    inputs = torch.zeros(1, WARP_CHANNELS, 128, 96), torch.zeros(1, 3, 128, 96), torch.zeros(1, 1, 128, 96)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        flows = network(*inputs)
    assert counter.get_total_flops() / 2 < 0.5e9
    assert sum(parameter.numel() for parameter in network.parameters()) < 2e6
    assert flows[-1].shape == (1, 2, 128, 96)


def test_squeeze_loss_penalises_squeezed_garments():
    flow = identity_grid(torch.zeros(1, 1, 32, 24))
    trunk = torch.ones(1, 1, 32, 24)
    assert float(squeeze(flow, trunk)) == pytest.approx(0)
    squeezed = flow * torch.tensor([1.0, 1.5]).view(1, 2, 1, 1)
    across, along = scales_of(squeezed)
    assert float((along / across).mean()) == pytest.approx(1.5, rel=1e-3)
    assert float(squeeze(squeezed, trunk)) > 0.05


def test_the_trunk_lies_between_shoulders_and_hips():
    points = torch.zeros(1, 18, 3)
    for row, place in ((2, (10, 10)), (5, (30, 10)), (8, (12, 40)), (11, (28, 40))):
        points[0, row] = torch.tensor([*place, 1.0])
    trunk = trunk_of(points, 64, 48)[0, 0]
    assert trunk[25, 20] == 1
    assert not trunk[:10].any()
    assert not trunk[41:].any()
    points[0, 8, 2] = 0
    assert not trunk_of(points, 64, 48).any()


def test_commands_train_the_warp_network_then_the_painter_for_export(figures, tmp_path):
    small = [
        "warp.stem=8",
        "warp.encoder=[8,8,8,8]",
        "warp.pyramid=8",
        "warp.heads=[8,8,8,8,8,8,8]",
        "losses.features=0",
        "loop.steps=2",
        "loop.batch=4",
        "loop.warm_up=1",
    ]
    data = shutil.copytree(figures, tmp_path / "data")
    # the number of persons is not divisible by the batch size
    (data / "val_pairs_paired.txt").write_text("".join((data / "train_pairs.txt").read_text().splitlines(True)[:7]))
    arguments = ["train", "guided_warp", "--data", str(data), "--work", str(tmp_path)]
    result = CliRunner().invoke(main, [*arguments, *(part for one in small for part in ("--set", one))])
    assert result.exit_code == 0, result.output
    assert "guided_warp: 2 of 2 steps" in result.output
    assert load(tmp_path / "guided_warp").step == 2
    assert Path(tmp_path, "guided_warp/settings.yaml").exists()
    for name in ("warp_iou ", "warp_iou_clear ", "squeeze "):
        assert 0 < float(result.output.split(name)[1].split()[0]) < 5
    small = ["paint.widths=[8,8,8,8]", "losses.features=0", *small[-2:]]
    arguments = ["train", "guided", "--data", str(data), "--work", str(tmp_path)]
    arguments += [part for one in small for part in ("--set", one)]
    # first at half the size, then at full size
    for more in (["half=true", "loop.steps=2"], ["half=false", "loop.steps=3"]):
        resumed = ["--resume"] if more[0] == "half=false" else []
        result = CliRunner().invoke(main, [*arguments, *resumed, *(part for one in more for part in ("--set", one))])
        assert result.exit_code == 0, result.output
        assert float(result.output.split("layout ")[1].split()[0]) > 0
    assert "guided: 3 of 3 steps" in result.output
    config = read_painter_config(None, ("paint.widths=[8,8,8,8]",))
    weights = export_guided(config, tmp_path, data, "train_pairs.txt", tmp_path / "weights", None)
    assert weights.manifest.network == "guided"
    assert weights.manifest.parses
    assert weights.manifest.config["warp"]["parser"] == checksum_of("parser")
    # pretend that it was trained with an older parser
    checkpoint = load(tmp_path / "guided_warp")
    save(replace(checkpoint, config=checkpoint.config | {"parser": "0" * 64}), tmp_path / "guided_warp")
    with pytest.raises(WeightsError, match="trained with another parser"):
        assembled(tmp_path, "parser")


@pytest.mark.parametrize("command", ["guided_warp", "guided"])
def test_sizes_not_divisible_by_64_are_refused(command, figures, tmp_path):
    arguments = ["train", command, "--data", str(figures), "--work", str(tmp_path), "--set", "width=96"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert "need multiples of 64" in result.output


def test_tensors_of_another_network_are_refused(tmp_path):
    torch.save({"x": torch.zeros(1)}, tmp_path / "other.pt")
    for path in (tmp_path / "other.pt", tmp_path / "none.pt"):
        with pytest.raises(WeightsError, match="can't be loaded into this network"):
            begin_with(GuidedWarp(), str(path))


def test_persons_without_shoulders_are_left_out(training_samples):
    class Half:
        """A parser that finds a person in every second photo."""

        def __init__(self):
            self.asked = 0

        def parse(self, picture):
            self.asked += 1
            points = np.zeros((18, 3), np.float32)
            points[:, 2] = self.asked % 2
            logits = np.zeros((len(PREDICTED), 16, 16), np.float32)
            return Parsing(np.zeros(picture.shape[:2], np.uint8), points, logits)

    made = halved(parsed(training_samples, Half(), Faces()))
    assert len(made) == 6
    assert made.photo.shape == (6, 3, 32, 32)
    assert made.soft.shape == (6, len(PREDICTED), 16, 16)
    batch = GuidedBatches(made, UNCHANGED, 3, True).of_step(0)
    assert batch.shares.shape == (3, GROUPS, 32, 32)


def test_labels_that_miss_the_garment_are_corrected(training_samples):
    label = torch.full((1, 32, 32), int(Label.UPPER_CLOTHES), dtype=torch.uint8)
    label[:, :8], label[:, 8:12], label[:, 12:16] = Label.NOISE, Label.BACKGROUND, Label.LOWER_CLOTHES
    soft = torch.zeros(1, len(PREDICTED), 8, 8, dtype=torch.uint8)
    soft[:, PREDICTED.index(Label.UPPER_CLOTHES), :, 4:] = 255
    made = mended(replace(training_samples, label=label, soft=soft)).label
    assert (made[:, :12, 20:] == Label.UPPER_CLOTHES).all()
    assert torch.equal(made[..., :12], label[..., :12])
    assert torch.equal(made[:, 12:], label[:, 12:])
