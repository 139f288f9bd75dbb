"""Measure cut, print size and outline of the garment in a look, and compare them with its own wearer's photo.

All measures need only pictures, labels and key points, so that they work for any system.
"""

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from fitroom import body
from fitroom.arrays import Array, Picture
from fitroom.body import FOUND, Label

Mask = NDArray[np.bool_]

NECKLINE, HEM = 0.08, 0.25  # half width, in shoulder widths, of the columns that are searched around the trunk's middle
SAMPLES = 40  # samples along an arm
ARM = 0.2, 0.95  # measured part of the way from shoulder to wrist
LEAST_SAMPLES = 12  # samples of an arm that must show sleeve or skin
ENLARGED = 3  # scale of pictures before prints are matched
RATIO = 0.8  # best distance of a match divided by the second-best, at most (Lowe, IJCV 2004)
INLIERS = 14  # matches that must agree on one affine map
USUAL_WIDTH = 79.0  # shoulder width of studio photos in pixels, for which NEARBY and LIKELY hold
NEARBY = 3.0  # RANSAC threshold, pixels
LIKELY = 0.35, 1.6  # range of plausible scales, photo pixels per product-shot pixel
STRETCH = 1.7  # largest ratio of the two scales
BAND = 4  # pixels to either side of a garment's outline
SMOOTH = 5  # pixels of the median filter


class Cut(NamedTuple):
    """Where a garment ends on a person; None for what the picture does not show."""

    neckline: float | None  # depth below the shoulders' line, in trunk lengths
    hem: float | None  # height above the hips, in trunk lengths
    right_arm: float | None  # covered share, 0 to 1
    left_arm: float | None


class Size(NamedTuple):
    """Scale of a garment's print on a person, divided by the shoulder width."""

    across: float
    along: float


def skeleton_of(points: Array) -> body.Skeleton | None:
    """Complete the joints of a parser's key points (18, 3), in pixels; return None if the shoulders are not found."""
    return body.complete(np.where(points[:, 2:] >= FOUND, points, 0))


def measure_cut(labels: Picture, points: Array) -> Cut | None:
    """Measure a garment's cut by labels (H, W) and key points (18, 3); return None without shoulders or trunk."""
    skeleton = skeleton_of(points)
    if skeleton is None:
        return None
    joints, unit = skeleton.points, skeleton.shoulder_width
    shoulders = joints[[body.RIGHT_SHOULDER, body.LEFT_SHOULDER]].mean(axis=0)
    hips = joints[[body.RIGHT_HIP, body.LEFT_HIP]].mean(axis=0)
    trunk = float(hips[1] - shoulders[1])
    if trunk < 4:
        return None
    top = np.isin(labels, body.TOPS)
    # a neckline is never above the midpoint of nose and shoulders
    nose = points[body.NOSE]
    first = (float(nose[1]) + float(shoulders[1])) / 2 if nose[2] >= FOUND else float(shoulders[1]) - 0.3 * unit
    edge = neckline_row(labels, top, shoulders, unit, max(round(first), 0))
    # completed joints are guesses, so only found joints are used from here on
    found = points[:, 2] >= FOUND
    hips_found = found[[body.RIGHT_HIP, body.LEFT_HIP]].all()
    lowest = hem_row(top, hips, shoulders, unit) if hips_found else None
    arms = [
        covered_share(labels, joints[list(body.ARM_JOINTS[part])]) if found[list(body.ARM_JOINTS[part])].all() else None
        for part in (body.RIGHT_ARM, body.LEFT_ARM)
    ]
    return Cut(
        None if edge is None else (edge - float(shoulders[1])) / trunk,
        None if lowest is None else (float(hips[1]) - lowest) / trunk,
        *arms,
    )


def neckline_row(labels: Picture, top: Mask, shoulders: Array, unit: float, first: int) -> float | None:
    """Return the median row, in pixels, of the garment's upper edge around the trunk's middle.

    Columns with hair or jewellery above the garment are skipped. Returns None if no column is left.
    """
    found = []
    for column in columns_around(float(shoulders[0]), NECKLINE * unit, top.shape[1]):
        rows = np.flatnonzero(top[first:, column])
        if len(rows):
            row = first + int(rows[0])
            if labels[max(row - 2, 0), column] not in (Label.HAIR, Label.OTHER):
                found.append(row)
    return float(np.median(found)) if found else None


def hem_row(top: Mask, hips: Array, shoulders: Array, unit: float) -> float | None:
    """Return the median row, in pixels, just below the garment around the trunk's middle.

    Returns None if no garment is found or the picture ends first.
    """
    found = []
    for column in columns_around(float(hips[0]), HEM * unit, top.shape[1]):
        rows = np.flatnonzero(top[:, column])
        if len(rows) and rows[-1] > shoulders[1]:
            found.append(int(rows[-1]) + 1)
    if not found:
        return None
    row = float(np.median(found))
    return row if row < len(top) - 2 else None


def columns_around(middle: float, reach: float, width: int) -> range:
    """Return the columns of a picture of `width` pixels that lie within `reach` pixels of `middle`."""
    return range(max(round(middle - reach), 0), min(round(middle + reach) + 1, width))


