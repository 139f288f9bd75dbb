"""Pasting a look into the photo it came from, at the photo's own resolution."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fitroom.images import Frame, Picture

Array = NDArray[np.float32]

FLOW_BLUR = 1.5  # sigma in the network's pixels, where the photo is larger than them
KEEP_BELOW = 0.04  # a change mask this faint leaves the photo's pixel as it is


@dataclass(frozen=True)
class Layers:
    """What a network says about one look, at its own size (h, w)."""

    flow: Array  # (h, w, 2) appearance flow in [-1, 1] over the framed garment
    rendered: Array  # (h, w, 3) in 0..255
    composition: Array  # (h, w) share of the warped garment
    change: Array  # (h, w) share of the look against the photo
    align_corners: bool  # what -1 and 1 of the flow mean: pixel centres, or the picture's edges


def garment_pixels(layers: Layers, garment: Picture) -> Array:
    """Appearance flow in pixels of a garment of any size, float32 (h, w, 2)."""
    model = np.array(layers.flow.shape[1::-1], np.float32)
    own = np.array(garment.shape[1::-1], np.float32)
    # -1 and 1 are pixel centres 0 and model - 1, or edges -0.5 and model - 0.5; then scaled from model to own
    scale = ((model - 1) if layers.align_corners else model) / 2 * own / model
    centre = (own - 1) / 2
    return np.asarray(layers.flow * scale + centre, np.float32)


def resample(layer: Array, window: Frame, frame: Frame) -> Array:
    """The part of a layer that covers `window`, at the window's size; both frames in the photo's pixels."""
    height, width = layer.shape[:2]
    top, left = window.top - frame.top, window.left - frame.left
    if (frame.height, frame.width) == (height, width):
        # the same pixels: nothing lies between them
        return layer[top : top + window.height, left : left + window.width]
    x = (np.arange(window.width, dtype=np.float32) + left + 0.5) * width / frame.width - 0.5
    y = (np.arange(window.height, dtype=np.float32) + top + 0.5) * height / frame.height - 0.5
    map_x, map_y = np.meshgrid(x, y)
    return np.asarray(cv2.remap(layer, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)


def changed_window(change: Array, frame: Frame, width: int, height: int) -> Frame | None:
    """The smallest rectangle of the photo outside of which nothing changes; None where nothing does."""
    rows, columns = (np.flatnonzero((change > KEEP_BELOW).any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return None
    down, across = frame.height / change.shape[0], frame.width / change.shape[1]
    # one cell more on each side: interpolation reaches that far
    left = max(int(frame.left + (columns[0] - 1) * across), frame.left, 0)
    top = max(int(frame.top + (rows[0] - 1) * down), frame.top, 0)
    right = min(int(frame.left + (columns[-1] + 2) * across) + 1, frame.left + frame.width, width)
    bottom = min(int(frame.top + (rows[-1] + 2) * down) + 1, frame.top + frame.height, height)
    return Frame(left, top, right - left, bottom - top) if right > left and bottom > top else None


def paste_back(photo: Picture, frame: Frame, garment: Picture, layers: Layers) -> Picture:
    """The look at the photo's size, uint8 (H, W, 3).

    Flow and masks are resampled to the photo, the garment is sampled from its own framed picture of any size, and
    pixels outside the change mask are the photo's own, bit for bit.
    """
    height, width = photo.shape[:2]
    look = photo.copy()
    window = changed_window(layers.change, frame, width, height)
    if window is None:
        return look
    where = garment_pixels(layers, garment)
    if frame.width > 1.25 * layers.flow.shape[1]:
        # steps of a fraction of a pixel, unseen at the network's size, would show as jagged prints
        where = cv2.GaussianBlur(where, (0, 0), FLOW_BLUR)
    where = resample(where, window, frame)
    shrinkage = garment.shape[1] / layers.flow.shape[1] / max(frame.width / layers.flow.shape[1], 1e-6)
    source = garment
    if shrinkage > 1.5:
        # a garment much larger than its place in the photo would alias
        source = cv2.resize(garment, None, fx=1 / shrinkage, fy=1 / shrinkage, interpolation=cv2.INTER_AREA)
        scale = np.array(source.shape[1::-1], np.float32) / np.array(garment.shape[1::-1], np.float32)
        where = np.asarray((where + 0.5) * scale - 0.5, np.float32)
    warped = cv2.remap(source, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    rendered = resample(layers.rendered, window, frame)
    composition = resample(layers.composition, window, frame)[..., None]
    change = np.clip((resample(layers.change, window, frame) - KEEP_BELOW) / (1 - KEEP_BELOW), 0, 1)[..., None]
    area = look[window.top : window.top + window.height, window.left : window.left + window.width]
    mixed = warped.astype(np.float32)
    mixed -= rendered
    mixed *= composition
    mixed += rendered
    # where nothing changes this adds nothing, and the photo's bytes come out as they went in
    mixed -= area
    mixed *= change
    mixed += area
    mixed += 0.5
    area[:] = mixed.astype(np.uint8)
    return look
