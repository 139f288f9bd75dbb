"""Tests of garment scenes: each mask still fits its garment."""

from dataclasses import replace

import pytest
import torch

from fitroom.data.garment_scenes import STUDIO, GarmentSceneConfig, compose_garment_scenes, draw_garment_scenes
from fitroom.train.batches import generator_of, to_unit


@pytest.fixture
def shots(training_samples):
    """Garments and masks of twelve figures."""
    return to_unit(training_samples.garment), training_samples.garment_mask.unsqueeze(1) / 255


def scene(config, shots, seed=0):
    scenes = draw_garment_scenes(config, len(shots[0]), generator_of(seed), aspect=1.0)
    return compose_garment_scenes(scenes, *shots, shots[0])


def test_studio_scenes_change_nothing(shots):
    picture, mask = scene(STUDIO, shots)
    assert torch.allclose(picture, shots[0], atol=1e-4)
    assert torch.equal(mask, (shots[1] > 0.5).float())


def test_new_grounds_keep_the_colours_of_the_garments(shots):
    picture, mask = scene(replace(STUDIO, ground=1.0), shots)
    changed = (picture - shots[0]).abs().amax(dim=1, keepdim=True) > 0.1
    inside = -torch.nn.functional.max_pool2d(-mask, 5, 1, 2) > 0
    outside = torch.nn.functional.max_pool2d(shots[1], 5, 1, 2) == 0
    assert changed[inside].float().mean() < 0.02
    assert changed[outside].float().mean() > 0.7


def test_masks_move_with_their_garments(shots):
    """The garments are dark silhouettes, so that the picture shows where they are."""
    silhouettes = (1 - 2 * shots[1]).expand(-1, 3, -1, -1)
    config = replace(STUDIO, flip=0.5, smaller=0.5, larger=0.1, aside=0.5, turn=30.0)
    for seed in range(4):
        picture, mask = scene(config, (silhouettes, shots[1]), seed)
        dark = picture.mean(dim=1, keepdim=True) < 0
        shared, either = (dark & (mask > 0)).sum(), (dark | (mask > 0)).sum()
        assert shared / either > 0.97
        assert (mask.sum(dim=(1, 2, 3)) - shots[1].sum(dim=(1, 2, 3))).abs().max() > 50


def test_shadows_darken_only_the_ground(shots):
    config = replace(STUDIO, ground=1.0)
    plain, mask = scene(config, shots, 2)
    dark, _ = scene(replace(config, shadow=1.0), shots, 2)
    assert (dark - plain).max() < 1e-4
    darker = (plain - dark).amax(dim=1, keepdim=True) > 0.02
    assert darker.float().mean() > 0.02
    assert darker[-torch.nn.functional.max_pool2d(-mask, 5, 1, 2) > 0].float().mean() < 0.05


def test_part_of_a_batch_equals_the_same_rows_of_the_whole(shots):
    scenes = draw_garment_scenes(GarmentSceneConfig(), 12, generator_of(3), aspect=1.0)
    whole = compose_garment_scenes(scenes, *shots, shots[0])
    part = slice(4, 9)
    some = compose_garment_scenes(scenes.rows(part, torch.device("cpu")), *(x[part] for x in shots), shots[0])
    for a, b in zip(whole, some, strict=True):
        assert torch.allclose(a[part], b, atol=1e-4)
