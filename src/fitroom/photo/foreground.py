"""Find what stays in front of any garment: hands, hair, face and carried things, from a parser's labels."""

import cv2
import numpy as np
from numpy.typing import NDArray

from fitroom import body
from fitroom.arrays import Picture
from fitroom.body import FOUND, Label
from fitroom.photo.frames import Frame
from fitroom.runtime.interface import Parsing

Share = NDArray[np.float32]

WRIST = 0.95  # fraction of the way from elbow to wrist beyond which an arm counts as a hand
REACH = 0.4  # maximum distance of a hand from its forearm's line, in shoulder widths
EVERY = 2  # step at which a label's pixels are sampled
SKIN = 0.05  # maximum difference of skin from the face, in shares of red, green and blue
SHADE = 0.35  # minimum brightness of skin, relative to the face
FEW = 20  # minimum pixels of a face from which its colour is known
SURE = 3  # erosion kernel in the network's pixels: labels are often wrong along their outlines


def hands(label: Picture, skeleton: body.Skeleton) -> NDArray[np.bool_]:
    """Return the mask (H, W) of the hands: pixels labelled as hands, and arms beyond the wrist."""
    beyond = np.zeros(label.shape, bool)
    for along, beside in body.along_forearms(skeleton, *label.shape).values():
        beyond |= (along > WRIST) & (beside < REACH)
    return beyond & np.isin(label, body.ARMS) | np.isin(label, body.HANDS)


def head(label: Picture) -> NDArray[np.bool_]:
    """Return the mask (H, W) of face and hair, largest piece only: hair labels elsewhere are folds or prints."""
    shown = np.isin(label, (Label.FACE, Label.HAIR)).astype(np.uint8)
    count, regions, sizes, _ = cv2.connectedComponentsWithStats(shown)
    if count < 2:
        return shown > 0
    return np.asarray(regions == 1 + int(sizes[1:, cv2.CC_STAT_AREA].argmax()), np.bool_)


def colours_at(photo: Picture, frame: Frame, mask: NDArray[np.bool_]) -> Share:
    """Return the colours (n, 3) of a photo (H, W, 3) where a mask (h, w) over one of its frames is set.

    Positions outside the photo take the colour at its edge.
    """
    rows, columns = np.nonzero(mask)
    y = (frame.top + (rows + 0.5) * frame.height / mask.shape[0]).astype(int).clip(0, photo.shape[0] - 1)
    x = (frame.left + (columns + 0.5) * frame.width / mask.shape[1]).astype(int).clip(0, photo.shape[1] - 1)
    return np.asarray(photo[y, x], np.float32)


def like(colours: Share, skin: Share) -> NDArray[np.bool_]:
    """Return which colours (n, 3) match those of skin (m, 3) in any light: all of them if m is below FEW.

    Labels of hands extend over cuffs. This keeps 21 % of 1,217 pixels on cuffs, and 86 % of 55,431 on hands (VITON's
    validation persons, measured by a script).
    """
    if len(skin) < FEW:
        return np.ones(len(colours), bool)
    apart, brightness = body.compared_with_skin(colours, skin)
    return np.asarray((apart < SKIN) & (brightness > SHADE), np.bool_)


def foreground_of(photo: Picture, parsing: Parsing, parsed: Frame, frame: Frame, height: int, width: int) -> Share:
    """Return the share of each pixel of `frame` that no garment covers, float32 (height, width) in [0, 1].

    `parsing` was made in the frame `parsed`. It has key points in the pixels of `photo` (H, W, 3), and its label may
    have any size. The share is soft at the edges.
    """
    scale = np.array(parsing.label.shape[::-1]) / (parsed.width, parsed.height)
    label = parsing.label[::EVERY, ::EVERY]
    points = np.where(parsing.key_points[:, 2:] >= FOUND, parsing.key_points, 0)
    points[:, :2] = ((points[:, :2] + 0.5 - (parsed.left, parsed.top)) * scale - 0.5) / EVERY
    found = head(label)
    skeleton = body.complete(points)
    if skeleton is not None:
        seen = hands(label, skeleton)
        face = colours_at(photo, parsed, label[::2, ::2] == Label.FACE)  # enough for a median
        found[seen] |= like(colours_at(photo, parsed, seen), face)
    found |= label == Label.OTHER
    # maps pixels of `frame` at the network's size to pixels of the label
    step = scale * (frame.width / width, frame.height / height)
    start = (np.array([frame.left - parsed.left, frame.top - parsed.top])) * scale + 0.5 * step - 0.5
    matrix = np.array([[step[0], 0, start[0]], [0, step[1], start[1]]], np.float32) / EVERY
    shown = cv2.warpAffine(
        found.astype(np.uint8) * 255, matrix, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    )
    sure = cv2.erode(np.where(shown > 127, 255, 0).astype(np.uint8), np.ones((SURE, SURE), np.uint8))
    return cv2.GaussianBlur(sure, (3, 3), 0).astype(np.float32) / np.float32(255)
