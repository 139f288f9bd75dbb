"""Find garments on plain backgrounds by colour, and continue their colours beyond their outlines."""

import cv2
import numpy as np
from numpy.typing import NDArray

from fitroom.arrays import Picture
from fitroom.errors import ImageError

LIGHT = 170  # minimum value of a light background's darkest channel
PLAIN_SPREAD = 14  # maximum deviation of a plain background's colours, in 8-bit steps
BACKGROUND_SHARE = 0.5  # minimum share of the border that has the background's colour
STUDIO_SHARE = 0.9  # the same for a studio: reached by 99 % of VITON's; at most 0.74 in 160 phone pictures
ISOLATED = 0.96  # minimum share of background in the border around an isolated object
BLED = 1024  # longer side, in pixels, at which a garment's colours are continued beyond it
BORDER_STEPS = 400  # pixels along the shorter side that are enough to sample a border
LEAST_GARMENT = 0.02  # minimum share of a picture that a garment covers
MOST_GARMENT = 0.85  # maximum share of a picture that a segmented garment covers
PIECE = 0.1  # minimum size of a garment's piece, relative to its largest piece
PALE = 0.85  # a garment is pale if less than this share of its area differs clearly from the background


def border_pixels(picture: Picture) -> Picture:
    """Return the pixels (n, 3) of the outermost ring, 1 % of the shorter side wide. Large pictures are subsampled."""
    step = max(min(picture.shape[:2]) // BORDER_STEPS, 1)
    picture = picture[::step, ::step]
    ring = max(min(picture.shape[:2]) // 100, 1)
    sides = (picture[:ring], picture[-ring:], picture[:, :ring], picture[:, -ring:])
    return np.concatenate([side.reshape(-1, 3) for side in sides])


def background(picture: Picture) -> tuple[NDArray[np.float32], float]:
    """Return the most common light colour (3,) of the outermost ring, and the share of the ring that has it, 0 to 1."""
    ring = border_pixels(picture).astype(np.float32)
    light = ring[ring.min(axis=1) >= LIGHT]
    if not len(light):
        return np.full(3, 255, np.float32), 0.0
    bins = (light // 8).astype(np.int64) @ np.array([1024, 32, 1])
    values, counts = np.unique(bins, return_counts=True)
    colour = light[bins == values[counts.argmax()]].mean(axis=0)
    return colour, float((np.abs(ring - colour).max(axis=1) <= PLAIN_SPREAD).mean())


def fill_holes(mask: Picture, largest: float = 0.012) -> Picture:
    """Fill the holes of a mask (H, W; 0 and 255) that cover at most the share `largest` of the picture.

    Masks of white garments on white have such holes. Areas between sleeves and body are larger and stay open.
    """
    inside = (mask > 127).astype(np.uint8)
    count, regions, stats, _ = cv2.connectedComponentsWithStats(1 - inside, connectivity=4)
    height, width = mask.shape
    for region in range(1, count):
        left, top, across, down, area = stats[region]
        touches = left == 0 or top == 0 or left + across == width or top + down == height
        if not touches and area <= largest * mask.size:
            inside[regions == region] = 1
    return inside * np.uint8(255)


def enclosed(differs: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return a mask of 0 and 1: 1 where the border can't be reached without crossing pixels that differ."""
    edge = cv2.morphologyEx(differs.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    filled = cv2.copyMakeBorder(edge, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    cv2.floodFill(filled, None, (0, 0), 2)
    return (filled[1:-1, 1:-1] != 2).astype(np.uint8)


def largest_difference(picture: Picture, colour: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return each pixel's largest channel difference from a colour (3,), float32 (H, W)."""
    red, green, blue = cv2.split(cv2.absdiff(picture.astype(np.float32), (*colour.tolist(), 0.0)))
    return np.asarray(cv2.max(cv2.max(red, green), blue), np.float32)


def is_studio(picture: Picture) -> bool:
    """Return whether a picture's background is as plain and light as a studio's, where masks by colour are best."""
    return background(picture)[1] >= STUDIO_SHARE


def garment_mask(picture: Picture, name: str = "garment") -> Picture:
    """Find the mask (H, W; 0 and 255) of a garment on a light, plain background.

    The mask is what the background does not reach from the border. Raises ImageError if the background is not light and
    plain, or if no garment is found.
    """
    colour, share = background(picture)
    if share < BACKGROUND_SHARE:
        raise ImageError(
            f"{name}: the background is not plain and light, so it can't be separated from the garment; "
            "give a garment mask, or a picture on a white background."
        )
    height, width = picture.shape[:2]
    scale = max(min(height, width) / 384, 1e-6)
    work = (
        picture
        if scale <= 1
        else cv2.resize(picture, (round(width / scale), round(height / scale)), interpolation=cv2.INTER_AREA)
    )
    difference = largest_difference(work, colour)
    ring = np.abs(border_pixels(picture).astype(np.float32) - colour).max(axis=1)
    faint = enclosed(difference > max(4.0, 1.5 * float(np.percentile(ring, 90))))
    clear = enclosed(difference > 12)
    inside = clear
    if clear.sum() < PALE * faint.sum():
        # a pale garment differs only faintly over wide areas; thin faint areas are compression artefacts at outlines
        wide = cv2.morphologyEx(faint & (1 - clear), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
        inside = cv2.morphologyEx(clear | wide, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
        inside = fill_holes(inside * np.uint8(255)) // 255
    inside = cv2.morphologyEx(inside, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    pieces, largest = largest_pieces(np.asarray(inside, np.uint8))
    if largest < LEAST_GARMENT * inside.size:
        raise ImageError(f"{name}: no garment found on the plain background; give a garment mask.")
    mask = without_rim(pieces, difference)
    if mask.shape != (height, width):
        mask = cv2.resize(mask, (width, height), interpolation=cv2.INTER_LINEAR)
        mask = np.where(mask > 127, 255, 0).astype(np.uint8)
    return np.asarray(mask, np.uint8)


def largest_pieces(mask: Picture) -> tuple[Picture, int]:
    """Remove the pieces of a mask (H, W) that are much smaller than its largest piece.

    Return the mask as 0 and 255, and the pixels of the largest piece.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    areas = stats[1:, cv2.CC_STAT_AREA]
    largest = int(areas.max(initial=0))
    chosen = np.zeros(count, np.uint8)
    chosen[1 + np.flatnonzero(areas > PIECE * largest)] = 255
    return np.asarray(chosen[labels], np.uint8), largest


def without_rim(mask: Picture, difference: NDArray[np.float32]) -> Picture:
    """Remove the outermost pixels of a mask (H, W) that are more background than garment.

    `difference` (H, W) is each pixel's distance from the background's colour. Such pixels would appear in a look as a
    pale line around the garment.
    """
    inner = cv2.erode(mask, np.ones((5, 5), np.uint8)) > 127
    if not inner.any():
        return mask
    _, nearest = cv2.distanceTransformWithLabels(
        np.where(inner, 0, 255).astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    own = np.zeros(int(nearest.max()) + 1, np.float32)
    own[nearest[inner]] = difference[inner]
    rim = (mask > 127) & (cv2.erode(mask, np.ones((3, 3), np.uint8)) < 128)
    pale = difference[rim] < 0.5 * own[nearest[rim]]
    thinner = mask.copy()
    thinner[rim] = np.where(pale, 0, 255)
    return thinner


def nearest_known(picture: Picture, known: NDArray[np.bool_]) -> Picture:
    """Replace every pixel of a picture (H, W, 3 or 4) that is not `known` (H, W) by the nearest known pixel.

    At least one pixel must be known.
    """
    _, index = cv2.distanceTransformWithLabels(
        np.where(known, 0, 255).astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    # packed into one integer per pixel, since gathering rows of three bytes takes four times as long
    four = picture if picture.shape[2] == 4 else cv2.cvtColor(picture, cv2.COLOR_RGB2RGBA)
    packed = four.view(np.uint32)[..., 0]
    pixels = np.zeros(int(index.max()) + 1, np.uint32)
    pixels[index[known]] = packed[known]
    spread = pixels[index].view(np.uint8).reshape(*picture.shape[:2], 4)
    return np.asarray(spread if picture.shape[2] == 4 else cv2.cvtColor(spread, cv2.COLOR_RGBA2RGB), np.uint8)


def bleed(picture: Picture, mask: Picture) -> Picture:
    """Continue a garment's colours beyond its mask, so that sampling along its outline shows no background."""
    inner = np.asarray(cv2.erode(mask, np.ones((3, 3), np.uint8)), np.uint8)
    if not inner.any():
        return picture
    scale = max(picture.shape[:2]) / BLED
    if scale > 1:
        # colours beyond the outline need no more resolution
        size = round(picture.shape[1] / scale), round(picture.shape[0] / scale)
        smaller = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
        known = np.asarray(cv2.resize(inner, size, interpolation=cv2.INTER_AREA)) == 255
        if known.any():
            beyond = cv2.resize(nearest_known(smaller, known), picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)
            return np.asarray(cv2.copyTo(picture, inner, beyond), np.uint8)
    return nearest_known(picture, inner > 127)


def looks_swapped(person: Picture, garment: Picture) -> bool:
    """Return whether the person's picture and the garment's seem to be swapped.

    Then the person's shows an isolated object on a plain background, and the garment's an object cut by the border.
    """
    return background(person)[1] >= ISOLATED > background(garment)[1]
