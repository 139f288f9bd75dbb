"""What may be wrong with a picture that can still be used: told along with the look, and not in its way."""

from typing import NamedTuple

import cv2
import numpy as np

from fitroom.images import Picture

# of 1,071 of VITON's garment masks, 1 % have a second piece of a third of the first one's size, and none fills more
# than 92 % of the rectangle around it
ANOTHER = 0.35  # of the largest piece's area: a second garment
BOXY = 0.93  # of the smallest rectangle around it: a folded one


class Doubt(NamedTuple):
    """One thing that may be wrong."""

    code: str
    message: str


def doubts_of_garment(mask: Picture) -> tuple[Doubt, ...]:
    """What may be wrong with a garment, by its mask (H, W) of 0 and 255: several garments, a folded one."""
    doubts = []
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not outlines:
        return ()
    areas = sorted((cv2.contourArea(outline) for outline in outlines), reverse=True)
    if len(areas) > 1 and areas[1] >= ANOTHER * areas[0]:
        pieces = sum(area >= ANOTHER * areas[0] for area in areas)
        doubts.append(Doubt("several-garments", f"garment: {pieces} separate pieces are seen; show one garment alone."))
    largest = max(outlines, key=cv2.contourArea)
    _, sides, _ = cv2.minAreaRect(largest)
    if cv2.contourArea(largest) >= BOXY * max(float(np.prod(sides)), 1.0):
        doubts.append(Doubt("folded-garment", "garment: it looks folded, or is no garment; lay it out flat and whole."))
    return tuple(doubts)
