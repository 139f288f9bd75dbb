"""Tests of the segmenter: its size, training, measurement, export, and masks."""

import shutil

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch.utils.flop_counter import FlopCounterMode

from fitroom import TryOn
from fitroom.cli import main
from fitroom.data.garment_scenes import GarmentSceneConfig
from fitroom.errors import ExportError
from fitroom.export import segmenter as exporting
from fitroom.export.segmenter import agreement, export_segmenter
from fitroom.export.weights import Origin
from fitroom.nets.segmenter import Segmenter, SegmenterConfig
from fitroom.runtime.interface import SEGMENTER
from fitroom.runtime.openvino import OpenVinoGraphs, compile_weights
from fitroom.store import open_weights
from fitroom.train.tasks.segmenter import STUDIO
from fitroom.train.tasks.segmenter_learner import (
    GarmentSceneBatches,
    SegmenterTrainee,
    SegmentingLosses,
    measure_segmenter,
)
from fitroom.tryon import load_segmenter

SMALL = SegmenterConfig(stem=8, encoder=(8, 16, 16, 16), blocks=(1, 1, 1, 1), pyramid=16, outline=8)
ORIGIN = Origin("segmenter", "0.0.0", "nothing", "none")


class Dark(torch.nn.Module):
    """A stand-in for a segmenter that marks dark pixels as garment."""

    def forward(self, picture):
        return -picture.mean(dim=1, keepdim=True) - 0.2


def test_segmenter_stays_within_its_size_and_compute_budget():
    network = Segmenter().eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        mask = network(torch.zeros(1, 3, 256, 192))
    assert counter.get_total_flops() / 2 < 0.5e9
    assert sum(parameter.numel() for parameter in network.parameters()) < 2e6
    assert mask.shape == (1, 1, 256, 192)


def test_every_parameter_gets_a_gradient():
    network = Segmenter()
    network(torch.rand(2, 3, 64, 64) * 2 - 1).square().mean().backward()
    silent = [name for name, parameter in network.named_parameters() if not parameter.grad.abs().any()]
    assert silent == []


def test_loss_decreases_during_training(training_samples):
    torch.manual_seed(0)
    trainee = SegmenterTrainee(Segmenter(SMALL), SegmentingLosses())
    batches = GarmentSceneBatches(training_samples, GarmentSceneConfig(), 12)
    optimiser = torch.optim.AdamW(trainee.parameters(), 5e-3)
    totals = []
    for step in range(40):
        total = trainee.total(trainee(batches.of_step(step)))
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        totals.append(float(total.detach()))
    assert sum(totals[-5:]) < 0.7 * sum(totals[:5])


def test_losses_of_correct_and_undecided_masks(training_samples):
    scene = GarmentSceneBatches(training_samples, STUDIO, 12).of_step(0)
    sure = SegmenterTrainee(torch.nn.Identity(), SegmentingLosses())

    def values(said):
        return {name: value.item() for name, value in sure(scene._replace(picture=said)).items()}

    right = values((scene.mask - 0.5) * 40)
    assert right["pixels"] == pytest.approx(0, abs=1e-6)
    assert right["overlap"] == pytest.approx(0, abs=1e-6)
    undecided = values(torch.zeros_like(scene.mask))
    assert undecided["pixels"] == pytest.approx(np.log(2), abs=1e-5)
    share = scene.mask.mean(dim=(1, 2, 3))
    assert undecided["overlap"] == pytest.approx((1 - share / (0.5 + share)).mean().item(), abs=0.01)


def test_measures_are_one_for_correct_masks_and_zero_for_empty_ones(training_samples):
    batches = GarmentSceneBatches(training_samples, STUDIO, 6)
    truth = iter([batches.of_step(step).mask for step in range(2)])
    assert measure_segmenter(lambda picture: next(truth) - 0.5, batches) == {"iou": 1.0, "found": 1.0}
    nothing = measure_segmenter(lambda picture: torch.full_like(picture[:, :1], -1.0), batches)
    assert nothing == {"iou": 0.0, "found": 0.0}


