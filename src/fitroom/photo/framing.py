"""Frame the upper body in a photo as the networks expect it, and refuse photos that can't be used.

The networks are trained on studio pictures: one upright person from head to hips who fills the frame. A person is
framed by the joints that a parser finds, so that shoulders and hips lie where they lie in studio pictures.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from fitroom import body
from fitroom.arrays import HEIGHT, WIDTH, Array, Picture
from fitroom.body import FOUND, LEFT_HIP, LEFT_SHOULDER, NECK, NOSE, RIGHT_HIP, RIGHT_SHOULDER, Label
from fitroom.errors import InputError, PersonError
from fitroom.photo import frames
from fitroom.photo.foreground import Share, foreground_of
from fitroom.photo.frames import Frame
from fitroom.runtime.interface import Parsing, PersonParser

# joints of studio pictures, in pixels of 256x192: medians of every fourth of VITON's training poses
STUDIO = {
    NOSE: (95.5, 38.9),
    NECK: (96.0, 83.8),
    RIGHT_SHOULDER: (55.9, 84.5),
    LEFT_SHOULDER: (134.8, 83.4),
    RIGHT_HIP: (69.5, 201.5),
    LEFT_HIP: (118.7, 201.8),
}
# how far the frame of the joints differs from the whole photo's in studio pictures: maximum ratio of their sizes, and
# maximum shift in heights of the whole photo's
USUAL_SIZE, USUAL_SHIFT = 1.25, 0.12
NECK_HEIGHT, ARM_GAP = 0.16, 0.03  # maximum gaps between parts of one person, down and across, in label heights
A_PERSON = 0.25  # minimum pixels of a person, relative to the largest person
AROUND = 1.3  # size of a person's frame, relative to the height or width of the visible person
DARK = 50  # grey value that 5 % of a photo's pixels must reach
# minimum ratio of second to first derivative at a photo's strongest edges. VITON's photos have 0.053 to 0.089, with a
# Gaussian blur of 1.5 pixels at least 0.028, with one of 2.5 pixels at most 0.026
SHARP = 0.027
# minimum shares of skin and of the head in the visible person. A picture of a garment alone has shoulders too, but
# shows less skin and usually no head. Face and hair make up at least 0.044 of persons in street photos
BARE, HEAD = 0.15, 0.04
HEAD_LABELS = (Label.FACE, Label.HAIR)
BARE_LABELS = (*HEAD_LABELS, Label.NECK, *body.ARMS, *body.HANDS)
FINEST = 2  # multiple of the network's size; frames of twice that or more are subsampled before parsing
SMALLEST = 96  # minimum height of a frame in pixels


def studio_frame(key_points: Array) -> Frame | None:
    """Return the frame in which key points (18, 3), in a photo's pixels, lie as in studio pictures.

    Scale and shift are a least-squares fit to the joints that are found. Return None if a shoulder is missing, if fewer
    than three joints are found, or if the fit has no positive scale.
    """
    rows = [row for row in STUDIO if key_points[row, 2] >= FOUND]
    if not {RIGHT_SHOULDER, LEFT_SHOULDER} <= set(rows) or len(rows) < 3:
        return None
    found = key_points[rows, :2].astype(np.float64)
    wanted = np.array([STUDIO[row] for row in rows])
    around, about = found.mean(axis=0), wanted.mean(axis=0)
    spread = wanted - about
    scale = float(((found - around) * spread).sum() / (spread**2).sum())
    if scale <= 0:
        return None
    left, top = around - scale * about
    height = max(round(HEIGHT * scale), 4)
    return Frame(round(left), round(top), max(round(height * 0.75), 3), height)


def settled(frame: Frame, whole: Frame) -> Frame:
    """Return `whole` if `frame` differs from it by at most USUAL_SIZE and USUAL_SHIFT, otherwise `frame`."""
    size = frame.height / whole.height
    shift_x = frame.left + frame.width / 2 - whole.left - whole.width / 2
    shift_y = frame.top + frame.height / 2 - whole.top - whole.height / 2
    near = max(abs(shift_x), abs(shift_y)) <= USUAL_SHIFT * whole.height
    return whole if near and 1 / USUAL_SIZE <= size <= USUAL_SIZE else frame


def parsed_in(photo: Picture, frame: Frame, parser: PersonParser) -> Parsing:
    """Parse a frame of a photo. Key points are in the photo's pixels, the label has the parser's size."""
    every = max(frame.height // (FINEST * HEIGHT), 1)
    sides = (round(side / every) for side in (frame.left, frame.top, frame.width, frame.height))
    sparse = photo
    if every > 1:
        # keeps one pixel of `every`; INTER_NEAREST is many times faster than slicing
        few = -(-photo.shape[1] // every), -(-photo.shape[0] // every)
        sparse = np.asarray(cv2.resize(photo, few, interpolation=cv2.INTER_NEAREST), np.uint8)
    found = parser.parse(frames.shrink(frames.cut(sparse, Frame(*sides), (255, 255, 255))))
    points = found.key_points.copy()
    size = np.array(found.label.shape[::-1], np.float32)
    points[:, :2] = (points[:, :2] + 0.5) * (frame.width, frame.height) / size - 0.5 + (frame.left, frame.top)
    return found._replace(key_points=points)


def people(label: Picture) -> list[NDArray[np.bool_]]:
    """Return masks (h, w) of the persons in a label, largest first, without those that are much smaller."""
    shown = (label > 0).astype(np.uint8)
    size = max(round(ARM_GAP * len(label)), 1), max(round(NECK_HEIGHT * len(label)), 1)
    # older parsers label the neck as background; closing joins head and trunk
    joined = cv2.morphologyEx(shown, cv2.MORPH_CLOSE, np.ones(size[::-1], np.uint8))
    count, regions = cv2.connectedComponents(joined, connectivity=8)
    masks = sorted(((regions == region) & (shown > 0) for region in range(1, count)), key=np.sum, reverse=True)
    return [mask for mask in masks if mask.sum() >= A_PERSON * masks[0].sum()]


def chosen_person(parsing: Parsing, whole: Frame, person_point: tuple[int, int] | None) -> Frame | None:
    """Return the frame around one of several persons: the one nearest to `person_point`, or the largest.

    Return None if there are not several.
    """
    masks = people(parsing.label)
    if len(masks) < 2:
        return None
    scale = whole.height / len(parsing.label)
    mask = masks[0]
    if person_point is not None:
        place = (person_point[1] - whole.top) / scale, (person_point[0] - whole.left) / scale
        mask = min(masks, key=lambda one: np.square(np.argwhere(one) - place).sum(axis=1).min())
    (top, left), (bottom, right) = np.argwhere(mask).min(axis=0), np.argwhere(mask).max(axis=0) + 1
    height = round(AROUND * max(bottom - top, (right - left) / 0.75) * scale)
    x, y = whole.left + (left + right) / 2 * scale, whole.top + (top + bottom) / 2 * scale
    return Frame(round(x - height * 0.375), round(y - height / 2), round(height * 0.75), height)


class Framed(NamedTuple):
    """The part of a photo that is dressed, and its foreground."""

    frame: Frame
    foreground: Share | None = None  # (HEIGHT, WIDTH) share that stays in front of any garment; None: not computed


def frame_person(photo: Picture, parser: PersonParser, person_point: tuple[int, int] | None = None) -> Framed:
    """Find the frame of the upper body in a photo (H, W, 3) of any size, and its foreground.

    Of several persons the largest is framed, or the one nearest to `person_point`, x and y in pixels. Raises
    PersonError if the person can't be dressed, InputError if `person_point` lies outside the photo.
    """
    height, width = photo.shape[:2]
    check_place(person_point, width, height)
    whole = frames.garment_frame(width, height)
    parsing = parsed_in(photo, whole, parser)
    surroundings = chosen_person(parsing, whole, person_point)
    if surroundings is not None:
        parsing = parsed_in(photo, surroundings, parser)
    parsed = surroundings or whole
    frame = studio_frame(parsing.key_points) or parsed
    if surroundings is None and frame != parsed:
        frame = settled(frame, frames.person_frame(width, height))
    try:
        check_person(parsing, frame, width, height)
    except PersonError:
        if frame == parsed:
            raise
        # parse the closer frame before refusing the photo
        parsing, parsed = parsed_in(photo, frame, parser), frame
        check_person(parsing, frame, width, height)
    return Framed(frame, foreground_of(photo, parsing, parsed, frame, HEIGHT, WIDTH))


def check_place(place: tuple[int, int] | None, width: int, height: int) -> None:
    """Raise InputError for a point outside a photo."""
    if place is not None and not (0 <= place[0] < width and 0 <= place[1] < height):
        raise InputError(
            f"person at {place[0]},{place[1]}: outside the photo; need x below {width} and y below {height}."
        )


def check_person(parsing: Parsing, frame: Frame, width: int, height: int) -> None:
    """Raise PersonError if the person in a frame can't be dressed. `width` and `height` are the photo's."""
    points = parsing.key_points
    sure = points[:, 2] >= FOUND
    nobody = PersonError("no-person", "person: nobody is found; need one person from the front, head to hips.")
    if not sure[[RIGHT_SHOULDER, LEFT_SHOULDER]].any() or not (parsing.label > 0).any():
        raise nobody
    if frame.height < SMALLEST:
        raise PersonError(
            "person-too-small",
            f"person: {frame.height} pixels from head to hips; need at least {SMALLEST}; "
            "come closer, or send a larger photo.",
        )
    if not sure[NOSE] and sure[[RIGHT_SHOULDER, LEFT_SHOULDER]].all() and facing_away(points):
        raise PersonError("back-view", "person: seen from behind; need a photo from the front.")
    no_head = not sure[NOSE] or share_of(parsing.label, HEAD_LABELS) < HEAD
    if no_head and share_of(parsing.label, BARE_LABELS) < BARE:
        raise nobody
    shoulders = points[[RIGHT_SHOULDER, LEFT_SHOULDER]]
    places = shoulders[:, :2]
    if not ((shoulders[:, 2] >= FOUND).all() and (places >= 0).all() and (places < (width, height)).all()):
        raise PersonError(
            "upper-body-outside",
            "person: the upper body is cut off; need both shoulders, and as much of the arms as possible.",
        )


def share_of(label: Picture, labels: tuple[Label, ...]) -> float:
    """Return the share, 0 to 1, of the persons' pixels in a label (h, w) that have one of `labels`."""
    return float(np.isin(label, labels).sum()) / max(int((label > 0).sum()), 1)


