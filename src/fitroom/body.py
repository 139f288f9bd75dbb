"""Labels of human parsing, what each pixel of a photo shows of a person; and joints, key points in COCO order.

Values 0 to 13 are those of VITON's label files. Left and right are the person's own.
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
    """One label a pixel, as the parser predicts it."""

    BACKGROUND = 0
    HAIR = 1
    RARE_2 = 2  # in three of 10,000 pixels of VITON's labels, with no meaning that holds
    RARE_3 = 3
    UPPER_CLOTHES = 4
    LEFT_SHOE = 5
    RIGHT_SHOE = 6
    NOISE = 7  # of VITON's label files; never predicted
    LOWER_CLOTHES = 8
    LEFT_LEG = 9
    RIGHT_LEG = 10
    LEFT_ARM = 11  # to the wrist
    FACE = 12
    RIGHT_ARM = 13
    NECK = 14
    OTHER = 15  # stays when the top is changed: bags, straps, hats, glasses, scarves, jewellery, phones
    LEFT_HAND = 16
    RIGHT_HAND = 17
    DRESS = 18


LABEL_COUNT = len(Label)
# labels that a parser predicts; the others have next to no pixels to learn from
PREDICTED = tuple(label for label in Label if label not in (Label.RARE_2, Label.RARE_3, Label.NOISE))
TOPS = (Label.UPPER_CLOTHES, Label.DRESS)  # what a new top replaces, in full or above the hem
ARMS = (Label.LEFT_ARM, Label.RIGHT_ARM)
HANDS = (Label.LEFT_HAND, Label.RIGHT_HAND)
LEGS = (Label.LEFT_LEG, Label.RIGHT_LEG)
SHOES = (Label.LEFT_SHOE, Label.RIGHT_SHOE)
BELOW_HEM = (Label.LOWER_CLOTHES, *LEGS, *SHOES)  # what lies below a top
SKIN = (Label.FACE, Label.NECK, *ARMS, *HANDS, *LEGS)

OPPOSITE = {
    Label.LEFT_SHOE: Label.RIGHT_SHOE,
    Label.LEFT_LEG: Label.RIGHT_LEG,
    Label.LEFT_ARM: Label.RIGHT_ARM,
    Label.LEFT_HAND: Label.RIGHT_HAND,
}
OPPOSITE |= {right: left for left, right in OPPOSITE.items()}

# joints: rows of key points (18, 3)
NOSE, NECK = 0, 1
RIGHT_SHOULDER, RIGHT_ELBOW, RIGHT_WRIST = 2, 3, 4
LEFT_SHOULDER, LEFT_ELBOW, LEFT_WRIST = 5, 6, 7
RIGHT_HIP, RIGHT_KNEE, LEFT_HIP, LEFT_KNEE = 8, 9, 11, 12
RIGHT_EYE, LEFT_EYE, RIGHT_EAR, LEFT_EAR = 14, 15, 16, 17

FOUND = 0.3  # confidence, calibrated, at which a key point counts as found

# parts of a garment
TORSO, RIGHT_ARM, LEFT_ARM = 0, 1, 2
ARM_JOINTS = {
    RIGHT_ARM: (RIGHT_SHOULDER, RIGHT_ELBOW, RIGHT_WRIST),
    LEFT_ARM: (LEFT_SHOULDER, LEFT_ELBOW, LEFT_WRIST),
}


def mirrored(labels: Iterable[Label]) -> frozenset[Label]:
    """The labels that a mirrored photo shows in place of `labels`."""
    return frozenset(OPPOSITE.get(label, label) for label in labels)


@dataclass(frozen=True)
class Skeleton:
    """The joints that carry a garment. `points` is float32 (18, 2), COCO order; every joint used here is known."""

    points: Array

    @property
    def shoulder_width(self) -> float:
        """Distance between the shoulders in pixels, the unit for widths across a limb."""
        return float(np.linalg.norm(self.points[LEFT_SHOULDER] - self.points[RIGHT_SHOULDER]))


def complete(key_points: Array) -> Skeleton | None:
    """Fill in the hips and arms that a pose (18, 3: x, y, confidence) lacks; None where the shoulders are unknown.

    A missing arm hangs straight down from its shoulder; missing hips lie 1.45 shoulder widths below.
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
    """Pixel coordinates, float32 (height, width, 2), x then y."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return np.stack([x, y], axis=-1)


def along_and_across(grid: Array, start: Array, end: Array) -> tuple[Floats, Floats, float]:
    """Coordinates in a bone's frame: 0 to 1 along it, and pixels across it; and the bone's length in pixels."""
    bone = end - start
    length = max(float(np.hypot(*bone)), 1e-3)
    direction = bone / length
    offset = grid - start
    along = (offset @ direction) / length
    across = offset @ np.array([-direction[1], direction[0]], np.float32)
    return along, across, length


def distance_to_bone(grid: Array, start: Array, end: Array) -> Array:
    """Distance in pixels from each grid point to the segment from start to end, float32 (H, W)."""
    along, across, length = along_and_across(grid, start, end)
    beyond = (along - np.clip(along, 0, 1)) * length
    return np.asarray(np.hypot(beyond, across))


def along_forearms(skeleton: Skeleton, height: int, width: int) -> dict[int, tuple[Floats, Floats]]:
    """For LEFT_ARM and RIGHT_ARM, how far along the forearm every pixel (H, W) lies, 0 at the elbow and 1 at the wrist,
    and how far beside its line, in shoulder widths.
    """
    grid = pixel_grid(height, width)
    found: dict[int, tuple[Floats, Floats]] = {}
    for part, (_, elbow, wrist) in ARM_JOINTS.items():
        along, across, _ = along_and_across(grid, skeleton.points[elbow], skeleton.points[wrist])
        found[part] = along, np.abs(across) / skeleton.shoulder_width
    return found


def compared_with_skin(colours: Floats, skin: Floats) -> tuple[Floats, Floats]:
    """Compare colours (..., 3), 0 to 255, with those of known skin (n, 3), in any light.

    Returns the largest difference (...) of their shares of red, green and blue from the skin's medians, and their
    brightness (...) by the skin's median.
    """
    (shares, sums), (known, brightness) = (
        (values / (values.sum(axis=-1, keepdims=True) + 1), values.sum(axis=-1)) for values in (colours, skin)
    )
    return np.abs(shares - np.median(known, axis=0)).max(axis=-1), sums / max(float(np.median(brightness)), 1e-6)
