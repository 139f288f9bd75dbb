"""Paste a look into its photo, at the photo's own resolution.

A network's masks are soft over one or two of its pixels, which are many pixels of a large photo. The garment's outline
is therefore redrawn as sharp as the photo.
"""

from dataclasses import dataclass
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from fitroom.arrays import Array, Picture
from fitroom.photo.frames import Frame
from fitroom.photo.masks import nearest_known

Layer = TypeVar("Layer", Array, Picture)

FINER = 1.25  # scale of the photo to the network's size above which the network's pixel steps are visible
FLOW_BLUR, OUTLINE_BLUR = 1.5, 0.9  # sigmas in the network's pixels, for photos above FINER
KEEP_BELOW = 0.04  # change mask up to which the photo's pixel is kept
BESIDE = 0.1  # share of the garment below which a pixel counts as beside the garment
SHARPEST = 6.0  # maximum factor by which an outline is steepened
BAND = 2**18  # pixels pasted at a time, so that intermediate results stay in the processor's cache


@dataclass(frozen=True)
class Layers:
    """A network's outputs for one look, at the network's size (h, w)."""

    flow: Array  # (h, w, 2) appearance flow in [-1, 1] over the framed garment
    rendered: Array  # (h, w, 3) in 0..255
    composition: Array  # (h, w) share of the warped garment
    change: Array  # (h, w) share of the look; the rest is the photo
    align_corners: bool  # whether -1 and 1 of the flow mean centres of the outermost pixels, or the picture's edges


def garment_pixels(layers: Layers, garment: Picture) -> Array:
    """Convert the appearance flow to pixels of a garment of any size, float32 (h, w, 2)."""
    model = np.array(layers.flow.shape[1::-1], np.float32)
    own = np.array(garment.shape[1::-1], np.float32)
    # -1 and 1 are pixel centres 0 and model - 1, or edges -0.5 and model - 0.5; then scaled from model to own
    scale = ((model - 1) if layers.align_corners else model) / 2 * own / model
    centre = (own - 1) / 2
    return scaled(layers.flow, scale, centre)


def scaled(grid: Array, scale: NDArray[Any], shift: NDArray[Any]) -> Array:
    """Compute `grid` (h, w, 2) * `scale` (2,) + `shift` (2,), as float32.

    It is computed on whole rows, since NumPy is slow along an axis of two.
    """
    height, width = grid.shape[:2]
    rows = grid.reshape(height, 2 * width) * np.tile(scale, width) + np.tile(shift, width)
    return np.asarray(rows.reshape(height, width, 2), np.float32)