def check_light(small: Picture, frame: Frame, width: int, height: int) -> None:
    """Raise PersonError if a frame's picture `small`, at the networks' size, is too dark or too blurred.

    `width` and `height` are the photo's. Parts of the frame outside the photo do not count.
    """
    scale = len(small) / frame.height
    top, left = (max(round(-side * scale), 0) for side in (frame.top, frame.left))
    bottom, right = round((height - frame.top) * scale), round((width - frame.left) * scale)
    grey = cv2.cvtColor(small[top:bottom, left:right], cv2.COLOR_RGB2GRAY)
    # a ninth of the pixels is enough
    if np.percentile(grey[::3, ::3], 95) < DARK:
        raise PersonError("too-dark", "person: the photo is too dark; need light on the person's front.")
    smooth = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 0.8)
    slope = cv2.magnitude(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1))
    edges = slope > np.percentile(slope[::3, ::3], 95)
    bend = np.abs(cv2.Laplacian(smooth, cv2.CV_32F)[edges]).sum()
    if bend < SHARP * slope[edges].sum():
        raise PersonError("blurred", "person: the photo is blurred; hold the camera still, and let it focus.")


def facing_away(points: Array) -> bool:
    """Return whether the left shoulder lies left of the right one in the photo: the person is seen from behind."""
    return bool(points[LEFT_SHOULDER, 0] < points[RIGHT_SHOULDER, 0])
