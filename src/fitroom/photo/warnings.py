"""What may be wrong with a picture that can still be used: told along with the look, and not in its way."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from fitroom.arrays import Picture
from fitroom.body import NOSE, Label
from fitroom.photo.masks import STUDIO_SHARE, background
from fitroom.runtime.interface import Parsing

# of 1,071 of VITON's garment masks, 1 % have a second piece of a third of the first one's size, and none fills more
# than 92 % of the rectangle around it
ANOTHER = 0.35  # of the largest piece's area: a second garment
BOXY = 0.93  # of the smallest rectangle around it: a folded one
# outlines that tops do not have, by their largest piece
WIDEST, NARROWEST = 2.2, 0.4  # width by height of its upright rectangle
FULLEST = 0.45  # share of its convex hull that is garment, below which it is a chain, a strap, a frame
# trousers: the share of the lower half's middle tenth that is empty, while that of the lowest quarter is filled, which
# sleeves that hang below a hem don't
GAP, LEGS = 0.6, 0.6
# of 300 of VITON's product shots 8 % may be worn by these, of 300 photos 99 %
EDGE_ROWS, OTHER, CUT_OFF = 3, 30, 0.05  # lowest rows of a picture, whose colour is far from the background's: how much
SLIM = 0.6  # width by height of what is narrow
# of 300 of VITON's photos 297 have both, of 300 product shots 2
FACES, NOSES = 0.008, 0.5  # share of a garment's picture that is face, and a nose's confidence: somebody wears it
UNSURE = 0.6  # confidence below which a look is doubtful


class PhotoWarning(NamedTuple):
    """One thing that may be wrong."""

    code: str
    message: str


def warnings_of_garment(mask: Picture) -> tuple[PhotoWarning, ...]:
    """What may be wrong with a garment, by its mask (H, W) of 0 and 255: several, a folded one, no top."""
    warnings = []
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not outlines:
        return ()
    areas = sorted((cv2.contourArea(outline) for outline in outlines), reverse=True)
    if len(areas) > 1 and areas[1] >= ANOTHER * areas[0]:
        pieces = sum(area >= ANOTHER * areas[0] for area in areas)
        warnings.append(
            PhotoWarning("several-garments", f"garment: {pieces} separate pieces are seen; show one garment alone.")
        )
    largest = max(outlines, key=cv2.contourArea)
    _, sides, _ = cv2.minAreaRect(largest)
    if cv2.contourArea(largest) >= BOXY * max(float(np.prod(sides)), 1.0):
        warnings.append(
            PhotoWarning("folded-garment", "garment: it looks folded, or is no garment; lay it out flat and whole.")
        )
    if not outlined_as_a_top(largest, mask):
        warnings.append(
            PhotoWarning(
                "not-a-top", "garment: its outline is not a top's; show a shirt, pullover, jacket or dress, upright."
            )
        )
    return tuple(warnings)


def outlined_as_a_top(outline: NDArray[np.int32], mask: Picture) -> bool:
    """Whether an outline in a mask may be that of something worn on the upper body."""
    left, top, width, height = cv2.boundingRect(outline)
    if not NARROWEST <= width / height <= WIDEST:
        return False
    if cv2.contourArea(outline) < FULLEST * max(cv2.contourArea(cv2.convexHull(outline)), 1.0):
        return False
    middle = slice(left + int(0.45 * width), left + int(0.55 * width) + 1)
    gap = (mask[top + height // 2 : top + height, middle] == 0).mean()
    legs = (mask[top + height * 3 // 4 : top + height, left : left + width] > 0).mean()
    return bool(gap < GAP or legs < LEGS)


def may_be_worn(picture: Picture, mask: Picture) -> bool:
    """Whether a garment's picture (H, W, 3) with its mask (h, w) may show somebody: worth asking a parser.

    Shops lay garments whole before a studio's background. Persons stand elsewhere, are cut off below, or are narrow.
    """
    colour, share = background(picture)
    if share < STUDIO_SHARE:
        return True
    far = np.abs(picture[-EDGE_ROWS:].astype(np.float32) - colour).max(axis=2) > OTHER
    _, _, width, height = cv2.boundingRect(mask)
    return bool(far.mean() > CUT_OFF or width < SLIM * height)


def warnings_of_wearer(found: Parsing) -> tuple[PhotoWarning, ...]:
    """What may be wrong with a garment, by what a parser finds in its picture: that somebody wears it."""
    worn = found.key_points[NOSE, 2] >= NOSES and float((found.label == Label.FACE).mean()) >= FACES
    if not worn:
        return ()
    return (
        PhotoWarning(
            "worn-garment", "garment: somebody wears it; show the garment alone, laid out flat or on a hanger."
        ),
    )


def warnings_of_look(confidence: float) -> tuple[PhotoWarning, ...]:
    """What may be wrong with a look, by how sure the network is of it."""
    if confidence >= UNSURE:
        return ()
    return (
        PhotoWarning(
            "unsure-look",
            "look: the garment may not lie as it should; stand straight, arms away from the body.",
        ),
    )
