"""Compute label sets for VITON's photos.

VITON labels the neck as background and has no label for hands. The neck is found by its colour, hands by the joints.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from fitroom import body
from fitroom.arrays import Array, Picture
from fitroom.body import Label
from fitroom.data.label_sets import (
    ANY,
    LEFT_ARM_OR_HAND,
    MAYBE_NECK,
    NOT_PERSON,
    RIGHT_ARM_OR_HAND,
    ROW,
    SINGLE,
    TOP,
)

Mask = NDArray[np.bool_]

FACE_LIKE = 0.06  # largest difference between a skin pixel's shares of red, green and blue and the face's median
BRIGHTNESS = 0.3, 1.6  # range of a skin pixel's brightness, relative to the face's median
BORDER_UNLIKE = 24  # smallest clear difference from the photo's border colour, in 8-bit steps of any channel
LEAST_FACE = 30  # fewest face pixels that give a reliable skin colour
WRIST = 0.9, 1.02  # shares of the way from elbow to wrist: arm below the first, hand above the second, else either
REACH = 0.45  # largest distance of a hand from the forearm's line, in shoulder widths


def between_labelled(label: Picture) -> Mask:
    """Mark pixels (H, W) that have labelled pixels on both sides in their row, or are labelled themselves."""
    shown = label > 0
    left = np.logical_or.accumulate(shown, axis=1)
    right = np.logical_or.accumulate(shown[:, ::-1], axis=1)[:, ::-1]
    return np.asarray(left & right, np.bool_)


def border_colour(photo: Picture) -> NDArray[np.float32]:
    """Return the median colour (3,) of a photo's upper corners, which show the studio background."""
    corner = max(photo.shape[1] // 12, 1)
    pixels = np.concatenate([photo[:corner, :corner].reshape(-1, 3), photo[:corner, -corner:].reshape(-1, 3)])
    return np.asarray(np.median(pixels, axis=0), np.float32)


def skin_like(photo: Picture, face: Mask) -> Mask:
    """Mark pixels (H, W) of the face's colour, allowing for light and shadow; none when the face is too small."""
    if face.sum() < LEAST_FACE:
        return np.zeros(face.shape, bool)
    colours = photo.astype(np.float32)
    apart, brightness = body.compared_with_skin(colours, colours[face])
    darkest, brightest = BRIGHTNESS
    return np.asarray((apart < FACE_LIKE) & (brightness > darkest) & (brightness < brightest), np.bool_)


def neck_of(photo: Picture, label: Picture, points: Array) -> tuple[Mask, Mask]:
    """Return masks (H, W) of where neck and bare chest certainly are, and of where they may be.

    `photo` is (H, W, 3), `label` is VITON's. Neck pixels have label 0, lie below the nose and near the shoulders, and
    have labelled pixels on both sides. They are certain if they also have the face's colour, differ from the border's
    colour, and connect to the face. Of the others, those that differ from the border's colour or lie next to certain
    ones may be neck.
    """
    nobody = np.zeros(label.shape, bool)
    face = label == Label.FACE
    if not face.any():
        return nobody, nobody
    rows = np.nonzero(face.any(axis=1))[0]
    nose = points[body.NOSE, 1] if points[body.NOSE, 2] > 0 else rows.mean()
    shoulders = points[[body.RIGHT_SHOULDER, body.LEFT_SHOULDER]]
    known = bool((shoulders[:, 2] > 0).all())
    unit = float(np.abs(shoulders[0, 0] - shoulders[1, 0])) if known else 0.4 * label.shape[1]
    lowest = (float(shoulders[:, 1].mean()) if known else rows[-1] + 0.3 * unit) + 0.9 * unit
    y, x = np.mgrid[: label.shape[0], : label.shape[1]]
    centre = float(shoulders[:, 0].mean()) if known else float(np.nonzero(face.any(axis=0))[0].mean())
    zone = (label == 0) & between_labelled(label) & (y > nose) & (y < lowest) & (np.abs(x - centre) < 0.75 * unit)
    unlike = np.abs(photo.astype(np.float32) - border_colour(photo)).max(axis=2) > BORDER_UNLIKE
    candidates = zone & skin_like(photo, face) & unlike
    # closing bridges shadows and necklaces, which would cut the chest off
    joined = cv2.morphologyEx((candidates | face).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    _, regions = cv2.connectedComponents(joined)
    touching = np.isin(regions, np.unique(regions[face])) & (joined > 0)
    sure = cv2.morphologyEx((candidates & touching).astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2), np.uint8)) > 0
    return np.asarray(sure, np.bool_), np.asarray(zone & ~sure & (unlike | near(sure, 2)), np.bool_)


def near(mask: Mask, pixels: int) -> Mask:
    """Dilate a mask (H, W) by `pixels`."""
    size = 2 * pixels + 1
    return np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((size, size), np.uint8)) > 0, np.bool_)


def viton_sets(photo: Picture, label: Picture, points: Array) -> Picture:
    """Compute label sets, uint8 (H, W) rows of `label_sets.TABLE`, from a VITON photo.

    `photo` is (H, W, 3), `label` is VITON's (H, W), and `points` are key points (18, 3) in pixels. Values above 13 are
    not VITON's and may mean any label.
    """
    rows = np.full(256, ROW[ANY], np.uint8)
    rows[: Label.RIGHT_ARM + 1] = np.arange(Label.RIGHT_ARM + 1)
    rows[Label.NOISE], rows[Label.BACKGROUND], rows[Label.UPPER_CLOTHES] = ROW[ANY], ROW[NOT_PERSON], ROW[TOP]
    rows[Label.LEFT_ARM], rows[Label.RIGHT_ARM] = ROW[LEFT_ARM_OR_HAND], ROW[RIGHT_ARM_OR_HAND]
    sets = rows[label]
    sure, unsure = neck_of(photo, label, points)
    sets[sure], sets[unsure] = ROW[SINGLE[Label.NECK]], ROW[MAYBE_NECK]
    skeleton = body.complete(points)
    if skeleton is None:
        return sets
    forearms = body.along_forearms(skeleton, *label.shape)
    for part, arm, hand in (
        (body.LEFT_ARM, Label.LEFT_ARM, Label.LEFT_HAND),
        (body.RIGHT_ARM, Label.RIGHT_ARM, Label.RIGHT_HAND),
    ):
        _, elbow, wrist = body.ARM_JOINTS[part]
        if not (points[[elbow, wrist], 2] > 0).all():
            continue
        along, beside = forearms[part]
        sets[(label == arm) & ~((along > WRIST[0]) & (beside < REACH))] = ROW[SINGLE[arm]]
        sets[(label == arm) & (along > WRIST[1]) & (beside < REACH)] = ROW[SINGLE[hand]]
    return sets
