"""Detect possible problems of a picture that can still be used. The warnings accompany the look."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from fitroom.arrays import Picture
from fitroom.body import NOSE, Label
from fitroom.photo.masks import STUDIO_SHARE, background
from fitroom.runtime.interface import Parsing

# of 1,071 of VITON's garment masks, 1 % have a second piece of a third of the largest one's area, and none fills more
# than 92 % of the rectangle around it
ANOTHER = 0.35  # minimum area of a second garment, relative to the largest piece
BOXY = 0.93  # minimum share of the smallest rectangle around it that a folded garment fills
# limits of a top's outline, for its largest piece
WIDEST, NARROWEST = 2.2, 0.4  # width / height of its upright bounding box
FULLEST = 0.45  # minimum share of its convex hull that it fills: chains, straps and frames fill less
# trousers: minimum share of the lower half's middle tenth that is empty, and minimum share of the lowest quarter that
# is filled. Sleeves that hang below a hem fill less of that quarter
GAP, LEGS = 0.6, 0.6
# lowest rows of a picture, a colour's distance from the background's, and the minimum share of pixels that far away.
# `may_be_worn` is true for 8 % of 300 of VITON's product shots and for 99 % of 300 photos of persons
EDGE_ROWS, OTHER, CUT_OFF = 3, 30, 0.05
SLIM = 0.6  # width / height below which something is narrow
# minimum share of face pixels and minimum confidence of the nose in a garment's picture that shows a person: 297 of 300
# of VITON's photos of persons reach both, and 2 of 300 product shots
FACES, NOSES = 0.008, 0.5
UNSURE = 0.6  # confidence below which a look gets a warning


class PhotoWarning(NamedTuple):
    """A possible problem with a picture or a look."""

    code: str
    message: str


def warnings_of_garment(mask: Picture) -> tuple[PhotoWarning, ...]:
    """Return warnings for a garment's mask (H, W) of 0 and 255: several garments, a folded one, or not a top."""
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
                "not-a-top",
                "garment: it does not have the outline of a top; show a shirt, pullover, jacket or dress, upright.",
            )
        )
    return tuple(warnings)


def outlined_as_a_top(outline: NDArray[np.int32], mask: Picture) -> bool:
    """Return whether an outline in a mask may belong to a garment for the upper body."""
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
    """Return whether a garment's picture (H, W, 3) with its mask (h, w) may show a person and should be parsed.

    Product shots show the whole garment on a studio's background. Persons have another background, are cut off at the
    bottom, or are narrow.
    """
    colour, share = background(picture)
    if share < STUDIO_SHARE:
        return True
    far = np.abs(picture[-EDGE_ROWS:].astype(np.float32) - colour).max(axis=2) > OTHER
    _, _, width, height = cv2.boundingRect(mask)
    return bool(far.mean() > CUT_OFF or width < SLIM * height)


def warnings_of_wearer(found: Parsing) -> tuple[PhotoWarning, ...]:
    """Return a warning if a parser finds a person in a garment's picture."""
    worn = found.key_points[NOSE, 2] >= NOSES and float((found.label == Label.FACE).mean()) >= FACES
    if not worn:
        return ()
    return (
        PhotoWarning(
            "worn-garment", "garment: somebody wears it; show the garment alone, laid out flat or on a hanger."
        ),
    )


def warnings_of_look(confidence: float) -> tuple[PhotoWarning, ...]:
    """Return a warning if the confidence in a look, 0 to 1, is below UNSURE."""
    if confidence >= UNSURE:
        return ()
    return (
        PhotoWarning(
            "unsure-look",
            "look: the garment may be in the wrong place; stand straight, with your arms away from your body.",
        ),
    )
