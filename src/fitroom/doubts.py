"""What may be wrong with a picture that can still be used: told along with the look, and not in its way."""

from typing import NamedTuple

import cv2
import numpy as np

from fitroom.data.limbs import NOSE
from fitroom.data.viton import FACE
from fitroom.images import Picture
from fitroom.runtime.interface import Parsing

# of 1,071 of VITON's garment masks, 1 % have a second piece of a third of the first one's size, and none fills more
# than 92 % of the rectangle around it
ANOTHER = 0.35  # of the largest piece's area: a second garment
BOXY = 0.93  # of the smallest rectangle around it: a folded one
# of 300 of VITON's photos 297 have both, of 300 product shots 2
FACES, NOSES = 0.008, 0.5  # share of a garment's picture that is face, and a nose's confidence: somebody wears it
UNSURE = 0.3  # confidence below which a look is doubtful


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


def doubts_of_wearer(found: Parsing) -> tuple[Doubt, ...]:
    """What may be wrong with a garment, by what a parser finds in its picture: that somebody wears it."""
    worn = found.key_points[NOSE, 2] >= NOSES and float((found.label == FACE).mean()) >= FACES
    if not worn:
        return ()
    return (Doubt("worn-garment", "garment: somebody wears it; show the garment alone, laid out flat or on a hanger."),)


def doubts_of_look(confidence: float) -> tuple[Doubt, ...]:
    """What may be wrong with a look, by how sure the network is of it."""
    if confidence >= UNSURE:
        return ()
    return (
        Doubt(
            "unsure-look",
            "look: the garment may not lie as it should; stand straight, arms away from the body.",
        ),
    )
