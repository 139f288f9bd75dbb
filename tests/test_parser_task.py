"""Tests of the parser's training: losses, batches, measurement, and the command."""

import math
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

from fitroom.body import PREDICTED, Label
from fitroom.cli import main
from fitroom.data.label_sets import ANY, ROW, SINGLE, TABLE, TOP
from fitroom.data.scenes import SceneConfig
from fitroom.data.street import open_labelled
from fitroom.data.street_samples import backgrounds, load_street
from fitroom.data.street_scenes import StreetConfig
from fitroom.errors import WeightsError
from fitroom.export.parser import AGREED
from fitroom.nets.parser import Parsed, Parser, ParserConfig, key_points
from fitroom.store import open_weights
from fitroom.train.checkpoint import load
from fitroom.train.tasks.parser import STUDIO, ParsingConfig, fresh_parser, sets_of
from fitroom.train.tasks.parser_learner import (
    MixedBatches,
    ParserTrainee,
    ParsingLosses,
    SceneBatches,
    StreetBatches,
    fitted_calibration,
    measure_parser,
    point_loss,
    point_maps,
    predict_with,
    set_loss,
)
from street_folder import DrawnParser, write_street

SMALL = ParserConfig(blocks=(0, 1, 3), pyramid=16)


@pytest.fixture(scope="module")
def studio_sets(training_samples):
    return sets_of(training_samples)


@pytest.fixture(scope="module")
def street(tmp_path_factory):
    folder = open_labelled(write_street(tmp_path_factory.mktemp("street"), 4))
    return load_street(folder, folder.names("train.txt"), DrawnParser())


class Truth(torch.nn.Module):
    """A stand-in for a parser that predicts the ground truth."""

    def __init__(self, batches):
        super().__init__()
        self.steps = iter(batches.of_step(step) for step in range(100))
        self.calibration = torch.tensor([1.0, 0.0])

    def forward(self, photo):
        scene = next(self.steps)
        labels = torch.from_numpy(TABLE[:, list(PREDICTED)])[scene.sets.long()].permute(0, 3, 1, 2).float()
        return Parsed(labels, point_maps(scene.key_points, *photo.shape[-2:]).clamp(1e-6, 1 - 1e-6).logit(), labels)


def test_point_maps_and_point_loss_of_a_known_case():
    points = torch.zeros(1, 18, 3)
    points[0, 0] = torch.tensor([13.5, 17.5, 1.0])
    maps = point_maps(points, 32, 32)
    assert maps[0, 0, 4, 3] == 1
    assert maps[0, 0, 4, 4] == pytest.approx(math.exp(-1 / (2 * 1.5**2)))
    assert not maps[0, 1:].any()
    expected = 18 * 8 * 8 * math.log(2) / maps.sum()
    assert point_loss(torch.zeros(1, 18, 8, 8), points) == pytest.approx(float(expected), rel=1e-5)
    # maps of unknown joints do not count
    points[0, 1:, 2] = -1
    assert point_loss(torch.zeros(1, 18, 8, 8), points) == pytest.approx(float(expected) / 18, rel=1e-5)


