"""The warp network of the guided network: its size, its losses, and its training by command."""

from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from torch.utils.flop_counter import FlopCounterMode

from fitroom.cli import main
from fitroom.nets.guidance import WARP_CHANNELS
from fitroom.nets.guided import GuidedWarp
from fitroom.nets.lite import identity_grid
from fitroom.train.checkpoint import load
from fitroom.train.tasks.guided_warp import scales_of, squeeze, trunk_of


def test_size():
    """At most 0.5 G multiply-adds and 2 M parameters, at half of 256x192."""
    network = GuidedWarp().eval()
    inputs = torch.zeros(1, WARP_CHANNELS, 128, 96), torch.zeros(1, 3, 128, 96), torch.zeros(1, 1, 128, 96)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        flows = network(*inputs)
    assert counter.get_total_flops() / 2 < 0.5e9
    assert sum(parameter.numel() for parameter in network.parameters()) < 2e6
    assert flows[-1].shape == (1, 2, 128, 96)


def test_channels_suit_browsers():
    """WebGPU handles input channels divisible by 3 but not by 4 wrongly, in kernels above 1x1."""
    for layer in GuidedWarp().modules():
        if isinstance(layer, torch.nn.Conv2d) and layer.kernel_size != (1, 1):
            assert layer.in_channels % 3 or not layer.in_channels % 4 or layer.in_channels == 147


def test_a_squeezed_garment_costs():
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


def test_the_commands_train_one_after_the_other(figures, tmp_path):
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
    arguments = ["train", "guided-warp", "--data", str(figures), "--work", str(tmp_path)]
    result = CliRunner().invoke(main, [*arguments, *(part for one in small for part in ("--set", one))])
    assert result.exit_code == 0, result.output
    assert "guided_warp: 2 of 2 steps" in result.output
    assert load(tmp_path / "guided_warp").step == 2
    assert Path(tmp_path, "guided_warp/settings.yaml").exists()
    small = ["paint.widths=[8,8,8,8]", "losses.features=0", "half=true", *small[-3:]]
    arguments = ["train", "guided", "--data", str(figures), "--work", str(tmp_path)]
    result = CliRunner().invoke(main, [*arguments, *(part for one in small for part in ("--set", one))])
    assert result.exit_code == 0, result.output
    assert "guided: 2 of 2 steps" in result.output
