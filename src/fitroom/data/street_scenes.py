"""Draw training samples from labelled photos: frames of any size around a person, turned, mirrored and relit.

Frames range from the try-on frame (head to hips) to the whole photo, because the parser is used on both.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fitroom.arrays import Array, Picture
from fitroom.data.augment import MIRRORED_POINTS
from fitroom.data.label_sets import MIRRORED_ROWS, NOT_PERSON, ROW, SETS, SINGLE
from fitroom.photo.frames import Frame, garment_frame
from fitroom.photo.parse import legs_below

WHITE = (255, 255, 255)  # colour of a frame outside the photo, in training and in use
CLEAR = 2  # most background crops per photo
MIRRORED = np.array(MIRRORED_ROWS, np.uint8)
PERSON_ROWS = [row for row in range(len(SETS)) if row not in (ROW[SINGLE[0]], ROW[NOT_PERSON])]


@dataclass(frozen=True)
class StreetConfig:
    """How frames of labelled photos are drawn and changed. 0 switches a change off."""

    flip: float = 0.5  # share that is mirrored
    closer: float = 0.8  # height of the smallest frame, relative to the try-on frame
    farther: float = 1.1  # height of the largest frame, relative to the frame of the whole photo
    aside: float = 0.12  # largest shift, relative to the frame's size
    lower: float = 0.15  # share of frames moved down to show the legs
    turn: float = 10.0  # largest rotation, in degrees
    light: float = 0.3  # largest change of brightness and contrast
    tint: float = 0.15  # largest relative change of each colour channel
    grey: float = 0.05  # share that is grey
    blur: float = 0.2  # share that is blurred


@dataclass(frozen=True)
class StreetPhoto:
    """One labelled photo, ready to be framed."""

    name: str
    sizes: tuple[Picture, ...]  # the photo at full, half and quarter size
    sets: Picture  # (H, W) rows of `label_sets.TABLE`
    points: Array  # (18, 3) key points in pixels; confidence 0: not shown, -1: unknown
    dressed: Frame  # try-on frame: head to hips


def halved(photo: Picture) -> tuple[Picture, ...]:
    """Reduce a photo (H, W, 3) to half and quarter size. Returns all three sizes, largest first."""
    half = np.asarray(cv2.resize(photo, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)
    return photo, half, np.asarray(cv2.resize(half, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)


def framed(photo: StreetPhoto, matrix: NDArray[np.float64], height: int, width: int) -> tuple[Picture, Picture, Array]:
    """Cut a frame out of a photo.

    Returns the picture, uint8 (height, width, 3), its label sets, uint8 (height, width), and key points (18, 3).
    `matrix` (2, 3) maps photo pixels to frame pixels. Known key points outside the frame get confidence 0.
    """
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    level = min(max(int(np.floor(-np.log2(max(scale, 1e-6)) + 0.25)), 0), len(photo.sizes) - 1)
    factor = 2.0**level
    # a reduced pixel's centre lies (factor - 1) / 2 full pixels from that of its first pixel
    smaller = matrix.copy()
    smaller[:, :2] *= factor
    smaller[:, 2] += matrix[:, :2] @ np.full(2, (factor - 1) / 2)
    size = width, height
    picture = cv2.warpAffine(
        photo.sizes[level], smaller, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=WHITE
    )
    sets = cv2.warpAffine(
        photo.sets, matrix, size, flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=(0,)
    )
    points = photo.points.copy()
    points[:, :2] = points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    x, y = points[:, 0], points[:, 1]
    outside = (x < 0) | (x > width - 1) | (y < 0) | (y > height - 1)
    points[outside & (points[:, 2] > 0), 2] = 0
    return np.asarray(picture, np.uint8), np.asarray(sets, np.uint8), points


def mirrored(picture: Picture, sets: Picture, points: Array) -> tuple[Picture, Picture, Array]:
    """Mirror a framed photo (H, W, 3), its label sets (H, W) and key points (18, 3). Swaps left and right parts."""
    return picture[:, ::-1], MIRRORED[sets[:, ::-1]], mirrored_points(points, picture.shape[1])


def mirrored_points(points: Array, width: int) -> Array:
    """Mirror key points (18, 3) of a photo that is `width` pixels wide. Swaps left and right joints."""
    points = points[list(MIRRORED_POINTS)].copy()
    points[:, 0] = width - 1 - points[:, 0]
    return points


def matrix_of(frame: Frame, height: int, width: int, turn: float = 0.0) -> NDArray[np.float64]:
    """Return the matrix (2, 3) from photo pixels to frame pixels, rotated counter-clockwise by `turn` degrees."""
    scale = height / frame.height
    matrix = cv2.getRotationMatrix2D((0.0, 0.0), turn, scale)
    middle = np.array([frame.left + (frame.width - 1) / 2, frame.top + (frame.height - 1) / 2])
    matrix[:, 2] = np.array([(width - 1) / 2, (height - 1) / 2]) - matrix[:, :2] @ middle
    return np.asarray(matrix, np.float64)


def drawn_frame(photo: StreetPhoto, config: StreetConfig, numbers: NDArray[np.float64]) -> Frame:
    """Choose a training frame from four random numbers in [0, 1].

    They give its size, its shift across, its shift down, and whether it shows the legs.
    """
    whole = garment_frame(photo.sets.shape[1], photo.sets.shape[0])
    smallest, largest = config.closer * photo.dressed.height, config.farther * whole.height
    dressed = photo.dressed
    if numbers[3] < config.lower:
        dressed = replace(dressed, top=dressed.top + round(below(photo) * dressed.height))
    height = smallest * (max(largest, smallest) / smallest) ** numbers[0]
    # small frames are centred on the try-on frame, large ones on the photo
    share = min(max((height - dressed.height) / max(whole.height - dressed.height, 1), 0.0), 1.0)
    middle = [
        (1 - share) * (getattr(dressed, start) + getattr(dressed, side) / 2)
        + share * (getattr(whole, start) + getattr(whole, side) / 2)
        for start, side in (("left", "width"), ("top", "height"))
    ]
    width = 0.75 * height
    x, y = (
        place + config.aside * (2 * number - 1) * side
        for place, number, side in zip(middle, numbers[1:3], (width, height), strict=True)
    )
    return Frame(round(x - width / 2), round(y - height / 2), round(width), round(height))


def below(photo: StreetPhoto) -> float:
    """Return how far the frame of the legs lies below the try-on frame, in frame heights, from the labels."""
    shown = np.flatnonzero(np.isin(photo.sets, PERSON_ROWS).any(axis=1))
    lowest = float(shown[-1]) if len(shown) else 0.0
    return legs_below(lowest, photo.dressed)


def relit(picture: Picture, config: StreetConfig, numbers: NDArray[np.float64]) -> Picture:
    """Change the light and sharpness of a picture (H, W, 3) by seven random numbers in [0, 1].

    They give contrast, brightness, three tints, grey and blur.
    """
    contrast, brightness = 1 + config.light * (2 * numbers[0] - 1), 127.5 * config.light * (2 * numbers[1] - 1)
    factors = contrast * (1 + config.tint * (2 * numbers[2:5] - 1))
    table = (np.arange(256) - 127.5)[:, None] * factors + 127.5 + brightness
    colours = cv2.LUT(picture, np.clip(table, 0, 255).astype(np.uint8)[:, None, :])
    if numbers[5] < config.grey:
        colours = cv2.cvtColor(cv2.cvtColor(colours, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    if numbers[6] < config.blur:
        colours = cv2.GaussianBlur(colours, (0, 0), 0.5 + 4 * numbers[6])
    return np.asarray(colours, np.uint8)


def drawn(
    photo: StreetPhoto, config: StreetConfig, seed: int, height: int, width: int
) -> tuple[Picture, Picture, Array]:
    """Draw a training sample: picture uint8 (height, width, 3), label sets (height, width), key points (18, 3)."""
    numbers = np.random.default_rng(seed).random(13)
    frame = drawn_frame(photo, config, numbers[:4])
    made = framed(photo, matrix_of(frame, height, width, config.turn * (2 * numbers[4] - 1)), height, width)
    picture, sets, points = mirrored(*made) if numbers[5] < config.flip else made
    return relit(np.ascontiguousarray(picture), config, numbers[6:]), sets, points


def stacked(samples: list[tuple[Picture, Picture, Array]]) -> tuple[Tensor, Tensor, Tensor]:
    """Stack samples into batches.

    Returns pictures, float32 (N, 3, H, W) in [-1, 1], label sets, uint8 (N, H, W), and key points, float32 (N, 18, 3).
    """
    pictures, sets, points = (np.stack(values) for values in zip(*samples, strict=True))
    return (
        torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1,
        torch.from_numpy(np.ascontiguousarray(sets)),
        torch.from_numpy(points.astype(np.float32)),
    )


def clear_backgrounds(photo: StreetPhoto, height: int, width: int, seed: int = 0) -> list[Picture]:
    """Cut up to CLEAR crops without labelled pixels from a photo, each (height, width, 3), larger ones first."""
    person = (photo.sets != 0).astype(np.uint8)
    total = cv2.integral(person)
    rng = np.random.default_rng(seed)
    found: list[Picture] = []
    for share in (0.4, 0.3, 0.22):
        across = round(share * person.shape[1])
        down = round(across * height / width)
        if down > person.shape[0]:
            continue
        for _ in range(40):
            top, left = (
                int(rng.integers(0, side - crop + 1)) for side, crop in zip(person.shape, (down, across), strict=True)
            )
            bottom, right = top + down, left + across
            held = total[bottom, right] - total[top, right] - total[bottom, left] + total[top, left]
            if not held and len(found) < CLEAR:
                crop = photo.sizes[0][top:bottom, left:right]
                found.append(np.asarray(cv2.resize(crop, (width, height), interpolation=cv2.INTER_AREA), np.uint8))
    return found
