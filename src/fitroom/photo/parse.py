"""Find labels and key points in a whole photo. The parser runs on the whole photo, then on crops of the person."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from fitroom import body
from fitroom.arrays import Array, Picture
from fitroom.body import PREDICTED
from fitroom.photo import frames
from fitroom.photo.frames import Frame
from fitroom.photo.framing import chosen_person, parsed_in, people, settled, studio_frame
from fitroom.runtime.interface import Parsing, PersonParser

TRUNK = [body.NOSE, body.RIGHT_SHOULDER, body.LEFT_SHOULDER]
LESS_SURE = 0.1  # confidence that a crop may lose against the wider view, since it is finer
LOWEST = 0.85  # maximum distance of the legs' frame below the dressed frame, in frame heights
WIDER = 0.4  # weight of the whole photo in a crop's labels: it separates skirts from dresses better
MARGIN = 0.03  # width, relative to a crop's size, of the edge where the wider view's labels are kept


@dataclass(frozen=True)
class Parse:
    """What a parser found in a photo (H, W, 3)."""

    labels: Picture  # uint8 (H, W) of `body.Label`
    key_points: Array  # (18, 3): x, y in pixels of the photo, and confidence in [0, 1]; COCO order with a neck
    frame: Frame | None  # the part that is dressed, head to hips; None if the shoulders are not found
    persons: tuple[Frame, ...]  # boxes around the persons, largest first


def parse_photo(photo: Picture, parser: PersonParser, person_point: tuple[int, int] | None = None) -> Parse:
    """Parse a photo (H, W, 3) of any size.

    Of several persons the largest is parsed again in a crop, or the one nearest to `person_point`, x and y in pixels.
    If nobody is found, the labels are background and `persons` is empty.
    """
    height, width = photo.shape[:2]
    whole = frames.garment_frame(width, height)
    parsing = parsed_in(photo, whole, parser)
    shares = parsing.shares
    labels = enlarged(parsing.label, whole, height, width)
    points = parsing.key_points
    persons = tuple(box_of(mask, whole) for mask in people(parsing.label))
    surroundings = chosen_person(parsing, whole, person_point)
    if surroundings is not None:
        closer = parsed_in(photo, surroundings, parser)
        if as_sure(closer.key_points, points) or person_point is not None:
            lay_over(labels, label_of(closer, surroundings, shares, whole), surroundings)
            points = closer.key_points
    frame = studio_frame(points)
    if frame is not None:
        frame = frame if surroundings is not None else settled(frame, frames.person_frame(width, height))
        if frame != whole:
            closer = parsed_in(photo, frame, parser)
            if as_sure(closer.key_points, points):
                lower = lower_frame(frame, person_of(frame, persons))
                if lower is not None:
                    lay_over(labels, label_of(parsed_in(photo, lower, parser), lower, shares, whole), lower)
                lay_over(labels, label_of(closer, frame, shares, whole), frame)
                points = surer_points(points, closer.key_points)
    return Parse(labels, points, frame, persons)


def label_of(closer: Parsing, frame: Frame, wider: Array | None, whole: Frame) -> Picture:
    """Label a frame, uint8 (h, w), by the weighted mean of its own probabilities and the whole photo's, `wider`.

    Without probabilities the frame's own labels are returned.
    """
    shares = closer.shares
    if shares is None or wider is None:
        return closer.label
    height, width = shares.shape[1:]
    scale = frame.height / whole.height
    matrix = np.array(
        [
            [scale, 0, ((frame.left - whole.left) / whole.width) * width + 0.5 * scale - 0.5],
            [0, scale, ((frame.top - whole.top) / whole.height) * height + 0.5 * scale - 0.5],
        ]
    )
    mean = np.stack(
        [
            (1 - WIDER) * near
            + WIDER
            * cv2.warpAffine(
                far,
                matrix,
                (width, height),
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            )
            for near, far in zip(shares, wider, strict=True)
        ]
    )
    size = closer.label.shape[::-1]
    fine = np.stack([cv2.resize(share, size, interpolation=cv2.INTER_LINEAR) for share in mean])
    return np.array(PREDICTED, np.uint8)[fine.argmax(axis=0)]


def as_sure(closer: Array, points: Array) -> bool:
    """Return whether a crop's key points (18, 3) are as confident for shoulders and nose as those of the wider view.

    They are not if the person has too few pixels to be enlarged.
    """
    return bool((closer[TRUNK, 2] >= points[TRUNK, 2] - LESS_SURE).all())


def surer_points(points: Array, closer: Array) -> Array:
    """Return key points (18, 3): a crop's where they are as confident as those of the wider view, else the latter."""
    return np.where(closer[:, 2:] >= points[:, 2:] - LESS_SURE, closer, points)