def test_batches_depend_only_on_the_step(training_samples):
    batches = GarmentSceneBatches(training_samples, GarmentSceneConfig(), 6)
    first, second = batches.of_step(3), batches.of_step(4)
    assert torch.equal(first.picture, batches.of_step(3).picture)
    assert not torch.equal(first.picture, second.picture)
    halves = [batches.of_step(3, rank, 2) for rank in range(2)]
    assert torch.allclose(torch.cat([half.picture for half in halves]), first.picture, atol=1e-4)
    assert all(name.endswith("_1.jpg") for name in batches.names(first))


def test_command_trains_and_exports_a_segmenter(figures, tmp_path, sample):
    small = [f"segmenter.{name}={list(v) if isinstance(v, tuple) else v}" for name, v in vars(SMALL).items()]
    settings = [*small, "height=64", "width=64", "loop.batch=4", "loop.warm_up=1", "loop.steps=2"]
    data = shutil.copytree(figures, tmp_path / "data")
    (data / "val_pairs_paired.txt").write_text((data / "train_pairs.txt").read_text())
    arguments = ["train", "segmenter", "--data", str(data), "--work", str(tmp_path), "-o", str(tmp_path / "weights")]
    result = CliRunner().invoke(main, [*arguments, *(part for setting in settings for part in ("--set", setting))])
    assert result.exit_code == 0, result.output
    assert "segmenter: 2 of 2 steps" in result.output
    assert "studio_iou" in result.output
    assert "scenes_found" in result.output
    manifest = open_weights(tmp_path / "weights").manifest
    assert (manifest.network, manifest.precision, manifest.height) == ("segmenter", "fp16", 64)
    mask = load_segmenter(tmp_path / "weights").segment(sample.garment)
    assert mask.shape == sample.garment.shape[:2]
    assert set(np.unique(mask)) <= {0, 255}


@pytest.fixture(scope="module")
def dark(tmp_path_factory):
    """Weights of a segmenter that marks dark pixels as garment."""
    network = Segmenter(SMALL).eval()
    monkey = pytest.MonkeyPatch()
    monkey.setattr(Segmenter, "forward", lambda self, picture: Dark()(picture))
    pictures = [np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)]
    folder = tmp_path_factory.mktemp("weights") / "dark"
    yield export_segmenter(network, folder, ORIGIN, pictures, "fp32", 64, 64).folder
    monkey.undo()


@pytest.mark.parametrize("shape", [(64, 64), (200, 90), (90, 200), (640, 640)])
def test_mask_covers_the_garment_in_pictures_of_any_size(dark, shape):
    """The garment is a dark box on a light striped background. A small dark spot is not part of it."""
    height, width = shape
    picture = np.full((*shape, 3), 170, np.uint8)
    picture[:, ::8] = 230
    box = np.zeros(shape, bool)
    box[height // 4 : 3 * height // 4, width // 4 : 3 * width // 4] = True
    picture[box] = 40
    picture[: height // 16, : width // 16] = 40
    tryon = TryOn.load(segmenter=dark)
    mask = tryon.segmenter.segment(picture) > 127
    assert (mask & box).sum() / (mask | box).sum() > 0.93
    assert not mask[0, 0]


def test_export_that_differs_from_pytorch_is_not_saved(tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "agreement", lambda *arguments: 0.5)
    pictures = [np.zeros((64, 64, 3), np.uint8)]
    with pytest.raises(ExportError, match=r"exported segmenter .* 50\.00% of the pixels; need 99\.99%"):
        export_segmenter(Segmenter(SMALL), tmp_path / "segmenter", ORIGIN, pictures, "fp32", 64, 64)
    assert list(tmp_path.iterdir()) == []


def test_exported_graph_matches_pytorch(tmp_path):
    torch.manual_seed(0)
    network = Segmenter(SMALL).eval()
    pictures = list(np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), np.uint8))
    weights = export_segmenter(network, tmp_path / "segmenter", ORIGIN, pictures, "fp32", 64, 64)
    assert agreement(OpenVinoGraphs(compile_weights(weights, (SEGMENTER,))), network, pictures) > 0.999