def test_set_loss_sums_the_probabilities_of_the_labels_in_a_set():
    logits = torch.randn(1, len(PREDICTED), 4, 4, generator=torch.Generator().manual_seed(0))
    probabilities = logits.softmax(dim=1)
    top = torch.full((1, 4, 4), ROW[TOP], dtype=torch.uint8)
    corner = int(top.sum()) % 4
    expected = -sum(probabilities[:, PREDICTED.index(label)] for label in TOP).log()
    assert set_loss(logits, top) == pytest.approx(
        float(expected[..., corner // 2 :: 2, corner % 2 :: 2].mean()), rel=1e-5
    )
    for labels in (ANY, SINGLE[Label.RARE_2]):  # neither restricts the prediction
        assert set_loss(logits, torch.full((1, 4, 4), ROW[labels], dtype=torch.uint8)) == pytest.approx(0, abs=1e-5)


def test_mixed_batches_contain_both_sources_and_depend_only_on_the_step(training_samples, studio_sets, street):
    clear = backgrounds(street, 64, 64)
    batches = MixedBatches(
        SceneBatches(training_samples, studio_sets, SceneConfig(), 4, street=clear),
        StreetBatches(street, StreetConfig(), 2, 64, 64),
    )
    first = batches.of_step(3)
    assert first.photo.shape == (6, 3, 64, 64)
    assert len(batches.names(first)) == 6
    assert set(batches.names(first)[4:]) <= {photo.name for photo in street}
    assert torch.equal(first.photo, batches.of_step(3).photo)
    assert not torch.equal(first.photo, batches.of_step(4).photo)


def test_measured_iou_is_one_for_the_ground_truth_and_low_for_an_untrained_parser(training_samples, studio_sets):
    batches = SceneBatches(training_samples, studio_sets, STUDIO, 6)
    figures = measure_parser(predict_with(Truth(batches)), batches)
    assert figures["mean_iou"] == 1
    assert figures["points"] > 0.95
    assert figures.keys() >= {"iou_background", "iou_upper_clothes", "iou_face"}
    ignorant = measure_parser(predict_with(Parser(SMALL).eval()), batches)
    assert ignorant["mean_iou"] < 0.5


def test_scene_batches_depend_only_on_the_step(training_samples, studio_sets):
    batches = SceneBatches(training_samples, studio_sets, SceneConfig(), 6)
    first, second = batches.of_step(3), batches.of_step(4)
    assert torch.equal(first.photo, batches.of_step(3).photo)
    assert not torch.equal(first.photo, second.photo)
    halves = [batches.of_step(3, rank, 2) for rank in range(2)]
    assert torch.allclose(torch.cat([half.photo for half in halves]), first.photo, atol=1e-5)
    assert len(batches.names(first)) == 6


def test_loss_decreases_during_training(training_samples, studio_sets):
    torch.manual_seed(0)
    trainee = ParserTrainee(Parser(SMALL), ParsingLosses())
    batches = SceneBatches(training_samples, studio_sets, SceneConfig(), 12)
    optimiser = torch.optim.AdamW(trainee.parameters(), 5e-3)
    totals = []
    for step in range(40):
        total = trainee.total(trainee(batches.of_step(step)))
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        totals.append(float(total.detach()))
    assert sum(totals[-5:]) < 0.6 * sum(totals[:5])


def test_command_trains_resumes_and_exports(figures, tmp_path, monkeypatch):
    small = [
        f"parser.{name}={list(value) if isinstance(value, tuple) else value}" for name, value in vars(SMALL).items()
    ]
    settings = [*small, "pretrained=false", "height=64", "width=64", "loop.batch=4", "loop.warm_up=1"]
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
    # predictions of a hardly trained parser depend on rounding, so INT8 may differ
    monkeypatch.setitem(AGREED, "int8", 0.0)
    more = [*arguments, "--set", "loop.steps=3", "--resume", "-o", str(tmp_path / "weights")]
    assert CliRunner().invoke(main, more).exit_code == 0
    assert open_weights(tmp_path / "weights").manifest.network == "parser"
    assert load(tmp_path / "parser").step == 3
    config = ParsingConfig(parser=SMALL, start=str(tmp_path / "weights"))
    kept = load_file(tmp_path / "weights" / "network.safetensors")
    assert torch.equal(fresh_parser(config).refine[0].weight, kept["refine.0.weight"].float())
    with pytest.raises(WeightsError, match="found a parser with"):
        fresh_parser(replace(config, parser=replace(SMALL, pyramid=SMALL.pyramid + 8)))
    assert "unknown settings: parser.width" in CliRunner().invoke(main, [*arguments, "--set", "parser.width=3"]).output


def test_calibrated_confidence_equals_the_share_of_joints_found(training_samples, studio_sets):
    """A parser that finds half of the joints, with equal maps for all, must get a confidence of 0.5."""

    class Half(torch.nn.Module):
        def forward(self, photo):
            scene = batches.of_step(0)
            points = scene.key_points.clone()
            points[::2, :, 0] += 30  # far off in every other photo
            return Parsed(photo, point_maps(points, *photo.shape[-2:]).mul(0.2).clamp(min=1e-6).logit(), photo)

    batches = SceneBatches(training_samples, studio_sets, STUDIO, 12)
    calibration = fitted_calibration(Half(), batches, 1)
    confidence = key_points(Half()(batches.of_step(0).photo).points, calibration)[..., 2]
    known = batches.of_step(0).key_points[..., 2] > 0
    assert float(confidence[known].mean()) == pytest.approx(0.5, abs=0.1)
