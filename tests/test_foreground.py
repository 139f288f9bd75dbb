"""Tests of the foreground: hands, hair and face, which stay in front of garments."""

import cv2
import numpy as np
import pytest

from fitroom import TryOn, body
from fitroom.body import Label
from fitroom.data.synthetic import samples
from fitroom.photo.foreground import foreground_of, hands, head
from fitroom.photo.frames import Frame
from fitroom.runtime.interface import Parsing

WHOLE = Frame(0, 0, 192, 256)


@pytest.fixture(scope="module")
def figure():
    return next(iter(samples(1, 3))).photo


def test_hands_are_the_arm_pixels_beyond_the_wrists(figure):
    skeleton = body.complete(figure.key_points)
    found = hands(figure.label, skeleton)
    assert found.any()
    assert np.isin(figure.label[found], (Label.LEFT_ARM, Label.RIGHT_ARM)).all()
    for wrist, elbow in ((body.RIGHT_WRIST, body.RIGHT_ELBOW), (body.LEFT_WRIST, body.LEFT_ELBOW)):
        x, y = (skeleton.points[wrist] * 0.4 + skeleton.points[elbow] * 0.6).astype(int)
        assert not found[y, x]


def test_foreground_contains_face_and_hair_but_no_garment(figure):
    front = foreground_of(figure.image, Parsing(figure.label, figure.key_points), WHOLE, WHOLE, 256, 192)
    assert front.shape == (256, 192)
    assert front.min() >= 0
    assert front.max() <= 1
    inner = cv2.erode(np.isin(figure.label, (Label.FACE, Label.HAIR)).astype(np.uint8), np.ones((9, 9))) > 0
    assert (front[inner] == 1).all()
    assert front[cv2.erode((figure.label == Label.UPPER_CLOTHES).astype(np.uint8), np.ones((3, 3))) > 0].max() == 0


def test_hair_apart_from_the_head_is_ignored(figure):
    label = figure.label.copy()
    label[150:170, 90:110] = Label.HAIR
    assert (head(label) == np.isin(figure.label, (Label.FACE, Label.HAIR))).all()
    assert not head(np.full_like(label, Label.UPPER_CLOTHES)).any()


def test_foreground_follows_the_frame_and_the_photos_size(figure):
    parsing = Parsing(figure.label, figure.key_points)
    front = foreground_of(figure.image, parsing, WHOLE, WHOLE, 256, 192)
    wider = foreground_of(figure.image, parsing, WHOLE, Frame(-96, -128, 384, 512), 256, 192)
    small = cv2.resize(front, (96, 128), interpolation=cv2.INTER_AREA)
    assert np.abs(wider[64:192, 48:144] - small).mean() < 0.01
    wider[64:192, 48:144] = 0
    assert wider.max() < 0.01
    # the same label map for a photo three times as large
    large = Parsing(figure.label, figure.key_points * (3, 3, 1))
    three_times = figure.image.repeat(3, axis=0).repeat(3, axis=1)
    again = foreground_of(three_times, large, Frame(0, 0, 576, 768), Frame(0, 0, 576, 768), 256, 192)
    assert np.abs(again - front).mean() < 0.003


def test_sleeves_labelled_as_hands_are_not_foreground(figure):
    """Pixels with the label of a hand are rejected if they do not have the colour of the face."""
    parsing = Parsing(figure.label, figure.key_points)
    hand = hands(figure.label, body.complete(figure.key_points))
    inner = cv2.erode(hand.astype(np.uint8), np.ones((7, 7))) > 0
    assert foreground_of(figure.image, parsing, WHOLE, WHOLE, 256, 192)[inner].mean() > 0.9
    for sleeve in ((30, 30, 35), (128, 128, 130), (40, 60, 160)):
        photo = figure.image.copy()
        photo[hand] = sleeve
        assert foreground_of(photo, parsing, WHOLE, WHOLE, 256, 192)[inner].max() == 0
    faceless = np.where(figure.label == Label.FACE, 0, figure.label)
    kept = foreground_of(photo, Parsing(faceless, figure.key_points), WHOLE, WHOLE, 256, 192)
    assert kept[inner].mean() > 0.9, "no face, no colour to go by"


def test_no_hands_are_found_without_key_points(figure):
    unknown = Parsing(figure.label, np.zeros((18, 3), np.float32))
    front = foreground_of(figure.image, unknown, WHOLE, WHOLE, 256, 192)
    assert front[np.isin(figure.label, (Label.LEFT_ARM, Label.RIGHT_ARM))].max() < 0.5
    assert front.max() == 1


def test_looks_keep_the_pixels_of_the_foreground(figure):
    tryon = TryOn.load()
    person = tryon.person(figure.image)
    look = person.wear(next(iter(samples(1, 2))).garment)
    front = person.encoded.framed.foreground
    assert (front == 1).mean() > 0.03
    assert np.array_equal(look.image[front == 1], figure.image[front == 1])
