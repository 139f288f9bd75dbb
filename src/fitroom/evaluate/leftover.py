"""Leftover: the share of the old clothes still visible. Damage: the share of other pixels that changed.

Doing nothing has no damage, and repainting everything has no leftover: read both together.
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

CHANGED = 12.0  # 8-bit steps, mean of red, green and blue, from which a pixel counts as changed
CLEAR = 4  # pixels from the old clothes within which damage does not count: labels are rough there
REACH = 1.25  # widths of the old clothes, from their top down, that are looked at
APART = 60.0  # 8-bit Lab distance of garment and old clothes from which a leftover shows

TOP_ROWS = [ROW[labels] for labels in SETS if labels <= set(body.TOPS)]
# what stays; sets that may be neck, arms or hands are left out, for a new garment may bare or cover them
KEPT = {Label.HAIR, Label.OTHER, Label.LOWER_CLOTHES, *body.SHOES, Label.BACKGROUND, Label.RARE_2, Label.RARE_3}
KEPT_ROWS = [ROW[labels] for labels in SETS if labels <= KEPT]


class Leftover(NamedTuple):
    """Shares of pixels, 0 to 1, lower is better; None where there is no such pixel."""

    leftover: float | None  # of the old clothes, that keep their colour
    damage: float | None  # of hair, bags, trousers and background, that change


def mean_lab(picture: Picture, mask: Mask) -> NDArray[np.float64]:
    """Return the mean colour (3,) in 8-bit Lab of a picture (H, W, 3) inside a mask (H, W)."""
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2Lab)
    return np.asarray(lab[mask].mean(axis=0), np.float64)


def old_clothes(sets: Picture) -> Mask:
    """Mark top and dress (H, W) in sets of labels (H, W), from their top down to REACH times their width.

    Belts count nowhere: they may belong to trousers.
    """
    clothes = np.isin(sets, TOP_ROWS)
    if not clothes.any():
        return clothes
    rows, columns = np.nonzero(clothes)
    width = int(columns.max()) + 1 - int(columns.min())
    clothes[int(rows.min()) + round(REACH * width) :] = False
    return clothes


def contrasting(photo: Picture, sets: Picture, garment: Picture, garment_mask: Picture) -> bool:
    """Return whether a garment's mean colour is so far from the old clothes' that leftovers of these would show.

    Pictures are uint8 (H, W, 3), `sets` (H, W) rows of `label_sets.TABLE`, the mask (h, w) 0 and 255.
    """
    clothes = old_clothes(sets)
    if not clothes.any():
        return False
    apart = np.linalg.norm(mean_lab(photo, clothes) - mean_lab(garment, garment_mask > 127))
    return bool(apart > APART)


def measure_leftover(photo: Picture, look: Picture, sets: Picture, look_labels: Picture) -> Leftover:
    """Measure a look (H, W, 3) of a photo (H, W, 3).

    `sets` (H, W) are rows of `label_sets.TABLE` that are true of the photo; `look_labels` (H, W) are a parser's labels
    of the look: what it calls a garment there is not damage.
    """
    clothes = old_clothes(sets)
    if not clothes.any():
        return Leftover(None, None)
    change = np.abs(photo.astype(np.int16) - look).mean(axis=2)
    rows = np.nonzero(clothes.any(axis=1))[0]
    heights = np.zeros(len(photo), bool)
    heights[rows[0] : rows[-1] + 1] = True
    # any of the old clothes, also further down
    around = np.ones((2 * CLEAR + 1, 2 * CLEAR + 1), np.uint8)
    near = cv2.dilate(np.isin(sets, [*TOP_ROWS, ROW[BELT]]).astype(np.uint8), around) > 0
    kept = np.isin(sets, KEPT_ROWS) & heights[:, None] & ~near & ~np.isin(look_labels, body.TOPS)
    return Leftover(
        float((change[clothes] < CHANGED).mean()), float((change[kept] > CHANGED).mean()) if kept.any() else None
    )
