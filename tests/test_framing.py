"""Framing: the upper body is found wherever it is, by joints that a parser tells, here one that knows the truth."""

import cv2
import numpy as np
import pytest

from fitroom import images
from fitroom.data.limbs import LEFT_SHOULDER, NOSE, RIGHT_SHOULDER
from fitroom.data.synthetic import samples
from fitroom.errors import PersonError
from fitroom.framing import STUDIO, frame_person, studio_frame
from fitroom.images import Frame, Picture
from fitroom.runtime.interface import Parsing


@pytest.fixture(scope="module")
def figure():
    return next(iter(samples(1, 3))).photo


class Known:
    """A parser that knows where in a photo a figure stands."""

    def __init__(self, photo: Picture, points: np.ndarray) -> None:
        self.photo, self.points = photo, points
        self.frames: list[Frame] = []

    def parse(self, picture: Picture) -> Parsing:
        """Finds the frame that the picture is of, and tells the truth of it."""
        frame = self.frames.pop(0)
        points = self.points.copy()
        points[:, :2] = (points[:, :2] + 0.5 - (frame.left, frame.top)) * 256 / frame.height - 0.5
        return Parsing((picture < 250).any(axis=2).astype(np.uint8), points)


def standing(figure, scale: float, left: int, top: int, height: int, width: int) -> tuple[Picture, np.ndarray]:
    """A photo (height, width) that shows a figure at a scale and place, and its key points there."""
    moved = np.array([[scale, 0, left], [0, scale, top]], np.float32)
    photo = cv2.warpAffine(figure.image, moved, (width, height), borderValue=(90, 120, 90), flags=cv2.INTER_AREA)
    points = figure.key_points.copy()
    points[:, :2] = (points[:, :2] + 0.5) * scale + (left, top) - 0.5
    return np.asarray(photo, np.uint8), points


def framed(photo: Picture, points: np.ndarray, monkeypatch) -> Frame:
    parser = Known(photo, points)
    cut = images.cut

    def noted(picture, frame, fill):
        parser.frames.append(frame)
        return cut(picture, frame, fill)

    monkeypatch.setattr(images, "cut", noted)
    return frame_person(photo, parser)[0]


def test_a_studio_picture_is_framed_as_it_is(figure, monkeypatch):
    assert framed(figure.image, figure.key_points, monkeypatch) == Frame(0, 0, 192, 256)


@pytest.mark.parametrize(
    ("scale", "left", "top", "height", "width"),
    [(1.0, 300, 200, 600, 800), (0.5, 20, 100, 300, 400), (3.0, -100, 100, 1200, 700), (2.0, 200, 30, 600, 1500)],
)
def test_a_person_anywhere_is_framed_as_in_the_studio(figure, scale, left, top, height, width, monkeypatch):
    photo, points = standing(figure, scale, left, top, height, width)
    frame = framed(photo, points, monkeypatch)
    alone = studio_frame(figure.key_points)
    assert frame.height == pytest.approx(scale * alone.height, abs=2)
    assert frame.left == pytest.approx(left + scale * alone.left, abs=2)
    assert frame.top == pytest.approx(top + scale * alone.top, abs=2)


def test_hips_may_be_missing(figure):
    points = figure.key_points.copy()
    points[[8, 11], 2] = 0
    frame, whole = studio_frame(points), studio_frame(figure.key_points)
    assert frame.height == pytest.approx(whole.height, rel=0.35)
    points[LEFT_SHOULDER, 2] = 0
    assert studio_frame(points) is None


def test_the_studios_joints_give_the_studios_frame():
    points = np.zeros((18, 3), np.float32)
    for row, place in STUDIO.items():
        points[row] = (*place, 1)
    assert studio_frame(points) == Frame(0, 0, 192, 256)


@pytest.mark.parametrize("code", ["no-person", "person-too-small", "back-view", "upper-body-outside"])
def test_why_a_photo_cannot_be_used(figure, code, monkeypatch):
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
