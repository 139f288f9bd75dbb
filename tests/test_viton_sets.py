"""Tests of finding necks and hands in VITON's photos by colours and joints."""

import numpy as np
import pytest

from fitroom import body
from fitroom.body import Label
from fitroom.data.label_sets import LEFT_ARM_OR_HAND, MAYBE_NECK, NOT_PERSON, ROW, SINGLE, TOP
from fitroom.data.viton_sets import neck_of, viton_sets

GROUND, SKIN, SHIRT = (235, 236, 238), (200, 150, 120), (40, 60, 160)


@pytest.fixture
def person():
    """A person made of rectangles: photo (128, 96, 3), VITON label and key points."""
    photo, label = np.full((128, 96, 3), GROUND, np.uint8), np.zeros((128, 96), np.uint8)
    parts = [
        (Label.FACE, slice(10, 34), slice(40, 56), SKIN),
        (0, slice(34, 46), slice(43, 53), SKIN),
        (Label.UPPER_CLOTHES, slice(44, 100), slice(30, 66), SHIRT),
        (0, slice(44, 54), slice(44, 52), SKIN),  # a bare chest
        (Label.LEFT_ARM, slice(50, 100), slice(66, 74), SKIN),
        (Label.RIGHT_ARM, slice(50, 100), slice(22, 30), SKIN),
    ]
    for value, rows, columns, colour in parts:
        label[rows, columns], photo[rows, columns] = value, colour
    points = np.zeros((18, 3), np.float32)
    points[[body.NOSE, body.NECK]] = [(48, 24, 1), (48, 46, 1)]
    points[[body.RIGHT_SHOULDER, body.RIGHT_ELBOW, body.RIGHT_WRIST]] = [(28, 48, 1), (26, 68, 1), (26, 88, 1)]
    points[[body.LEFT_SHOULDER, body.LEFT_ELBOW, body.LEFT_WRIST]] = [(68, 48, 1), (70, 68, 1), (70, 88, 1)]
    return photo, label, points


def test_skin_below_the_chin_is_neck(person):
    photo, label, points = person
    # labelled pixels on both sides of the neck, like hair
    label[34:46, 36], label[34:46, 60] = Label.HAIR, Label.HAIR
    sure, _ = neck_of(photo, label, points)
    assert sure[35:53, 46:50].all()
    assert not sure[:34].any()
    assert not sure[:, :36].any()


def test_gap_with_the_background_colour_is_not_neck(person):
    photo, label, points = person
    label[60:90, 62:66], photo[60:90, 62:66] = 0, GROUND
    sure, unsure = neck_of(photo, label, points)
    assert not sure[60:90].any()
    assert not unsure[60:90].any()


def test_uncertain_neck_pixels_get_the_maybe_neck_set(person):
    photo, label, points = person
    photo[44:54, 44:52] = (90, 30, 120)  # neither skin nor background
    sets = viton_sets(photo, label, points)
    assert (sets[46:53, 46:50] == ROW[MAYBE_NECK]).all()


def test_arm_pixels_beyond_the_wrist_are_hands(person):
    sets = viton_sets(*person)
    assert (sets[50:84, 66:74] == ROW[SINGLE[Label.LEFT_ARM]]).all()
    assert (sets[90:100, 66:74] == ROW[SINGLE[Label.LEFT_HAND]]).all()
    assert (sets[90:100, 22:30] == ROW[SINGLE[Label.RIGHT_HAND]]).all()
    assert (sets[60:100, 32:60] == ROW[TOP]).all()
    assert (sets[:8] == ROW[NOT_PERSON]).all()


def test_arm_without_a_known_wrist_gets_the_arm_or_hand_set(person):
    photo, label, points = person
    points[body.LEFT_WRIST] = 0
    assert (viton_sets(photo, label, points)[50:100, 66:74] == ROW[LEFT_ARM_OR_HAND]).all()


def test_no_neck_is_found_without_a_face(person):
    photo, label, points = person
    label[label == Label.FACE] = 0
    assert not any(mask.any() for mask in neck_of(photo, label, points))
