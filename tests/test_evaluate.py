"""Measures with answers that are known, and the command that prints them."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from fitroom.cli import main
from fitroom.data import limbs
from fitroom.data.synthetic import write_dataset
from fitroom.evaluate.metrics import changeable, mask_iou, mean_difference, neck_region


def test_mask_iou():
    a, b = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    assert mask_iou(a, b) == 1
    a[:2] = True
    assert mask_iou(a, b) == 0
    b[1:3] = True
    assert mask_iou(a, b) == pytest.approx(4 / 12)


def test_mean_difference():
    a, b = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 250, np.uint8)
    where = np.zeros((4, 4), bool)
    assert mean_difference(a, b, where) == 0
    where[0] = True
    assert mean_difference(a, b, where) == 250
    assert mean_difference(b, a, where) == 250


def test_the_neck_lies_between_nose_and_shoulders(sample):
    points = sample.photo.key_points
    region = neck_region(points, 256, 192)
    x, y = points[limbs.NECK, :2].astype(int)
    assert region[y, x]
    assert not region[: int(points[limbs.NOSE, 1])].any()
    assert 0.005 < region.mean() < 0.08
    assert not neck_region(np.zeros((18, 3), np.float32), 256, 192).any()


def test_garments_arms_and_neck_may_change_nothing_else(sample):
    label, points = sample.photo.label, sample.photo.key_points
    warped = np.zeros(label.shape, bool)
    warped[250:, :10] = True
    found = changeable(label, points, warped)
    assert found[np.isin(label, (4, 11, 13))].all()
    assert found[250:, :10].all()
    assert not found[(label == 12) & ~neck_region(points, 256, 192)].mean() > 0.1
    assert not found[:20].any()


@pytest.mark.slow
def test_shipped_weights_on_drawn_figures(tmp_path):
    """A system that copies its input would score 0 for changed_share; one that redraws the picture, more outside."""
    root = write_dataset(tmp_path / "figures", 12, seed=77)
    lists = ["--pairs", str(root / "unpaired_pairs.txt"), "--paired", str(root / "train_pairs.txt")]
    result = CliRunner().invoke(main, ["evaluate", "--data", str(root), *lists, "-o", str(tmp_path / "m.json")])
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "m.json").read_text())
    assert figures["looks"] == 12
    assert figures["changed_share"] > 0.8
    assert figures["outside_change"] < 4
    assert figures["warp_iou"] > 0.8
