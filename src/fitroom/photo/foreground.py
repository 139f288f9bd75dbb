"""What stays in front of any garment: hands, hair, face, and what is carried, where a parser sees them."""

import cv2
import numpy as np
from numpy.typing import NDArray

from fitroom import body
from fitroom.arrays import Picture
from fitroom.body import FOUND, Label
from fitroom.photo.frames import Frame
from fitroom.runtime.interface import Parsing

Share = NDArray[np.float32]

WRIST = 0.95  # of the way from elbow to wrist, from where an arm is a hand
REACH = 0.4  # of the shoulders' width, that a hand lies beside its forearm's line at most
EVERY = 2  # pixels of a label, of which one is looked at
SKIN = 0.05  # that a colour's shares of red, green and blue differ from the face's, at most
SHADE = 0.35  # of the face's brightness that skin has at least
FEW = 20  # pixels of a face, below which its colour is not known
SURE = 3  # pixels of the network's by which a label is made smaller: beside its outline it is often wrong


def hands(label: Picture, skeleton: body.Skeleton) -> NDArray[np.bool_]:
    """Where hands are (H, W): as labelled, and a label's arms beyond the wrist."""
    beyond = np.zeros(label.shape, bool)
    for along, beside in body.along_forearms(skeleton, *label.shape).values():
        beyond |= (along > WRIST) & (beside < REACH)
    return beyond & np.isin(label, body.ARMS) | np.isin(label, body.HANDS)


def head(label: Picture) -> NDArray[np.bool_]:
    """Where face and hair are (H, W), in one piece: what a label calls hair elsewhere is a fold or a print."""
    shown = np.isin(label, (Label.FACE, Label.HAIR)).astype(np.uint8)
    count, regions, sizes, _ = cv2.connectedComponentsWithStats(shown)
    if count < 2:
        return shown > 0
    return np.asarray(regions == 1 + int(sizes[1:, cv2.CC_STAT_AREA].argmax()), np.bool_)


def colours_at(photo: Picture, frame: Frame, mask: NDArray[np.bool_]) -> Share:
    """Colours (n, 3) of a photo (H, W, 3) where a mask (h, w) over one of its frames is set; at its edge beyond it."""
    rows, columns = np.nonzero(mask)
    y = (frame.top + (rows + 0.5) * frame.height / mask.shape[0]).astype(int).clip(0, photo.shape[0] - 1)
    x = (frame.left + (columns + 0.5) * frame.width / mask.shape[1]).astype(int).clip(0, photo.shape[1] - 1)
    return np.asarray(photo[y, x], np.float32)


def like(colours: Share, skin: Share) -> NDArray[np.bool_]:
    """Which colours (n, 3) are, in any light, those of the skin in others (m, 3); all where there are too few.

    Labels of hands reach over cuffs: of 1,217 pixels there this leaves 21 %, of 55,431 of hands 86 % (VITON's
    validation persons, by a script).
    """
    if len(skin) < FEW:
        return np.ones(len(colours), bool)
    apart, brightness = body.compared_with_skin(colours, skin)
    return np.asarray((apart < SKIN) & (brightness > SHADE), np.bool_)


def foreground_of(photo: Picture, parsing: Parsing, parsed: Frame, frame: Frame, height: int, width: int) -> Share:
    """Share (height, width) of what `frame` shows that no garment covers, by what was parsed in another frame.

    `parsing` has key points in the pixels of `photo` (H, W, 3) and its label at a size of its own. Soft at the edges.
    """
    scale = np.array(parsing.label.shape[::-1]) / (parsed.width, parsed.height)
    label = parsing.label[::EVERY, ::EVERY]
    points = np.where(parsing.key_points[:, 2:] >= FOUND, parsing.key_points, 0)
    points[:, :2] = ((points[:, :2] + 0.5 - (parsed.left, parsed.top)) * scale - 0.5) / EVERY
    found = head(label)
    skeleton = body.complete(points)
    if skeleton is not None:
        seen = hands(label, skeleton)
        face = colours_at(photo, parsed, label[::2, ::2] == Label.FACE)  # a median needs no more
        found[seen] |= like(colours_at(photo, parsed, seen), face)
    found |= label == Label.OTHER
    # from pixels of `frame` at the network's size to those of the label
    step = scale * (frame.width / width, frame.height / height)
    start = (np.array([frame.left - parsed.left, frame.top - parsed.top])) * scale + 0.5 * step - 0.5
    matrix = np.array([[step[0], 0, start[0]], [0, step[1], start[1]]], np.float32) / EVERY
    shown = cv2.warpAffine(
        found.astype(np.uint8) * 255, matrix, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    )
    sure = cv2.erode(np.where(shown > 127, 255, 0).astype(np.uint8), np.ones((SURE, SURE), np.uint8))
    return cv2.GaussianBlur(sure, (3, 3), 0).astype(np.float32) / np.float32(255)
