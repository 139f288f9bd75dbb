"""Defines the labels of human parsing and the joints (18 key points, COCO order), and measures limbs.

Label values 0 to 13 are those of VITON's label files. Left and right are the person's own.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitroom.arrays import Array

Floats = NDArray[np.floating[Any]]


class Label(IntEnum):
    """Human-parsing label of a pixel."""

    BACKGROUND = 0
    HAIR = 1
    RARE_2 = 2  # in 3 of 10,000 pixels of VITON's labels, without a consistent meaning
    RARE_3 = 3
    UPPER_CLOTHES = 4
    LEFT_SHOE = 5
    RIGHT_SHOE = 6
    NOISE = 7  # in VITON's label files; never predicted
    LOWER_CLOTHES = 8
    LEFT_LEG = 9
    RIGHT_LEG = 10
    LEFT_ARM = 11  # to the wrist
    FACE = 12
    RIGHT_ARM = 13
    NECK = 14
    OTHER = 15  # bags, straps, hats, glasses, scarves, jewellery, phones: they stay when the top changes
    LEFT_HAND = 16
    RIGHT_HAND = 17
    DRESS = 18


LABEL_COUNT = len(Label)
# labels that a parser predicts; the others have too few pixels to learn from
PREDICTED = tuple(label for label in Label if label not in (Label.RARE_2, Label.RARE_3, Label.NOISE))
TOPS = (Label.UPPER_CLOTHES, Label.DRESS)  # replaced by a new top, entirely or above its hem
ARMS = (Label.LEFT_ARM, Label.RIGHT_ARM)
HANDS = (Label.LEFT_HAND, Label.RIGHT_HAND)
LEGS = (Label.LEFT_LEG, Label.RIGHT_LEG)
SHOES = (Label.LEFT_SHOE, Label.RIGHT_SHOE)
BELOW_HEM = (Label.LOWER_CLOTHES, *LEGS, *SHOES)  # visible below a top
SKIN = (Label.FACE, Label.NECK, *ARMS, *HANDS, *LEGS)

OPPOSITE = {
    Label.LEFT_SHOE: Label.RIGHT_SHOE,
    Label.LEFT_LEG: Label.RIGHT_LEG,
    Label.LEFT_ARM: Label.RIGHT_ARM,
    Label.LEFT_HAND: Label.RIGHT_HAND,
}
OPPOSITE |= {right: left for left, right in OPPOSITE.items()}

# joints: row numbers in key points (18, 3)
NOSE, NECK = 0, 1
RIGHT_SHOULDER, RIGHT_ELBOW, RIGHT_WRIST = 2, 3, 4
LEFT_SHOULDER, LEFT_ELBOW, LEFT_WRIST = 5, 6, 7
RIGHT_HIP, RIGHT_KNEE, LEFT_HIP, LEFT_KNEE = 8, 9, 11, 12
RIGHT_EYE, LEFT_EYE, RIGHT_EAR, LEFT_EAR = 14, 15, 16, 17

FOUND = 0.3  # minimum calibrated confidence of a key point that counts as found

# parts of a garment
TORSO, RIGHT_ARM, LEFT_ARM = 0, 1, 2
ARM_JOINTS = {
    RIGHT_ARM: (RIGHT_SHOULDER, RIGHT_ELBOW, RIGHT_WRIST),
    LEFT_ARM: (LEFT_SHOULDER, LEFT_ELBOW, LEFT_WRIST),
}


def mirrored(labels: Iterable[Label]) -> frozenset[Label]:
    """Return `labels` with left and right exchanged, as in a mirrored photo."""
    return frozenset(OPPOSITE.get(label, label) for label in labels)


@dataclass(frozen=True)
class Skeleton:
    """The joints that carry a garment.

    `points` is float32 (18, 2), x and y in pixels, COCO order. Shoulders, elbows, wrists and hips are known.
    """

    points: Array

    @property
    def shoulder_width(self) -> float:
        """Distance between the shoulders in pixels. It is the unit of widths across a limb."""
        return float(np.linalg.norm(self.points[LEFT_SHOULDER] - self.points[RIGHT_SHOULDER]))


def complete(key_points: Array) -> Skeleton | None:
    """Fill in missing hips and arms of a pose (18, 3: x, y, confidence).

    A missing elbow lies straight below its shoulder. A missing wrist continues the line from shoulder to elbow. Missing
    hips lie 1.45 shoulder widths below the shoulders. Returns None if a shoulder is unknown, or if the shoulders are
    less than a pixel apart.
    """
    known = key_points[:, 2] > 0
    points = key_points[:, :2].astype(np.float32).copy()
    if not (known[RIGHT_SHOULDER] and known[LEFT_SHOULDER]):
        return None
    across = points[LEFT_SHOULDER] - points[RIGHT_SHOULDER]
    width = float(np.linalg.norm(across))
    if width < 1:
        return None
    down = np.array([-across[1], across[0]], np.float32) / width
    for hip, shoulder in ((RIGHT_HIP, RIGHT_SHOULDER), (LEFT_HIP, LEFT_SHOULDER)):
        if not known[hip]:
            inward = across * (0.14 if hip == RIGHT_HIP else -0.14)
            points[hip] = points[shoulder] + down * width * 1.45 + inward
    for shoulder, elbow, wrist in ARM_JOINTS.values():
        if not known[elbow]:
            points[elbow] = points[shoulder] + down * width * 0.85
        if not known[wrist]:
            points[wrist] = points[elbow] + (points[elbow] - points[shoulder]) * 0.9
    return Skeleton(points)


def pixel_grid(height: int, width: int) -> Array:
    """Return pixel coordinates, float32 (height, width, 2), x then y."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return np.stack([x, y], axis=-1)


