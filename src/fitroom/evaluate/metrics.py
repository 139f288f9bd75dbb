"""Measures of a look. Pictures are uint8 (H, W, 3) RGB, masks boolean (H, W), all of one size."""

import cv2
import numpy as np
from numpy.typing import NDArray

from fitroom.data import limbs
from fitroom.data.limbs import Array
from fitroom.data.viton import GARMENT, LEFT_ARM, RIGHT_ARM

Picture = NDArray[np.uint8]
Mask = NDArray[np.bool_]


def mask_iou(a: Mask, b: Mask) -> float:
    """Intersection over union, 0 to 1, higher is better; 1 where both are empty."""
    union = int((a | b).sum())
    return float((a & b).sum() / union) if union else 1.0


def mean_difference(a: Picture, b: Picture, where: Mask) -> float:
    """Mean absolute difference inside a mask, in 8-bit steps, 0 to 255; 0 where the mask is empty."""
    if not where.any():
        return 0.0
    return float(np.abs(a[where].astype(np.int16) - b[where]).mean())


def neck_region(key_points: Array, height: int, width: int) -> Mask:
    """Where the neck and the collar lie, from key points (18, 3): VITON's labels call the neck background.

    From the level of the nose to a third of a shoulder width below the neck, narrow at the top. Empty where the
    shoulders are unknown.
    """
    region = np.zeros((height, width), np.uint8)
    skeleton = limbs.complete(key_points)
    if skeleton is None:
        return region > 0
    unit = skeleton.shoulder_width
    shoulders = skeleton.points[[limbs.RIGHT_SHOULDER, limbs.LEFT_SHOULDER]]
    centre = shoulders.mean(axis=0)
    nose = key_points[limbs.NOSE, :2] if key_points[limbs.NOSE, 2] > 0 else centre - (0, 0.5 * unit)
    top = (nose + centre) / 2
    outline = [top - (0.25 * unit, 0), top + (0.25 * unit, 0), shoulders[1], centre + (0, 0.35 * unit), shoulders[0]]
    cv2.fillPoly(region, [np.asarray(outline, np.int32)], 1)
    return region > 0


def changeable(label: Picture, key_points: Array, warped_mask: Mask, margin: int = 3) -> Mask:
    """Where a look may differ from its photo: the garments worn before and after, a few pixels wider, arms and neck."""
    height, width = label.shape
    garments = (label == GARMENT) | warped_mask
    wider = cv2.dilate(garments.astype(np.uint8), np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)) > 0
    return wider | np.isin(label, (LEFT_ARM, RIGHT_ARM)) | neck_region(key_points, height, width)
