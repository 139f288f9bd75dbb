"""Move the parts of a garment with the bones of a pose.

A garment has three parts: a torso and two sleeves. The torso follows an affine map of shoulders and hips. A sleeve
follows the upper arm and the forearm, each with its own similarity transform, blended at elbow and shoulder (linear
blend skinning; Magnenat-Thalmann et al., "Joint-dependent local deformations", 1988). Maps go backward, from a target
pixel to the source pixel that it shows, like appearance flow. All coordinates are in pixels, x before y.
"""

import numpy as np
from numpy.typing import NDArray

from fitroom.arrays import Array
from fitroom.body import (
    ARM_JOINTS,
    LEFT_ARM,
    LEFT_HIP,
    LEFT_SHOULDER,
    RIGHT_ARM,
    RIGHT_HIP,
    RIGHT_SHOULDER,
    TORSO,
    Skeleton,
    along_and_across,
    distance_to_bone,
    pixel_grid,
)


def nearest_part(skeleton: Skeleton, height: int, width: int) -> NDArray[np.uint8]:
    """Return the nearest garment part of each pixel, uint8 (H, W): TORSO, RIGHT_ARM or LEFT_ARM.

    Distances are relative to the half width of a part. An arm in front of the torso therefore counts as arm, except
    close to the middle of the torso.
    """
    grid = pixel_grid(height, width)
    unit = skeleton.shoulder_width
    points = skeleton.points
    middle = (points[RIGHT_SHOULDER] + points[LEFT_SHOULDER]) / 2
    hips = (points[RIGHT_HIP] + points[LEFT_HIP]) / 2
    torso = distance_to_bone(grid, middle, hips) / (0.5 * unit)
    arms = []
    for shoulder, elbow, wrist in (ARM_JOINTS[RIGHT_ARM], ARM_JOINTS[LEFT_ARM]):
        # a sleeve is sewn on a little below the shoulder joint
        start = points[shoulder] + 0.12 * (points[elbow] - points[shoulder])
        upper = distance_to_bone(grid, start, points[elbow])
        fore = distance_to_bone(grid, points[elbow], points[wrist])
        arms.append(np.minimum(upper, fore) / (0.2 * unit))
    return np.asarray(np.argmin(np.stack([torso, *arms]), axis=0), np.uint8)


def torso_matrix(target: Skeleton, source: Skeleton) -> Array:
    """Return the affine matrix (2, 3) from target to source pixels: a least-squares fit to shoulders and hips."""
    joints = [RIGHT_SHOULDER, LEFT_SHOULDER, RIGHT_HIP, LEFT_HIP]
    a = np.concatenate([target.points[joints], np.ones((4, 1), np.float32)], axis=1)
    solution, *_ = np.linalg.lstsq(a, source.points[joints], rcond=None)
    return np.asarray(solution.T, np.float32)


def lengthened(grid: Array, skeleton: Skeleton, length: float) -> Array:
    """Move target pixels (H, W, 2) so that the garment below the chest becomes `length` times as long."""
    points = skeleton.points
    shoulders = (points[RIGHT_SHOULDER] + points[LEFT_SHOULDER]) / 2
    hips = (points[RIGHT_HIP] + points[LEFT_HIP]) / 2
    spine = (hips - shoulders) / max(float(np.linalg.norm(hips - shoulders)), 1e-3)
    below_chest = np.maximum((grid - (shoulders + hips) / 2) @ spine, 0)
    return np.asarray(grid - (below_chest * (1 - 1 / length))[..., None] * spine, np.float32)


def part_map(part: int, target: Skeleton, source: Skeleton, height: int, width: int, length: float = 1.0) -> Array:
    """Return the backward map of a garment part: the source pixel of every target pixel, float32 (height, width, 2).

    Below the chest the torso is `length` times as long as in the source.
    """
    grid = pixel_grid(height, width)
    affine = torso_matrix(target, source)
    torso = lengthened(grid, target, length) @ affine[:, :2].T + affine[:, 2]
    if part == TORSO:
        return np.asarray(torso, np.float32)
    shoulder, elbow, wrist = ARM_JOINTS[part]
    unit = target.shoulder_width
    scale = source.shoulder_width / unit
    distances, maps = [], []
    for start, end in ((shoulder, elbow), (elbow, wrist)):
        along, across, _ = along_and_across(grid, target.points[start], target.points[end])
        bone = source.points[end] - source.points[start]
        length = max(float(np.hypot(*bone)), 1e-3)
        normal = np.array([-bone[1], bone[0]], np.float32) / length
        maps.append(source.points[start] + along[..., None] * bone + (across * scale)[..., None] * normal)
        distances.append(distance_to_bone(grid, target.points[start], target.points[end]))
    shoulder_distance = np.linalg.norm(grid - target.points[shoulder], axis=-1)
    to_torso = np.exp(-((shoulder_distance / (0.22 * unit)) ** 2)) * 2
    weights = [np.exp(-((d / (0.14 * unit)) ** 2)) + 1e-6 for d in distances]
    total = to_torso + weights[0] + weights[1]
    blended = torso * to_torso[..., None] + maps[0] * weights[0][..., None] + maps[1] * weights[1][..., None]
    return np.asarray(blended / total[..., None], np.float32)
