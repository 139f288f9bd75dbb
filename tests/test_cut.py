"""Tests of measuring a garment's cut, print size and outline in pictures and labels."""

import cv2
import numpy as np
import pytest

from fitroom import body
from fitroom.body import Label
from fitroom.evaluate.cut import (
    Cut,
    covered_share,
    cut_difference,
    measure_cut,
    measure_size,
    outline_roughness,
    size_difference,
)


@pytest.fixture
def points():
    """Key points of a person with hanging arms in a picture of 256 x 192."""
    made = np.zeros((18, 3), np.float32)
    for joint, place in {
        body.NOSE: (96, 40),
        body.RIGHT_SHOULDER: (56, 84),
        body.LEFT_SHOULDER: (136, 84),
        body.RIGHT_ELBOW: (46, 140),
        body.LEFT_ELBOW: (146, 140),
        body.RIGHT_WRIST: (44, 190),
        body.LEFT_WRIST: (148, 190),
        body.RIGHT_HIP: (70, 204),
        body.LEFT_HIP: (122, 204),
    }.items():
        made[joint] = (*place, 0.9)
    return made


def labels_of(neckline, hem, sleeve):
    """Return labels (256, 192) of a top from row `neckline` to row `hem`, with sleeves down to row `sleeve`."""
    labels = np.zeros((256, 192), np.uint8)
    labels[hem:, 60:132] = Label.LOWER_CLOTHES
    labels[80:200, 36:58], labels[80:200, 134:156] = Label.RIGHT_ARM, Label.LEFT_ARM
    labels[80:sleeve, 36:58], labels[80:sleeve, 134:156] = Label.UPPER_CLOTHES, Label.UPPER_CLOTHES
    labels[50:hem, 58:134] = Label.UPPER_CLOTHES
    labels[50:neckline, 84:108] = Label.NECK
    return labels


def test_a_deeper_neckline_and_a_longer_hem_are_measured(points):
    shallow, deep = (measure_cut(labels_of(neckline, hem, 120), points) for neckline, hem in ((80, 190), (116, 214)))
    trunk = 204 - 84
    assert deep.neckline - shallow.neckline == pytest.approx(36 / trunk)
    assert shallow.hem - deep.hem == pytest.approx(24 / trunk)
    assert cut_difference(shallow, deep) == pytest.approx({"neckline": 36 / trunk, "hem": 24 / trunk, "arms": 0})


def test_arm_values_are_the_share_covered_by_sleeves(points):
    bare, half, long = (measure_cut(labels_of(80, 190, sleeve), points) for sleeve in (81, 140, 200))
    assert bare.right_arm == bare.left_arm == 0
    assert 0.3 < half.left_arm < 0.7
    assert long.right_arm == 1


def test_hidden_parts_of_the_cut_are_not_measured(points):
    labels = labels_of(80, 256, 120)
    labels[60:80, 84:108] = Label.HAIR
    cut = measure_cut(labels, points)
    assert cut.hem is None
    assert cut.neckline is None
    assert cut_difference(cut, cut).keys() == {"arms"}
    assert cut_difference(cut, None) == {}
    points[body.LEFT_SHOULDER, 2] = 0
    assert measure_cut(labels, points) is None
    assert covered_share(np.zeros((256, 192), np.uint8), np.array([(5, 5), (5, 50), (5, 90)])) is None
    assert set(Cut._fields) == {"neckline", "hem", "right_arm", "left_arm"}


@pytest.mark.parametrize(("across", "along"), [(0.6, 0.6), (0.6, 0.75), (0.8, 0.65)])
def test_measure_size_finds_the_scale_of_a_print(points, across, along):
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 255, (32, 24, 3), np.uint8)
    garment = cv2.GaussianBlur(cv2.resize(coarse, (192, 256), interpolation=cv2.INTER_NEAREST), (0, 0), 1.0)
    matrix = np.array([[across, 0, 30], [0, along, 40]], np.float32)
    worn = cv2.warpAffine(garment, matrix, (192, 256), flags=cv2.INTER_AREA, borderValue=(200, 200, 200))
    labels = np.zeros((256, 192), np.uint8)
    labels[45 : round(40 + 250 * along), 35 : round(30 + 185 * across)] = Label.UPPER_CLOTHES
    size = measure_size(garment, np.full((256, 192), 255, np.uint8), worn, labels, points)
    assert size.across == pytest.approx(across / 80, rel=0.03)
    assert size.along == pytest.approx(along / 80, rel=0.03)
    assert size_difference(size, size) == {"across": 0, "along": 0}


def test_measure_size_returns_none_for_a_plain_garment(points):
    plain = np.full((256, 192, 3), 90, np.uint8)
    labels = np.full((256, 192), Label.UPPER_CLOTHES, np.uint8)
    assert measure_size(plain, np.full((256, 192), 255, np.uint8), plain, labels, points) is None
    assert size_difference(None, None) == {}


def test_a_dashed_outline_is_rougher_than_a_clean_one():
    labels = np.zeros((100, 100), np.uint8)
    labels[30:70, 30:70] = Label.UPPER_CLOTHES
    picture = np.full((100, 100, 3), 180, np.uint8)
    picture[30:70, 30:70] = 60
    clean = outline_roughness(picture, labels)
    picture[30, 30:70:3] = 255
    assert outline_roughness(picture, labels) > clean
    assert outline_roughness(picture, np.zeros_like(labels)) is None
