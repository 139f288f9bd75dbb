"""Tests of poses and the maps between them."""

import numpy as np
import pytest

from fitroom import body
from fitroom.body import Skeleton, complete, pixel_grid
from fitroom.data import limbs
from fitroom.data.limbs import nearest_part, part_map


@pytest.fixture
def skeleton(sample) -> Skeleton:
    found = complete(sample.photo.key_points)
    assert found is not None
    return found


@pytest.mark.parametrize("part", [body.TORSO, body.RIGHT_ARM, body.LEFT_ARM])
def test_part_map_of_a_pose_to_itself_is_the_identity(skeleton, part):
    found = part_map(part, skeleton, skeleton, 64, 48)
    np.testing.assert_allclose(found, pixel_grid(64, 48), atol=1e-2)


def test_part_map_follows_shift_and_scale_of_the_pose(skeleton):
    moved = Skeleton(skeleton.points * 0.5 + np.array([7, 3]))
    for part in (body.TORSO, body.RIGHT_ARM, body.LEFT_ARM):
        found = part_map(part, skeleton, moved, 256, 192)
        np.testing.assert_allclose(found, pixel_grid(256, 192) * 0.5 + (7, 3), atol=0.5)


def test_part_map_maps_joints_to_joints(skeleton, rng):
    other = Skeleton((skeleton.points + rng.uniform(-6, 6, skeleton.points.shape)).astype(np.float32))
    for part, (_, elbow, wrist) in body.ARM_JOINTS.items():
        found = part_map(part, skeleton, other, 256, 192)
        for joint in (elbow, wrist):
            x, y = np.clip(skeleton.points[joint].round().astype(int), 0, (191, 255))
            assert np.linalg.norm(found[y, x] - other.points[joint]) < 4


def test_nearest_part_is_an_arm_at_its_elbow_and_the_torso_in_the_middle(skeleton):
    parts = nearest_part(skeleton, 256, 192)
    for part, joints in body.ARM_JOINTS.items():
        x, y = np.clip(skeleton.points[joints[1]].round().astype(int), 0, (191, 255))
        assert parts[y, x] == part
    x, y = skeleton.points[[body.RIGHT_SHOULDER, body.LEFT_SHOULDER, body.RIGHT_HIP, body.LEFT_HIP]].mean(axis=0)
    assert parts[int(y), int(x)] == body.TORSO


def test_missing_arms_and_hips_are_estimated_but_shoulders_are_required():
    points = np.zeros((18, 3), np.float32)
    assert complete(points) is None
    points[body.RIGHT_SHOULDER] = 60, 80, 1
    points[body.LEFT_SHOULDER] = 140, 80, 1
    found = complete(points)
    assert found is not None
    assert found.shoulder_width == 80
    assert found.points[body.RIGHT_WRIST, 1] > found.points[body.RIGHT_ELBOW, 1] > 80
    assert found.points[body.LEFT_HIP, 1] == pytest.approx(80 + 1.45 * 80)


def test_lengthening_changes_garments_only_below_the_chest():
    points = np.zeros((18, 2), np.float32)
    points[body.RIGHT_SHOULDER], points[body.LEFT_SHOULDER] = (30, 30), (70, 30)
    points[body.RIGHT_HIP], points[body.LEFT_HIP] = (36, 80), (64, 80)
    target = Skeleton(points)
    grid = body.pixel_grid(120, 100)
    longer, shorter = (limbs.lengthened(grid, target, length) for length in (1.5, 0.5))
    # shoulders at row 30 and hips at row 80 put the chest at row 55
    assert np.allclose(longer[:55], grid[:55], atol=1e-3)
    assert np.allclose(longer[85, 50], (50, 55 + 30 / 1.5), atol=1e-3)
    assert np.allclose(shorter[85, 50], (50, 55 + 30 / 0.5), atol=1e-3)
    assert np.allclose(limbs.lengthened(grid, target, 1.0), grid)