def person_of(frame: Frame, persons: tuple[Frame, ...]) -> Frame:
    """Return the box whose centre is horizontally nearest to a frame's, or the frame if there are no boxes."""
    middle = frame.left + frame.width / 2
    return min(persons, key=lambda box: abs(box.left + box.width / 2 - middle), default=frame)


def legs_below(lowest: float, frame: Frame) -> float:
    """Return the distance of the legs' frame below the dressed frame, in frame heights, 0 to LOWEST.

    `lowest` is the row of the photo, in pixels, at which the person ends.
    """
    return min(max((lowest - frame.top) / frame.height - 0.95, 0.0), LOWEST)


def lower_frame(frame: Frame, person: Frame) -> Frame | None:
    """Return the frame of a person's legs, from the dressed frame and the person's box.

    Return None if the dressed frame shows them already.
    """
    down = legs_below(person.top + person.height, frame)
    return replace(frame, top=frame.top + round(down * frame.height)) if down > 0.1 else None


def box_of(mask: NDArray[np.bool_], whole: Frame) -> Frame:
    """Return the box, in the photo's pixels, around the set pixels of a mask (h, w) that covers `whole`."""
    scale = whole.height / len(mask)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    left, top = whole.left + columns[0] * scale, whole.top + rows[0] * scale
    across, down = (columns[-1] + 1 - columns[0]) * scale, (rows[-1] + 1 - rows[0]) * scale
    return Frame(round(left), round(top), round(across), round(down))


def enlarged(label: Picture, frame: Frame, height: int, width: int) -> Picture:
    """Enlarge a frame's labels (h, w) to a photo of `height` x `width`. Pixels outside the frame are background."""
    made = np.zeros((height, width), np.uint8)
    lay_over(made, label, frame, margin=0.0)
    return made


def lay_over(labels: Picture, label: Picture, frame: Frame, margin: float = MARGIN) -> None:
    """Write a frame's labels (h, w) over those of a photo (H, W), in place.

    A margin along those edges of the frame that lie inside the photo is left out. Outlines are smooth: each label's
    share is enlarged, and the largest share wins.
    """
    height, width = labels.shape
    inset_y, inset_x = round(margin * frame.height), round(margin * frame.width)
    top = max(frame.top + (inset_y if frame.top > 0 else 0), 0)
    left = max(frame.left + (inset_x if frame.left > 0 else 0), 0)
    bottom = min(frame.top + frame.height - (inset_y if frame.top + frame.height < height else 0), height)
    right = min(frame.left + frame.width - (inset_x if frame.left + frame.width < width else 0), width)
    if bottom <= top or right <= left:
        return
    scale_x, scale_y = label.shape[1] / frame.width, label.shape[0] / frame.height
    # maps pixels of the area to pixels of the label, centre to centre
    matrix = np.array(
        [
            [scale_x, 0, (left - frame.left + 0.5) * scale_x - 0.5],
            [0, scale_y, (top - frame.top + 0.5) * scale_y - 0.5],
        ]
    )
    size = right - left, bottom - top
    best = np.zeros((bottom - top, right - left), np.uint8)
    made = np.zeros_like(best)
    for value in np.unique(label):
        share = cv2.warpAffine(
            (label == value).astype(np.uint8) * np.uint8(255),
            matrix,
            size,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        wins = share > best
        made[wins], best[wins] = value, share[wins]
    labels[top:bottom, left:right] = made
