"""Tests of realism on ImageNet features, and of how the measures of looks rank known systems."""

import cv2
import numpy as np
import pytest
import torch

from conftest import shared
from fitroom.data.viton import Pair
from fitroom.evaluate.evaluate import look_case, look_measures_of
from fitroom.evaluate.imagenet import imagenet_tensors
from fitroom.evaluate.plan import make_plan
from fitroom.evaluate.realism import features_of, open_features, realism
from fitroom.evaluate.systems import Copy, Paste, open_system
from fitroom.nets.efficientnet import EfficientNetLite0
from fitroom.tryon import open_parser


@pytest.fixture(scope="module")
def network():
    return open_features()


@pytest.fixture(scope="module")
def photos():
    """Smooth random pictures."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 255, (12, 16, 12, 3), np.uint8)
    return [cv2.resize(one, (96, 128), interpolation=cv2.INTER_CUBIC) for one in coarse]


def test_features_have_the_expected_shapes_and_range(network, photos):
    pooled, patches = features_of(network, photos)
    assert pooled.shape == (12, 1280)
    assert patches.shape == (12 * 8 * 6, 112)
    assert pooled.min() >= 0
    assert pooled.max() <= 6


def test_full_and_reduced_networks_load_the_published_tensors():
    tensors = imagenet_tensors()
    for blocks in (tuple(range(16)), (0, 1, 3, 4)):
        network = EfficientNetLite0(blocks)
        network.load_state_dict(network.own_tensors(tensors))
        assert torch.equal(network._blocks[-1]._bn2.weight, tensors[f"_blocks.{blocks[-1]}._bn2.weight"])


def test_features_of_a_shifted_picture_are_closer_than_those_of_another_picture(network, photos):
    pooled, _ = features_of(network, photos)
    shifted, _ = features_of(network, [np.roll(photo, 32, axis=1) for photo in photos])
    other = pooled.roll(1, dims=0)
    near = torch.nn.functional.cosine_similarity(pooled, shifted)
    far = torch.nn.functional.cosine_similarity(pooled, other)
    assert near.mean() > far.mean()


def test_distances_are_smaller_for_equal_pictures_than_for_blurred_ones(network, photos):
    same = realism(network, photos, photos)
    blurred = realism(network, [cv2.GaussianBlur(photo, (0, 0), 3) for photo in photos], photos)
    assert same.frechet < 1e-3
    assert same.kid < blurred.kid
    assert same.patch_frechet < blurred.patch_frechet
    assert blurred.kid_deviation > 0


@pytest.mark.slow
def test_measures_rank_known_systems_as_expected():
    """The unchanged photo has the most leftover and the worst cut.

    A flat paste does more damage than `lite`, and is less realistic.
    """
    plan = make_plan(shared("viton"), "val_pairs_unpaired.txt", "val_pairs_paired.txt").first(40)
    parser = open_parser("parser")
    found = {}
    for system in (Copy(), Paste(), open_system("lite")):
        measures = look_measures_of(plan, parser)
        for pair in plan.unpaired.pairs:
            subject = plan.subject(pair.person)
            look = system.dress(subject.photo, plan.garment(pair.garment), subject.key_points)
            measures.add(look_case(plan, subject, pair.garment, look.image))
        found[system.name] = measures.figures()
    assert isinstance(plan.unpaired.pairs[0], Pair)
    for key in ("leftover", "cut_neckline", "cut_arms"):
        assert found["copy"][key] > max(found["lite"][key], found["paste"][key] if key == "leftover" else 0)
    assert found["copy"]["leftover"] == 1
    assert found["copy"]["damage"] == 0
    assert found["paste"]["damage"] > found["lite"]["damage"]
    assert found["paste"]["kid_lite0"] > found["lite"]["kid_lite0"]