def along_and_across(grid: Array, start: Array, end: Array) -> tuple[Floats, Floats, float]:
    """Return coordinates of `grid` (..., 2) relative to a bone, and the bone's length in pixels.

    The first (...) runs along the bone, 0 at `start` and 1 at `end`. The second (...) is the signed distance from its
    line in pixels.
    """
    bone = end - start
    length = max(float(np.hypot(*bone)), 1e-3)
    direction = bone / length
    offset = grid - start
    along = (offset @ direction) / length
    across = offset @ np.array([-direction[1], direction[0]], np.float32)
    return along, across, length


def distance_to_bone(grid: Array, start: Array, end: Array) -> Array:
    """Return the distance in pixels from each grid point to the segment from start to end, float32 (H, W)."""
    along, across, length = along_and_across(grid, start, end)
    beyond = (along - np.clip(along, 0, 1)) * length
    return np.asarray(np.hypot(beyond, across))


def along_forearms(skeleton: Skeleton, height: int, width: int) -> dict[int, tuple[Floats, Floats]]:
    """Return the position of every pixel relative to each forearm, by LEFT_ARM and RIGHT_ARM.

    The first array (H, W) runs along the forearm, 0 at the elbow and 1 at the wrist. The second (H, W) is the distance
    from its line in shoulder widths.
    """
    grid = pixel_grid(height, width)
    found: dict[int, tuple[Floats, Floats]] = {}
    for part, (_, elbow, wrist) in ARM_JOINTS.items():
        along, across, _ = along_and_across(grid, skeleton.points[elbow], skeleton.points[wrist])
        found[part] = along, np.abs(across) / skeleton.shoulder_width
    return found


def compared_with_skin(colours: Floats, skin: Floats) -> tuple[Floats, Floats]:
    """Compare colours (..., 3) with the colours of known skin (n, 3), both RGB in 0..255.

    The first result (...) compares chromaticity, which does not depend on brightness: the largest absolute difference
    of the shares of red, green and blue from the skin's median shares. The second (...) is the brightness relative to
    the skin's median brightness.
    """
    (shares, sums), (known, brightness) = (
        (values / (values.sum(axis=-1, keepdims=True) + 1), values.sum(axis=-1)) for values in (colours, skin)
    )
    return np.abs(shares - np.median(known, axis=0)).max(axis=-1), sums / max(float(np.median(brightness)), 1e-6)
