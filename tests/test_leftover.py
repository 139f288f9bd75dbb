"""Tests of the leftover of old clothes and the damage to what should stay."""

import numpy as np
import pytest

from fitroom.body import Label
from fitroom.data.label_sets import MAYBE_NECK, ROW, SINGLE
from fitroom.evaluate.leftover import REACH, contrasting, measure_leftover, old_clothes

RED, BLUE, GREY, BROWN = (200, 30, 30), (30, 40, 200), (150, 150, 150), (90, 60, 30)


@pytest.fixture
def scene():
    """A photo (80, 60, 3) with sets: a red top of 20 x 20, hair beside it, trousers below, grey around."""
    photo, sets = np.full((80, 60, 3), GREY, np.uint8), np.zeros((80, 60), np.uint8)
    for label, rows, columns, colour in (
        (Label.UPPER_CLOTHES, slice(20, 40), slice(20, 40), RED),
        (Label.HAIR, slice(20, 32), slice(4, 10), BROWN),
        (Label.LOWER_CLOTHES, slice(40, 70), slice(20, 40), BLUE),
    ):
        sets[rows, columns], photo[rows, columns] = ROW[SINGLE[label]], colour
    return photo, sets


def test_an_unchanged_photo_is_all_leftover_and_no_damage(scene):
    photo, sets = scene
    assert measure_leftover(photo, photo, sets, sets) == (1.0, 0.0)


def test_a_repainted_photo_is_all_damage_and_no_leftover(scene):
    photo, sets = scene
    assert measure_leftover(photo, 255 - photo + 40, sets, np.zeros_like(sets)).leftover == 0.0
    repainted = np.full_like(photo, 250)
    assert measure_leftover(photo, repainted, sets, np.zeros_like(sets)) == (0.0, 1.0)


def test_keeping_half_of_the_old_top_is_half_leftover(scene):
    photo, sets = scene
    look = photo.copy()
    look[20:30, 20:40] = (240, 240, 40)
    assert measure_leftover(photo, look, sets, sets) == (0.5, 0.0)


def test_small_changes_and_the_new_garment_are_no_damage(scene):
    photo, sets = scene
    look = np.clip(photo.astype(int) + 11, 0, 255).astype(np.uint8)
    assert measure_leftover(photo, look, sets, sets).damage == 0.0
    look, labels = photo.copy(), np.zeros_like(sets)
    look[20:40, 46:56], labels[20:40, 46:56] = BLUE, Label.UPPER_CLOTHES
    assert measure_leftover(photo, look, sets, labels).damage == 0.0
    assert measure_leftover(photo, look, sets, np.zeros_like(sets)).damage > 0.1


def test_pixels_that_may_be_neck_are_not_damage(scene):
    photo, sets = scene
    sets[20:40, 46:56] = ROW[MAYBE_NECK]
    look = photo.copy()
    look[20:40, 46:56] = BLUE
    assert measure_leftover(photo, look, sets, np.zeros_like(sets)).damage == 0.0


def test_old_clothes_are_measured_down_to_reach_times_their_width(scene):
    _, sets = scene
    sets[20:80, 20:40] = ROW[SINGLE[Label.DRESS]]
    rows = np.flatnonzero(old_clothes(sets).any(axis=1))
    assert (rows[0], rows[-1] + 1) == (20, 20 + round(REACH * 20))


def test_without_old_clothes_nothing_is_measured(scene):
    photo, _ = scene
    nothing = np.zeros((80, 60), np.uint8)
    assert measure_leftover(photo, photo, nothing, nothing) == (None, None)


def test_contrasting_accepts_only_garments_of_another_colour(scene):
    photo, sets = scene
    inside = np.full((10, 10), 255, np.uint8)
    assert contrasting(photo, sets, np.full((10, 10, 3), BLUE, np.uint8), inside)
    assert not contrasting(photo, sets, np.full((10, 10, 3), (190, 40, 40), np.uint8), inside)
