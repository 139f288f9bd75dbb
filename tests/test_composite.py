"""Tests of pasting back: the photo's pixels outside the change, the garment's pixels inside."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fitroom.photo.composite import Layers, paste_back
from fitroom.photo.frames import Frame, person_frame

HEIGHT, WIDTH = 64, 48


def identity_flow(align_corners: bool) -> np.ndarray:
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    if align_corners:
        return np.stack([x / (WIDTH - 1), y / (HEIGHT - 1)], axis=-1) * 2 - 1
    return np.stack([(2 * x + 1) / WIDTH, (2 * y + 1) / HEIGHT], axis=-1) - 1


def layers(change: np.ndarray, composition: float = 1.0, align_corners: bool = False) -> Layers:
    full = np.full((HEIGHT, WIDTH), composition, np.float32)
    rendered = np.full((HEIGHT, WIDTH, 3), 77, np.float32)
    return Layers(identity_flow(align_corners), rendered, full, change.astype(np.float32), align_corners)


def pasted(photo: np.ndarray, frame: Frame, garment: np.ndarray, said: Layers) -> np.ndarray:
    return paste_back(photo, frame, garment, said)


def box() -> np.ndarray:
    change = np.zeros((HEIGHT, WIDTH), np.float32)
    change[16:48, 12:36] = 1
    return change


@settings(max_examples=25, deadline=None)
@given(st.integers(48, 400), st.integers(64, 400), st.integers(0, 99))
def test_pixels_outside_the_changed_box_equal_the_photo(width, height, seed):
    photo = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    garment = np.zeros((64, 48, 3), np.uint8)
    frame = person_frame(width, height)
    look = pasted(photo, frame, garment, layers(box()))
    rows, columns = (np.flatnonzero((look != photo).any(axis=(axis, 2))) for axis in (1, 0))
    assert rows.min() >= frame.top + (16 - 1) * frame.height / HEIGHT - 1
    assert rows.max() <= frame.top + (48 + 1) * frame.height / HEIGHT + 1
    assert columns.min() >= frame.left + (12 - 1) * frame.width / WIDTH - 1
    assert columns.max() <= frame.left + (36 + 1) * frame.width / WIDTH + 1


@pytest.mark.parametrize("align_corners", [False, True])
def test_identity_flow_shows_the_garment_pixel_for_pixel(rng, align_corners):
    photo, garment = (rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8) for _ in range(2))
    look = pasted(photo, Frame(0, 0, WIDTH, HEIGHT), garment, layers(np.ones((HEIGHT, WIDTH)), 1.0, align_corners))
    assert np.abs(look.astype(int) - garment).max() <= 1


def test_a_larger_garment_keeps_its_detail_in_a_larger_photo(rng):
    garment = rng.integers(0, 256, (HEIGHT * 4, WIDTH * 4, 3), dtype=np.uint8)
    photo = np.zeros_like(garment)
    look = pasted(photo, Frame(0, 0, WIDTH * 4, HEIGHT * 4), garment, layers(np.ones((HEIGHT, WIDTH))))
    inner = (slice(32, -32), slice(32, -32))  # smoothing bends the flow near the border
    assert np.abs(look[inner].astype(int) - garment[inner]).max() <= 1


def test_a_change_of_zero_returns_a_copy_of_the_photo(rng):
    photo = rng.integers(0, 256, (200, 150, 3), dtype=np.uint8)
    look = pasted(photo, person_frame(150, 200), photo, layers(np.zeros((HEIGHT, WIDTH))))
    np.testing.assert_array_equal(look, photo)
    assert look is not photo


def test_composition_zero_shows_the_rendered_person(rng):
    photo = rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    look = pasted(photo, Frame(0, 0, WIDTH, HEIGHT), photo, layers(np.ones((HEIGHT, WIDTH)), 0.0))
    assert (look == 77).all()


def test_outlines_stay_sharp_in_large_photos(rng):
    """In a photo 8 times as large as the network's picture, an outline is less than 8 pixels wide."""
    photo = np.full((HEIGHT * 8, WIDTH * 8, 3), 200, np.uint8)
    garment = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    everywhere = np.ones((HEIGHT, WIDTH), np.float32)
    said = Layers(identity_flow(False), np.full((HEIGHT, WIDTH, 3), 200, np.float32), box(), everywhere, False)
    row = pasted(photo, Frame(0, 0, WIDTH * 8, HEIGHT * 8), garment, said)[HEIGHT * 4, :, 0].astype(int)
    between = np.flatnonzero((row > 5) & (row < 195))
    assert 2 <= len(between) <= 8  # of the left and right outline together
    assert np.abs(between[[0, -1]] + 0.5 - np.array([12 * 8, 36 * 8])).max() <= 4
