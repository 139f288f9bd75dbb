"""Which part of a photo is dressed: the upper body, framed as the networks know it; and why a photo can't be used.

Networks know studio pictures: one person from the head to the hips, upright, filling the frame. A person is framed by
the joints that a parser finds, so that shoulders and hips lie where they lie there.
"""

import numpy as np

from fitroom import images
from fitroom.data.limbs import LEFT_HIP, LEFT_SHOULDER, NECK, NOSE, RIGHT_HIP, RIGHT_SHOULDER
from fitroom.errors import PersonError
from fitroom.images import HEIGHT, Frame, Picture
from fitroom.runtime.interface import Array, Parsing, PersonParser

# where studio pictures have them, pixels of 256x192: medians of every fourth of VITON's training poses
STUDIO = {
    NOSE: (95.5, 38.9), NECK: (96.0, 83.8), RIGHT_SHOULDER: (55.9, 84.5), LEFT_SHOULDER: (134.8, 83.4),
    RIGHT_HIP: (69.5, 201.5), LEFT_HIP: (118.7, 201.8),
}  # fmt: skip
FOUND = 0.3  # confidence at which a key point counts as found
# a frame like the whole photo's is the whole photo's: of sizes, and of shifts by the frame's size, in studio pictures
USUAL_SIZE, USUAL_SHIFT = 1.25, 0.12
SMALLEST = 96  # pixels of the frame's height, below which a person has too few


def studio_frame(key_points: Array) -> Frame | None:
    """The frame in which key points, in a photo's pixels, lie as in the studio; None where shoulders are not found.

    Least squares over scale and shift, of the joints that are found.
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
    """The whole photo's frame where the one that was found differs from it no more than studio pictures differ."""
    size = frame.height / whole.height
    shift_x = frame.left + frame.width / 2 - whole.left - whole.width / 2
    shift_y = frame.top + frame.height / 2 - whole.top - whole.height / 2
    near = max(abs(shift_x), abs(shift_y)) <= USUAL_SHIFT * whole.height
    return whole if near and 1 / USUAL_SIZE <= size <= USUAL_SIZE else frame


def parsed_in(photo: Picture, frame: Frame, parser: PersonParser) -> Parsing:
    """What a parser says of a frame; key points in the photo's pixels, the label at the parser's size."""
    found = parser.parse(images.shrink(images.cut(photo, frame, (255, 255, 255))))
    points = found.key_points.copy()
    size = np.array(found.label.shape[::-1], np.float32)
    points[:, :2] = (points[:, :2] + 0.5) * (frame.width, frame.height) / size - 0.5 + (frame.left, frame.top)
    return Parsing(found.label, points)


def frame_person(photo: Picture, parser: PersonParser) -> tuple[Frame, Parsing]:
    """The upper body's frame in a photo (H, W, 3) of any size, and what was parsed last. Raises PersonError."""
    height, width = photo.shape[:2]
    whole = images.garment_frame(width, height)
    parsing = parsed_in(photo, whole, parser)
    found = studio_frame(parsing.key_points)
    frame = whole if found is None else settled(found, images.person_frame(width, height))
    if frame != whole:
        parsing = parsed_in(photo, frame, parser)
    check_person(parsing, frame, width, height)
    return frame, parsing


def check_person(parsing: Parsing, frame: Frame, width: int, height: int) -> None:
    """Raise PersonError where what a frame shows can't be dressed."""
    points = parsing.key_points
    sure = points[:, 2] >= FOUND
    if not sure[[RIGHT_SHOULDER, LEFT_SHOULDER]].any() or not (parsing.label > 0).any():
        raise PersonError("no-person", "person: nobody is found; need one person from the front, head to hips.")
    if frame.height < SMALLEST:
        raise PersonError(
            "person-too-small",
            f"person: {frame.height} pixels from head to hips; need {SMALLEST}: come closer, or send a larger photo.",
        )
    if not sure[NOSE] and sure[[RIGHT_SHOULDER, LEFT_SHOULDER]].all() and facing_away(points):
        raise PersonError("back-view", "person: seen from behind; need a photo from the front.")
    trunk = points[[RIGHT_SHOULDER, LEFT_SHOULDER, RIGHT_HIP, LEFT_HIP]]
    inside = (trunk[:, 2] >= FOUND) & (trunk[:, :2] >= 0).all(axis=1) & (trunk[:, :2] < (width, height)).all(axis=1)
    if not inside[:2].all():
        raise PersonError(
            "upper-body-outside", "person: the upper body is cut off; need both shoulders, and arms as far as possible."
        )


def facing_away(points: Array) -> bool:
    """Whether the left shoulder lies to the left of the right one, as of nobody who faces the camera."""
    return bool(points[LEFT_SHOULDER, 0] < points[RIGHT_SHOULDER, 0])