def covered_share(labels: Picture, arm: Array) -> float | None:
    """Return the share of garment among the garment and skin along an arm, 0 to 1, by its joints (3, 2).

    Returns None if fewer than LEAST_SAMPLES samples show garment or skin.
    """
    along = np.linspace(*ARM, SAMPLES)[:, None]
    upper, lower = (float(np.linalg.norm(arm[end] - arm[end - 1])) for end in (1, 2))
    bend = upper / max(upper + lower, 1e-6)
    places = np.where(
        along < bend,
        arm[0] + (arm[1] - arm[0]) * along / max(bend, 1e-6),
        arm[1] + (arm[2] - arm[1]) * (along - bend) / max(1 - bend, 1e-6),
    )
    x, y = np.rint(places).astype(int).T
    inside = (x >= 0) & (x < labels.shape[1]) & (y >= 0) & (y < labels.shape[0])
    seen = labels[y[inside], x[inside]]
    sleeve, skin = np.isin(seen, body.TOPS).sum(), np.isin(seen, (*body.ARMS, *body.HANDS)).sum()
    return float(sleeve / (sleeve + skin)) if sleeve + skin >= LEAST_SAMPLES else None


def cut_difference(look: Cut | None, wearer: Cut | None) -> dict[str, float]:
    """Return absolute differences of two cuts where both have a value: neckline, hem, and the mean of the arms."""
    if look is None or wearer is None:
        return {}
    apart = {
        name: abs(a - b)
        for name, a, b in zip(Cut._fields, look, wearer, strict=True)
        if a is not None and b is not None
    }
    arms = [apart.pop(name) for name in ("right_arm", "left_arm") if name in apart]
    return apart | ({"arms": float(np.mean(arms))} if arms else {})


def measure_size(
    garment: Picture, garment_mask: Picture, picture: Picture, labels: Picture, points: Array
) -> Size | None:
    """Measure the size of a garment's print on a person, by matching the picture with the product shot (h, w, 3).

    SIFT features (Lowe, IJCV 2004) are matched, and RANSAC fits one affine map to the matches. Returns None if the
    print can't be matched or the shoulders are not found.
    """
    skeleton = skeleton_of(points)
    if skeleton is None:
        return None
    top = np.where(np.isin(labels, body.TOPS), 255, 0).astype(np.uint8)
    (places, features), (seen_places, seen_features) = described(garment, garment_mask), described(picture, top)
    if len(places) < INLIERS or len(seen_places) < INLIERS:
        return None
    matches = cv2.BFMatcher().knnMatch(features, seen_features, k=2)
    good = [first for first, second in matches if first.distance < RATIO * second.distance]
    if len(good) < INLIERS:
        return None
    larger = skeleton.shoulder_width / USUAL_WIDTH
    source = np.array([places[match.queryIdx] for match in good], np.float32)
    target = np.array([seen_places[match.trainIdx] for match in good], np.float32)
    affine, inliers = cv2.estimateAffine2D(source, target, ransacReprojThreshold=NEARBY * larger)
    if affine is None or inliers.sum() < INLIERS:
        return None
    across, along = (float(np.linalg.norm(affine[:, column])) for column in (0, 1))
    low, high = min(across, along), max(across, along)
    if low < LIKELY[0] * larger or high > LIKELY[1] * larger or high > STRETCH * low:
        return None
    return Size(across / skeleton.shoulder_width, along / skeleton.shoulder_width)


def described(picture: Picture, mask: Picture) -> tuple[Array, Array]:
    """Return positions (n, 2), in pixels, and SIFT features (n, 128) of a picture (H, W, 3) inside a mask (H, W)."""
    size = picture.shape[1] * ENLARGED, picture.shape[0] * ENLARGED
    grey = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_CUBIC)
    inside = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
    detector: Any = cv2.SIFT_create(contrastThreshold=0.02)  # type: ignore[attr-defined]
    points, features = detector.detectAndCompute(grey, inside)
    places = np.array([point.pt for point in points], np.float32).reshape(-1, 2) / np.float32(ENLARGED)
    return places, np.zeros((0, 128), np.float32) if features is None else np.asarray(features, np.float32)


def size_difference(look: Size | None, wearer: Size | None) -> dict[str, float]:
    """Return absolute log ratios of two sizes, across and along; empty if either is None."""
    if look is None or wearer is None:
        return {}
    return {name: abs(float(np.log(a / b))) for name, a, b in zip(Size._fields, look, wearer, strict=True)}


def outline_roughness(picture: Picture, labels: Picture) -> float | None:
    """Return the mean absolute difference, in 8-bit steps, of a picture (H, W, 3) and its median-filtered copy.

    Only pixels around the garment's outline count. Dashes, dots and jagged edges give higher values than real photos.
    Returns None if no garment is labelled.
    """
    top = np.isin(labels, body.TOPS).astype(np.uint8)
    if not top.any():
        return None
    around = np.ones((2 * BAND + 1, 2 * BAND + 1), np.uint8)
    band = (cv2.dilate(top, around) > 0) & (cv2.erode(top, around) == 0)
    smooth = cv2.medianBlur(picture, SMOOTH)
    return float(np.abs(picture.astype(np.int16) - smooth)[band].mean())
