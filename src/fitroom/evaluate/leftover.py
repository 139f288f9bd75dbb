"""Measure leftover, the share of the old clothes that is still visible, and damage, the share of changed other pixels.

An unchanged photo has no damage and a fully repainted one has no leftover: read both figures together.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from fitroom import body
from fitroom.arrays import Picture
from fitroom.body import Label
from fitroom.data.label_sets import BELT, ROW, SETS

Mask = NDArray[np.bool_]

CHANGED = 12.0  # difference from which a pixel counts as changed, 8-bit steps, mean of RGB
CLEAR = 4  # margin in pixels around the old clothes where damage does not count, because labels are imprecise there
REACH = 1.25  # measured height of the old clothes from their top, in multiples of their width
APART = 60.0  # 8-bit Lab distance of garment and old clothes above which leftovers are visible

TOP_ROWS = [ROW[labels] for labels in SETS if labels <= set(body.TOPS)]
# labels that must not change; neck, arms and hands are not among them, because garments bare or cover them
KEPT = {Label.HAIR, Label.OTHER, Label.LOWER_CLOTHES, *body.SHOES, Label.BACKGROUND, Label.RARE_2, Label.RARE_3}
KEPT_ROWS = [ROW[labels] for labels in SETS if labels <= KEPT]


class Leftover(NamedTuple):
    """Shares of pixels, 0 to 1, lower is better; None if there are no such pixels."""

    leftover: float | None  # share of the old clothes that keeps its colour
    damage: float | None  # share of hair, bags, trousers and background that changes


def mean_lab(picture: Picture, mask: Mask) -> NDArray[np.float64]:
    """Return the mean colour (3,) in 8-bit Lab of a picture (H, W, 3) inside a mask (H, W)."""
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2Lab)
    return np.asarray(lab[mask].mean(axis=0), np.float64)


def old_clothes(sets: Picture) -> Mask:
    """Mask tops and dresses (H, W) in sets of labels (H, W), from their top down to REACH times their width.

    Belts are not included, because they may belong to trousers.
    """
    clothes = np.isin(sets, TOP_ROWS)
    if not clothes.any():
        return clothes
    rows, columns = np.nonzero(clothes)
    width = int(columns.max()) + 1 - int(columns.min())
    clothes[int(rows.min()) + round(REACH * width) :] = False
    return clothes


def contrasting(photo: Picture, sets: Picture, garment: Picture, garment_mask: Picture) -> bool:
    """Return whether the mean colours of a garment and the old clothes differ enough to make leftovers visible.

    Pictures are uint8 (H, W, 3), `sets` (H, W) are rows of `label_sets.TABLE`, the mask (h, w) has values 0 and 255.
    """
    clothes = old_clothes(sets)
    if not clothes.any():
        return False
    apart = np.linalg.norm(mean_lab(photo, clothes) - mean_lab(garment, garment_mask > 127))
    return bool(apart > APART)


def measure_leftover(photo: Picture, look: Picture, sets: Picture, look_labels: Picture) -> Leftover:
    """Measure a look (H, W, 3) of a photo (H, W, 3).

    `sets` (H, W) are the photo's true labels, as rows of `label_sets.TABLE`. `look_labels` (H, W) are a parser's labels
    of the look; pixels that it labels as a garment are not damage.
    """
    clothes = old_clothes(sets)
    if not clothes.any():
        return Leftover(None, None)
    change = np.abs(photo.astype(np.int16) - look).mean(axis=2)
    rows = np.nonzero(clothes.any(axis=1))[0]
    heights = np.zeros(len(photo), bool)
    heights[rows[0] : rows[-1] + 1] = True
    # all of the old clothes, also below REACH
    around = np.ones((2 * CLEAR + 1, 2 * CLEAR + 1), np.uint8)
    near = cv2.dilate(np.isin(sets, [*TOP_ROWS, ROW[BELT]]).astype(np.uint8), around) > 0
    kept = np.isin(sets, KEPT_ROWS) & heights[:, None] & ~near & ~np.isin(look_labels, body.TOPS)
    return Leftover(
        float((change[clothes] < CHANGED).mean()), float((change[kept] > CHANGED).mean()) if kept.any() else None
    )
