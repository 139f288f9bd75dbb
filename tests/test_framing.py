"""Tests of framing, with parsers that know where the persons are."""

import cv2
import numpy as np
import pytest

from conftest import shared
from fitroom.arrays import Picture
from fitroom.body import LEFT_SHOULDER, NOSE, RIGHT_SHOULDER, Label
from fitroom.data.synthetic import samples
from fitroom.data.viton import open_layout, read_pairs
from fitroom.errors import InputError, PersonError
from fitroom.photo import decode, frames, framing
from fitroom.photo.frames import Frame
from fitroom.photo.framing import STUDIO, check_light, frame_person, people, studio_frame
from fitroom.runtime.interface import Parsing


@pytest.fixture(scope="module")
def figure():
    return next(iter(samples(1, 3))).photo


class Known:
    """A parser that knows the key points of the person in a photo."""

    def __init__(self, photo: Picture, points: np.ndarray) -> None:
        self.photo, self.points = photo, points
        self.frames: list[Frame] = []

    def parse(self, picture: Picture) -> Parsing:
        """Return the true key points in the frame that the picture shows."""
        frame = self.frames.pop(0)
        points = self.points.copy()
        points[:, :2] = (points[:, :2] + 0.5 - (frame.left, frame.top)) * 256 / frame.height - 0.5
        return Parsing((picture < 250).any(axis=2).astype(np.uint8), points)


def standing(figure, scale: float, left: int, top: int, height: int, width: int) -> tuple[Picture, np.ndarray]:
    """Draw a figure into a photo (height, width) at a scale and position. Return the photo and its key points."""
    moved = np.array([[scale, 0, left], [0, scale, top]], np.float32)
    photo = cv2.warpAffine(figure.image, moved, (width, height), borderValue=(90, 120, 90), flags=cv2.INTER_AREA)
    points = figure.key_points.copy()
    points[:, :2] = (points[:, :2] + 0.5) * scale + (left, top) - 0.5
    return np.asarray(photo, np.uint8), points


def framed(photo: Picture, points: np.ndarray, monkeypatch) -> Frame:
    parser = Known(photo, points)
    parsed_in = framing.parsed_in

    def noted(photo, frame, parser):
        parser.frames.append(frame)
        return parsed_in(photo, frame, parser)

    monkeypatch.setattr(framing, "parsed_in", noted)
    return frame_person(photo, parser).frame


def test_studio_photos_are_framed_whole(figure, monkeypatch):
    assert framed(figure.image, figure.key_points, monkeypatch) == Frame(0, 0, 192, 256)


@pytest.mark.parametrize(
    ("scale", "left", "top", "height", "width"),
    [(1.0, 300, 200, 600, 800), (0.5, 20, 100, 300, 400), (3.0, -100, 100, 1200, 700), (2.0, 200, 30, 600, 1500)],
)
def test_frames_follow_the_persons_scale_and_position(figure, scale, left, top, height, width, monkeypatch):
    photo, points = standing(figure, scale, left, top, height, width)
    frame = framed(photo, points, monkeypatch)
    alone = studio_frame(figure.key_points)
    assert frame.height == pytest.approx(scale * alone.height, abs=2)
    assert frame.left == pytest.approx(left + scale * alone.left, abs=2)
    assert frame.top == pytest.approx(top + scale * alone.top, abs=2)


def test_studio_frame_needs_both_shoulders_but_no_hips(figure):
    points = figure.key_points.copy()
    points[[8, 11], 2] = 0
    frame, whole = studio_frame(points), studio_frame(figure.key_points)
    assert frame.height == pytest.approx(whole.height, rel=0.35)
    points[LEFT_SHOULDER, 2] = 0
    assert studio_frame(points) is None


def test_studio_key_points_give_the_whole_frame():
    points = np.zeros((18, 3), np.float32)
    for row, place in STUDIO.items():
        points[row] = (*place, 1)
    assert studio_frame(points) == Frame(0, 0, 192, 256)


@pytest.mark.parametrize("code", ["no-person", "person-too-small", "back-view", "upper-body-outside"])
def test_unusable_photos_are_refused_with_a_code(figure, code, monkeypatch):
    photo, points = standing(figure, 1.0, 300, 200, 600, 800)
    if code == "no-person":
        points[:, 2] = 0
    elif code == "person-too-small":
        photo, points = standing(figure, 0.3, 30, 20, 600, 800)
    elif code == "back-view":
        points[[RIGHT_SHOULDER, LEFT_SHOULDER]] = points[[LEFT_SHOULDER, RIGHT_SHOULDER]]
        points[NOSE, 2] = 0
    else:
        photo, points = standing(figure, 2.0, -150, 0, 600, 800)
    with pytest.raises(PersonError, match="need") as caught:
        framed(photo, points, monkeypatch)
    assert caught.value.code == code


def test_a_garment_without_a_person_is_refused(figure):
    class Shoulders:
        """A parser that finds a garment with shoulders, but no nose."""

        def parse(self, picture: Picture) -> Parsing:
            points = figure.key_points.copy()
            points[NOSE, 2] = 0
            return Parsing(np.full(picture.shape[:2], Label.UPPER_CLOTHES, np.uint8), points)

    with pytest.raises(PersonError, match="nobody is found"):
        frame_person(figure.image, Shoulders())


