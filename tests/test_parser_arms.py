"""Tests of the shipped parser on difficult arms: crossed in front of the body, or cut off by the photo's edge."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from fitroom import body
from fitroom.data.figure import photograph
from fitroom.data.garment_art import lay_out
from fitroom.data.label_sets import VITON
from fitroom.data.synthetic import random_outfit
from fitroom.evaluate.parser import Case, measure_parsing, point_figures
from fitroom.photo.parse import parse_photo
from fitroom.tryon import open_parser

COUNT = 12
SEED = 31  # not a seed of the training figures


def crossed() -> Iterator[Case]:
    """Yield figures with both forearms in front of the trunk."""
    for number in range(COUNT):
        figure, garment = random_outfit(SEED, number)
        figure = replace(figure, upper_arms=(-4.0, -6.0 + number % 4), elbows=(-84.0, -92.0 + 2 * (number % 6)))
        drawn = photograph(figure, lay_out(garment, 256, 192), 256, 192)
        yield Case(f"crossed {number}", drawn.image, drawn.label, drawn.key_points)


def cut_off() -> Iterator[Case]:
    """Yield figures whose left arm leaves the photo below the shoulder."""
    for case in crossed():
        figure, garment = random_outfit(SEED, int(case.name.split()[1]))
        figure = replace(figure, upper_arms=(10.0, 24.0), elbows=(6.0, 30.0))
        drawn = photograph(figure, lay_out(garment, 256, 192), 256, 192)
        edge = int(drawn.key_points[body.LEFT_SHOULDER, 0]) + 6
        points = drawn.key_points.copy()
        points[points[:, 0] >= edge, 2] = 0
        yield Case(case.name, np.ascontiguousarray(drawn.image[:, :edge]), drawn.label[:, :edge], points)


@pytest.fixture(scope="module")
def parser():
    return open_parser("parser")


@pytest.mark.parametrize(("cases", "least"), [(crossed, 0.92), (cut_off, 0.95)])
def test_joints_of_crossed_and_cut_off_arms_are_found(cases, least, parser):
    found = measure_parsing(cases(), lambda photo: parse_photo(photo, parser), VITON)
    assert found.points["points"] >= least


def test_wrists_of_crossed_arms_are_not_swapped(parser):
    wrists = [body.LEFT_WRIST, body.RIGHT_WRIST]
    right, swapped = 0, 0
    for case in crossed():
        points = parse_photo(case.photo, parser).key_points
        exchanged = points.copy()
        exchanged[wrists] = points[wrists[::-1]]
        right += point_figures(points[None], case.points[None])["points"]
        swapped += point_figures(exchanged[None], case.points[None])["points"]
    assert right > swapped


def test_cut_off_wrist_gets_lower_confidence(parser):
    points = np.stack([parse_photo(case.photo, parser).key_points for case in cut_off()])
    assert np.median(points[:, body.LEFT_WRIST, 2]) < 0.7
    assert np.median(points[:, body.RIGHT_WRIST, 2]) > 0.9
