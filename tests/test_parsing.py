"""What the parser learns, and how it is measured."""

import math
import shutil
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from fitroom.cli import main
from fitroom.data.scenes import SceneConfig
from fitroom.export.parser import AGREED
from fitroom.nets.parser import LABELS, Parsed, Parser
from fitroom.nets.trunk import TrunkConfig
from fitroom.store import open_weights
from fitroom.train.checkpoint import load
from fitroom.train.parsing import (
    ParserTrainee,
    ParsingLosses,
    SceneBatches,
    measure_parser,
    point_loss,
    point_maps,
    told_by,
)
from fitroom.train.parsing_run import STUDIO

SMALL = TrunkConfig(stem=8, encoder=(8, 8, 16, 16), blocks=(1, 1, 1, 1), pyramid=16)


class Told(torch.nn.Module):
    """Says what it is told, in place of a parser."""

    def __init__(self, batches):
        super().__init__()
        self.steps = iter(batches.of_step(step) for step in range(100))

    def forward(self, photo):
        scene = next(self.steps)
        labels = torch.nn.functional.one_hot(scene.label.long(), LABELS).permute(0, 3, 1, 2).float()
        return Parsed(labels, point_maps(scene.key_points, *photo.shape[-2:]).clamp(1e-6, 1 - 1e-6).logit())


def test_losses_of_a_tiny_case():
    points = torch.zeros(1, 18, 3)
    points[0, 0] = torch.tensor([13.5, 17.5, 1.0])
    maps = point_maps(points, 32, 32)
    assert maps[0, 0, 4, 3] == 1
    assert maps[0, 0, 4, 4] == pytest.approx(math.exp(-1 / (2 * 1.5**2)))
    assert not maps[0, 1:].any()
    expected = 18 * 8 * 8 * math.log(2) / maps.sum()
    assert point_loss(torch.zeros(1, 18, 8, 8), points) == pytest.approx(float(expected), rel=1e-5)


def test_one_that_knows_everything(training_samples):
    batches = SceneBatches(training_samples, STUDIO, 6)
    figures = measure_parser(told_by(Told(batches)), batches)
    assert figures["mean_iou"] == 1
    assert figures["points"] > 0.95
    assert figures.keys() >= {"iou_0", "iou_4", "iou_12"}
    ignorant = measure_parser(told_by(Parser(SMALL).eval()), batches)
    assert ignorant["mean_iou"] < 0.5


def test_scenes_depend_on_the_step_alone(training_samples):
    batches = SceneBatches(training_samples, SceneConfig(), 6)
    first, second = batches.of_step(3), batches.of_step(4)
    assert torch.equal(first.photo, batches.of_step(3).photo)
    assert not torch.equal(first.photo, second.photo)
    halves = [batches.of_step(3, rank, 2) for rank in range(2)]
    assert torch.allclose(torch.cat([half.photo for half in halves]), first.photo, atol=1e-5)
    assert len(batches.names(first)) == 6


def test_it_learns(training_samples):
    torch.manual_seed(0)
    trainee = ParserTrainee(Parser(SMALL), ParsingLosses())
    batches = SceneBatches(training_samples, SceneConfig(), 12)
    optimiser = torch.optim.AdamW(trainee.parameters(), 5e-3)
    totals = []
    for step in range(40):
        total = trainee.total(trainee(batches.of_step(step)))
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        totals.append(float(total.detach()))
    assert sum(totals[-5:]) < 0.6 * sum(totals[:5])


def test_the_command(figures, tmp_path, monkeypatch):
    small = [
        f"parser.{name}={list(value) if isinstance(value, tuple) else value}" for name, value in vars(SMALL).items()
    ]
    settings = [*small, "height=64", "width=64", "loop.batch=4", "loop.warm_up=1"]
    data = shutil.copytree(figures, tmp_path / "data")
    (data / "val_pairs_paired.txt").write_text((data / "train_pairs.txt").read_text())
    arguments = ["train", "parser", "--data", str(data), "--work", str(tmp_path)]
    arguments = [*arguments, *(part for setting in settings for part in ("--set", setting))]
    result = CliRunner().invoke(main, [*arguments, "--set", "loop.steps=2"])
    assert result.exit_code == 0, result.output
    assert "parser: 2 of 2 steps" in result.output
    assert "studio_mean_iou" in result.output
    assert "scenes_points" in result.output
    assert Path(tmp_path, "parser/settings.yaml").exists()
    again = CliRunner().invoke(main, [*arguments, "--set", "loop.steps=3"])
    assert again.exit_code == 2
    assert "--resume" in again.output
    # hardly trained, most of what it says is a matter of rounding
    monkeypatch.setitem(AGREED, "int8", 0.0)
    more = [*arguments, "--set", "loop.steps=3", "--resume", "-o", str(tmp_path / "weights")]
    assert CliRunner().invoke(main, more).exit_code == 0
    assert open_weights(tmp_path / "weights").manifest.network == "parser"
    assert load(tmp_path / "parser").step == 3
    assert "unknown settings: parser.width" in CliRunner().invoke(main, [*arguments, "--set", "parser.width=3"]).output
