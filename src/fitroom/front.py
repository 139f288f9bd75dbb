"""What stays in front of any garment: a person's own hands, hair and face, where a parser sees them."""

import cv2
import numpy as np
from numpy.typing import NDArray

from fitroom.data import limbs
from fitroom.data.viton import FACE, HAIR, LEFT_ARM, RIGHT_ARM
from fitroom.images import Frame, Picture
from fitroom.runtime.interface import FOUND, Parsing

Share = NDArray[np.float32]

WRIST = 0.95  # of the way from elbow to wrist, from where an arm is a hand
REACH = 0.4  # of the shoulders' width, that a hand lies beside its forearm's line at most
EVERY = 2  # pixels of a label, of which one is looked at
SKIN = 0.05  # that a colour's shares of red, green and blue differ from the face's, at most
SHADE = 0.35  # of the face's brightness that skin has at least
FEW = 20  # pixels of a face, below which its colour is not known
SURE = 3  # pixels of the network's by which a label is made smaller: beside its outline it is often wrong


def hands(label: Picture, skeleton: limbs.Skeleton) -> NDArray[np.bool_]:
    """Where hands are (H, W): a label's arms beyond the wrist."""
    points, unit = skeleton.points, skeleton.shoulder_width
    grid = limbs.pixel_grid(*label.shape)
    beyond = np.zeros(label.shape, bool)
    for _, elbow, wrist in limbs.ARM_JOINTS.values():
        along, across, _ = limbs.along_and_across(grid, points[elbow], points[wrist])
        beyond |= (along > WRIST) & (np.abs(across) < REACH * unit)
    return beyond & np.isin(label, (LEFT_ARM, RIGHT_ARM))


def head(label: Picture) -> NDArray[np.bool_]:
    """Where face and hair are (H, W), in one piece: what a label calls hair elsewhere is a fold or a print."""
    shown = np.isin(label, (FACE, HAIR)).astype(np.uint8)
    count, regions, sizes, _ = cv2.connectedComponentsWithStats(shown)
    if count < 2:
        return shown > 0
    return np.asarray(regions == 1 + int(sizes[1:, cv2.CC_STAT_AREA].argmax()), np.bool_)


def colours_at(photo: Picture, frame: Frame, height: int, width: int) -> Picture:
    """Colours (height, width, 3) of the pixels that lie at a grid over a frame of a photo; at its edge beyond it."""
    rows = frame.top + (np.arange(height) + 0.5) * frame.height / height
    columns = frame.left + (np.arange(width) + 0.5) * frame.width / width
    rows, columns = rows.astype(int).clip(0, len(photo) - 1), columns.astype(int).clip(0, photo.shape[1] - 1)
    return np.asarray(photo[np.ix_(rows, columns)], np.uint8)


def like_the_face(colours: Picture, label: Picture) -> NDArray[np.bool_]:
    """Where colours (H, W, 3) are those of the face that a label shows, in any light; everywhere where it shows none.

    Labels of hands reach over cuffs: of 1,217 pixels there this leaves 20 %, of 55,431 of hands 86 % (VITON's
    validation persons, by a script).
    """
    face = label == FACE
    if face.sum() < FEW:
        return np.ones(label.shape, bool)
    sums = colours.sum(axis=2, dtype=np.float32)
    shares = colours / (sums[..., None] + 1)
    apart = np.abs(shares - np.median(shares[face], axis=0)).max(axis=2)
    return np.asarray((apart < SKIN) & (sums > SHADE * np.median(sums[face])), np.bool_)


def front_of(photo: Picture, parsing: Parsing, parsed: Frame, frame: Frame, height: int, width: int) -> Share:
    """Share (height, width) of what `frame` shows that no garment covers, by what was parsed in another frame.

    `parsing` has key points in the pixels of `photo` (H, W, 3) and its label at a size of its own. Soft at the edges.
    """
    scale = np.array(parsing.label.shape[::-1]) / (parsed.width, parsed.height)
    label = parsing.label[::EVERY, ::EVERY]
    points = np.where(parsing.key_points[:, 2:] >= FOUND, parsing.key_points, 0)
    points[:, :2] = ((points[:, :2] + 0.5 - (parsed.left, parsed.top)) * scale - 0.5) / EVERY
    found = head(label)
    skeleton = limbs.complete(points)
    if skeleton is not None:
        found |= hands(label, skeleton) & like_the_face(colours_at(photo, parsed, *label.shape), label)
    # from pixels of `frame` at the network's size to those of the label
    step = scale * (frame.width / width, frame.height / height)
    start = (np.array([frame.left - parsed.left, frame.top - parsed.top])) * scale + 0.5 * step - 0.5
    matrix = np.array([[step[0], 0, start[0]], [0, step[1], start[1]]], np.float32) / EVERY
    shown = cv2.warpAffine(
        found.astype(np.uint8) * 255, matrix, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    )
    sure = cv2.erode(np.where(shown > 127, 255, 0).astype(np.uint8), np.ones((SURE, SURE), np.uint8))
    return cv2.GaussianBlur(sure, (3, 3), 0).astype(np.float32) / np.float32(255)