def test_photos_are_parsed_again_only_if_no_person_is_found_at_first(figure, monkeypatch):
    photo, points = standing(figure, 1.0, 300, 200, 600, 800)
    looks = []

    class AtASecondLook:
        """A parser that finds all joints. If `blind`, it misses the nose in the first call."""

        def __init__(self, blind: bool) -> None:
            self.blind = blind

        def parse(self, picture: Picture) -> Parsing:
            looks.append(picture)
            seen = points.copy()
            seen[:, :2] = (seen[:, :2] + 0.5 - (0, -233)) * 256 / 1067 - 0.5
            if self.blind and len(looks) == 1:
                seen[NOSE, 2] = 0
            label = np.full(picture.shape[:2], Label.UPPER_CLOTHES, np.uint8)
            label[: len(label) // 10] = Label.FACE
            return Parsing(label, seen)

    frame = frame_person(photo, AtASecondLook(blind=False)).frame
    assert len(looks) == 1
    looks.clear()
    other = frame_person(photo, AtASecondLook(blind=True)).frame
    assert len(looks) == 2
    assert other.height == pytest.approx(frame.height, rel=0.1)


class Colours:
    """A parser of red and blue persons, with a gap between head and body like an unlabelled neck."""

    def parse(self, picture: Picture) -> Parsing:
        """Place the studio's joints within the person whose colour covers more of the picture."""
        red = (picture[..., 0] > 150) & (picture[..., 2] < 100)
        blue = (picture[..., 2] > 150) & (picture[..., 0] < 100)
        mine = red if red.sum() >= blue.sum() else blue
        points = np.zeros((18, 3), np.float32)
        if mine.any():
            (top, left), (bottom, right) = np.argwhere(mine).min(axis=0), np.argwhere(mine).max(axis=0)
            for row, (x, y) in STUDIO.items():
                points[row] = (left + (right - left) * x / 192, top + (bottom - top) * y / 256, 1)
        return Parsing((red | blue).astype(np.uint8), points)


def of_two() -> Picture:
    """Draw a large red person on the left, a smaller blue one on the right, and a distant blue one between them."""
    photo = np.full((600, 800, 3), 255, np.uint8)
    for colour, left, top, size in (
        ((200, 0, 0), 80, 100, 400),
        ((0, 0, 200), 500, 150, 300),
        ((0, 0, 200), 420, 20, 60),
    ):
        head, width = size // 4, size * 3 // 4
        photo[top : top + head, left + width // 3 : left + width * 2 // 3] = colour
        photo[top + head + size // 12 : top + size, left : left + width] = colour
    return photo


@pytest.mark.parametrize(("person_point", "left"), [(None, 80), ((100, 400), 80), ((600, 300), 500), ((799, 10), 500)])
def test_framing_selects_the_largest_person_or_the_one_at_the_given_point(person_point, left):
    photo = of_two()
    assert len(people(Colours().parse(photo).label)) == 2
    frame = frame_person(photo, Colours(), person_point).frame
    size = 400 if left == 80 else 300
    assert frame.left == pytest.approx(left, abs=0.03 * size)
    assert frame.height == pytest.approx(size, rel=0.05)


def test_person_points_outside_the_photo_are_refused():
    with pytest.raises(InputError, match=r"person at 800,10: outside the photo; need x below 800 and y below 600"):
        frame_person(of_two(), Colours(), (800, 10))


@pytest.mark.parametrize("cut_off", [False, True])
def test_dark_and_blurred_photos_are_refused(figure, cut_off):
    frame = Frame(-60, 20, 210, 280) if cut_off else Frame(0, 0, 192, 256)

    def checked(photo: Picture) -> str:
        try:
            check_light(frames.shrink(frames.cut(photo, frame, (255, 255, 255))), frame, 192, 256)
        except PersonError as error:
            return error.code
        return ""

    photo = figure.image
    assert checked(photo) == ""
    assert checked((photo * 0.18).astype(np.uint8)) == "too-dark"
    assert checked(np.asarray(cv2.GaussianBlur(photo, (0, 0), 4), np.uint8)) == "blurred"
    # this check does not refuse an empty photo
    assert checked(np.full_like(photo, 255)) == ""


def test_studio_photos_pass_the_checks_for_light_and_sharpness():
    layout = open_layout(shared("viton"))
    whole = Frame(0, 0, 192, 256)
    for pair in read_pairs(layout.root / "val_pairs_paired.txt")[::10]:
        photo = decode.read(layout.person_path(pair.person))
        check_light(photo, whole, 192, 256)
        # the smallest frame that is accepted
        small = cv2.resize(photo, (72, 96), interpolation=cv2.INTER_AREA)
        check_light(frames.shrink(np.asarray(small, np.uint8)), whole, 192, 256)
        with pytest.raises(PersonError, match="blurred"):
            check_light(np.asarray(cv2.GaussianBlur(photo, (0, 0), 2.5), np.uint8), whole, 192, 256)