def occupied(mask: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the indices of the rows and of the columns in which a mask (h, w) is set."""
    return np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))


def changed_box(change: Array) -> tuple[slice, slice]:
    """Return the rows and columns of the changed area, with a margin of two pixels. Something must change."""
    rows, columns = occupied(change > 0)
    return slice(max(rows[0] - 2, 0), rows[-1] + 3), slice(max(columns[0] - 2, 0), columns[-1] + 3)


def stacked(layers: Layers) -> tuple[Array, Picture]:
    """Return the garment's share (h, w) and the layer beside it, uint8 (h, w, 4), at the network's size.

    The layer has colours, and the share, 0 to 255, with which they are painted over the photo. It continues under the
    garment, so that the garment's outline can be drawn anywhere.
    """
    change = np.clip((layers.change - KEEP_BELOW) / (1 - KEEP_BELOW), 0, 1).astype(np.float32)
    share = change * layers.composition
    box = changed_box(change)
    painted = np.zeros(change.shape, np.uint8)
    painted[box] = cv2.convertScaleAbs(change[box], alpha=255)
    beside = np.asarray(cv2.merge([*cv2.split(cv2.convertScaleAbs(layers.rendered)), painted]), np.uint8)
    known = share[box] < BESIDE
    if known.any():
        beside[box] = nearest_known(np.ascontiguousarray(beside[box]), known)
    return share, beside


def grid_of(part: Frame, frame: Frame, height: int, width: int) -> tuple[Array, Array]:
    """Return x and y, in pixels of layers (height, width) that cover `frame`, of each pixel of a part of the photo."""
    x = (np.arange(part.width, dtype=np.float32) + part.left - frame.left + 0.5) * width / frame.width - 0.5
    y = (np.arange(part.height, dtype=np.float32) + part.top - frame.top + 0.5) * height / frame.height - 0.5
    shape = part.height, part.width
    return np.broadcast_to(x, shape).astype(np.float32), np.broadcast_to(y[:, None], shape).astype(np.float32)


def resample(layer: Layer, part: Frame, frame: Frame, interpolation: int = cv2.INTER_LINEAR) -> Layer:
    """Resample a layer, which covers `frame`, to the pixels of `part`. Both frames are in the photo's pixels."""
    height, width = layer.shape[:2]
    if (frame.height, frame.width) == (height, width):
        # same scale: no interpolation is needed
        top, left = part.top - frame.top, part.left - frame.left
        return layer[top : top + part.height, left : left + part.width]
    grid = grid_of(part, frame, height, width)
    return np.asarray(cv2.remap(layer, *grid, interpolation, borderMode=cv2.BORDER_REPLICATE), layer.dtype)


def changed_window(change: Array, frame: Frame, width: int, height: int) -> Frame | None:
    """Return the rectangle of the photo that contains all changes, or None if nothing changes."""
    rows, columns = occupied(change > KEEP_BELOW)
    if not len(rows):
        return None
    down, across = frame.height / change.shape[0], frame.width / change.shape[1]
    # one more pixel of the mask on each side, since interpolation reaches that far
    left = max(int(frame.left + (columns[0] - 1) * across), frame.left, 0)
    top = max(int(frame.top + (rows[0] - 1) * down), frame.top, 0)
    right = min(int(frame.left + (columns[-1] + 2) * across) + 1, frame.left + frame.width, width)
    bottom = min(int(frame.top + (rows[-1] + 2) * down) + 1, frame.top + frame.height, height)
    return Frame(left, top, right - left, bottom - top) if right > left and bottom > top else None


def garment_source(garment: Picture, layers: Layers, scale: float) -> tuple[Picture, Array]:
    """Return the garment to sample, and the positions to sample in its pixels, float32 (h, w, 2).

    `scale` is the photo's size divided by the network's.
    """
    where = garment_pixels(layers, garment)
    if scale > FINER:
        # subpixel steps of the flow, invisible at the network's size, would make prints jagged
        where = np.asarray(cv2.GaussianBlur(where, (0, 0), FLOW_BLUR), np.float32)
    shrinkage = garment.shape[1] / layers.flow.shape[1] / max(scale, 1e-6)
    if shrinkage <= 1.5:
        return garment, where
    # a garment much larger than its place in the photo would alias
    smaller = cv2.resize(garment, None, fx=1 / shrinkage, fy=1 / shrinkage, interpolation=cv2.INTER_AREA)
    factor = np.array(smaller.shape[1::-1], np.float32) / np.array(garment.shape[1::-1], np.float32)
    return np.asarray(smaller, np.uint8), scaled(where, factor, 0.5 * factor - 0.5)


def blend(below: Picture, above: Picture, share: Array) -> Picture:
    """Blend two pictures (h, w, 3), `above` with its share (h, w). Where the share is 0, the bytes of `below` stay."""
    return np.asarray(cv2.blendLinear(above, below, share, 1 - share), np.uint8)


def paste_back(photo: Picture, frame: Frame, garment: Picture, layers: Layers) -> Picture:
    """Paste a look into the photo. Return uint8 (H, W, 3) at the photo's size.

    Flow and masks are resampled to the photo. The garment is sampled from its framed picture, which may have any size.
    Pixels outside the change mask are the photo's own, bit for bit.
    """
    height, width = photo.shape[:2]
    look = photo.copy()
    window = changed_window(layers.change, frame, width, height)
    if window is None:
        return look
    scale = frame.width / layers.flow.shape[1]
    source, where = garment_source(garment, layers, scale)
    share, beside = stacked(layers)
    if scale > FINER:
        smooth = np.asarray(cv2.GaussianBlur(share, (0, 0), OUTLINE_BLUR), np.float32)
        share = np.where(layers.change > KEEP_BELOW, smooth, np.float32(0))
    steepness = float(np.clip(scale, 1, SHARPEST))
    rows = max(BAND // window.width, 1)
    for top in range(window.top, window.top + window.height, rows):
        part = Frame(window.left, top, window.width, min(rows, window.top + window.height - top))
        area = look[part.top : part.top + part.height, part.left : part.left + part.width]
        outline = resample(share, part, frame, cv2.INTER_CUBIC)
        worn = np.asarray(np.clip((outline - 0.5) * steepness + 0.5, 0, 1), np.float32)
        painted = resample(beside, part, frame)
        warped = cv2.remap(
            source, resample(where, part, frame), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        colours = np.asarray(cv2.cvtColor(painted, cv2.COLOR_RGBA2RGB), np.uint8)
        mixed = blend(area, colours, (painted[..., 3] / np.float32(255)).astype(np.float32))
        area[:] = blend(mixed, np.asarray(warped, np.uint8), worn)
    return look
