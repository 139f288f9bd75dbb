"""Tests of augmentation."""

from dataclasses import fields

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fitroom.data import augment
from fitroom.data.augment import AugmentConfig, draw

NOTHING = AugmentConfig(*[0.0] * len(fields(AugmentConfig)))


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_augmentation_with_all_settings_at_zero_changes_nothing():
    changes = draw(NOTHING, 3, generator())
    picture = torch.rand(3, 3, 32, 24) * 2 - 1
    assert not changes.flip.any()
    assert torch.allclose(augment.move(picture, augment.grid_of(changes.person, 32, 24)), picture, atol=1e-5)
    assert not changes.recoloured.any()
    assert torch.equal(augment.relight(picture, changes.light), picture)
    assert torch.allclose(augment.before(picture, torch.ones(3, 1, 32, 24), changes.background), picture, atol=1e-6)


def test_equal_seeds_draw_equal_changes():
    config = AugmentConfig()
    a, b, c = (draw(config, 4, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(a.person, b.person)
    assert torch.equal(a.colour, b.colour)
    assert not torch.equal(a.person, c.person)


def test_scale_and_shift_stay_within_their_limits():
    config = AugmentConfig(scale=0.1, shift=0.05, turn=3)
    changes = draw(config, 500, generator())
    factor = torch.linalg.det(changes.person[:, :, :2]).sqrt()
    assert 0.89 < factor.min() < 0.92
    assert 1.08 < factor.max() < 1.11
    assert 0.09 < changes.person[:, :, 2].abs().max() <= 0.1
    assert 0.3 < changes.flip.float().mean() < 0.7


@given(st.integers(0, 2**31), st.booleans())
def test_key_points_move_with_their_pixels(seed, flipped):
    """A bright dot at a key point moves to the same place as the key point, mirrored or not."""
    height, width = 64, 48
    changes = draw(AugmentConfig(), 1, generator(seed))
    flip = torch.tensor([flipped])
    points = torch.zeros(1, 18, 3)
    points[0, :, :2] = torch.tensor([20.0, 30.0])
    points[0, 4] = torch.tensor([30.0, 26.0, 1.0])  # the right wrist
    dot = torch.zeros(1, 1, height, width)
    dot[0, 0, 26, 30] = 1
    grid = augment.grid_of(augment.mirrored(changes.person, flip), height, width)
    moved = augment.move(dot, grid, padding="zeros")[0, 0]
    carried = augment.move_points(augment.mirror_points(points, flip, width), changes.person, height, width)
    joint = 7 if flipped else 4  # mirroring turns the right wrist into the left one
    y, x = divmod(int(moved.argmax()), width)
    assert carried[0, joint, 2] == 1
    assert carried[0, joint, 0] == pytest.approx(x, abs=1)
    assert carried[0, joint, 1] == pytest.approx(y, abs=1)


def test_mirroring_swaps_left_and_right_labels():
    label = torch.tensor([[[11, 13, 4, 9, 10, 12]]], dtype=torch.uint8)
    assert augment.swap_sides(label, torch.tensor([True])).tolist() == [[[13, 11, 4, 10, 9, 12]]]
    assert torch.equal(augment.swap_sides(label, torch.tensor([False])), label)


def test_mirroring_key_points_twice_restores_them():
    points = torch.rand(2, 18, 3)
    twice = augment.mirror_points(augment.mirror_points(points, torch.tensor([True, True]), 48), torch.ones(2) > 0, 48)
    assert torch.allclose(twice, points, atol=1e-5)


def test_recolouring_changes_only_pixels_inside_the_mask():
    picture, mask = torch.rand(1, 3, 8, 6) * 2 - 1, torch.zeros(1, 1, 8, 6)
    mask[..., :3] = 1
    colour = torch.tensor([[[0.0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0.1]]])
    colour = torch.cat([colour, torch.zeros(1, 3, augment.SHADES)], dim=2)
    changed = augment.recolour(picture, mask, colour)
    assert torch.equal(changed[..., 3:], picture[..., 3:])
    assert torch.allclose(changed[:, 0, :, :3], picture[:, 1, :, :3], atol=1e-6)
    assert torch.allclose(changed[:, 2, :, :3], (picture[:, 2, :, :3] + 0.1).clamp(-1, 1), atol=1e-6)


def test_sampling_grids_equal_those_of_pytorch():
    matrices = draw(AugmentConfig(), 5, generator()).person
    expected = torch.nn.functional.affine_grid(matrices, [5, 3, 16, 12], align_corners=False)
    assert torch.allclose(augment.grid_of(matrices, 16, 12), expected, atol=1e-6)


def test_recolouring_of_prints_depends_on_brightness():
    """Pixels of equal brightness get equal colours: black print on white stays a print, in other colours."""
    picture = torch.full((1, 3, 4, 4), 1.0)
    picture[..., :2] = -1
    colour = torch.zeros(1, 3, 4 + augment.SHADES)
    colour[0, :, 4] = torch.tensor([0.5, -0.5, 0.0])  # colour of the darkest shade
    colour[0, :, -1] = torch.tensor([0.0, 0.25, -0.5])  # colour of the brightest shade
    changed = augment.recolour(picture, torch.ones(1, 1, 4, 4), colour)
    assert torch.allclose(changed[0, :, 0, 0], torch.tensor([0.5, -0.5, 0.0]))
    assert torch.allclose(changed[0, :, 0, 3], torch.tensor([0.0, 0.25, -0.5]))
    assert torch.allclose(augment.shades(torch.rand(2, 3, 8, 6) * 2 - 1).sum(1), torch.ones(()))


def test_colours_and_prints_are_drawn_with_their_configured_shares():
    changes = draw(AugmentConfig(colour=0.5, prints=0.3), 2000, generator())
    printed = changes.colour[..., 4:].abs().sum((1, 2)) > 0
    assert changes.recoloured.float().mean().item() == pytest.approx(0.8, abs=0.03)
    assert printed.float().mean().item() == pytest.approx(0.3, abs=0.03)
    assert not (printed & ~changes.recoloured).any()


def test_background_mask_excludes_the_person_and_an_unlabelled_neck():
    picture, label = torch.full((1, 3, 64, 48), 0.8), torch.zeros(1, 64, 48, dtype=torch.uint8)
    label[:, 30:, 12:36] = 4
    picture[:, :, 20:30, 20:28] = torch.tensor([0.3, 0.0, -0.2]).view(1, 3, 1, 1)  # neck, labelled as background
    picture[:, :, 30:, 12:36] = -0.5
    mask = augment.background_mask(picture, label)
    assert mask[0, 0, :15].min() == 1
    assert mask[0, 0, 22:29, 21:27].max() == 0
    assert mask[0, 0, 32:, 14:34].max() == 0
    changed = augment.before(picture, mask, torch.full((1, 3, 2, 2), 0.5))
    assert torch.allclose(changed[0, :, 0, 0], torch.full((3,), 1.8 * 0.5 - 1), atol=1e-5)
    # the garment of a fake can be narrower than its label, with background between them
    wide = label.clone()
    wide[:, 32:, 6:42] = 4
    assert augment.background_mask(picture, wide)[0, 0, 34:, 8:11].max() == 0
    assert augment.background_mask(picture, wide, reach=8)[0, 0, 34:, 8:11].min() == 1
    assert augment.background_mask(picture, wide, reach=8)[0, 0, 34:, 14:34].max() == 0
    assert augment.background_mask(picture - 1.5, label).max() == 0, "a dark background is no studio"
