"""Tests of the warnings about garments."""

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from conftest import shared
from fitroom import TryOn
from fitroom.cli import main
from fitroom.data.synthetic import samples
from fitroom.data.viton import open_layout, read_pairs
from fitroom.photo.decode import read
from fitroom.photo.encode import save_picture
from fitroom.photo.masks import garment_mask
from fitroom.photo.warnings import may_be_worn, warnings_of_garment


@pytest.fixture(scope="module")
def sample():
    return next(iter(samples(1, 2)))


def codes(mask: np.ndarray) -> list[str]:
    return [warning.code for warning in warnings_of_garment(mask)]


def rectangle(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros((256, 192), np.uint8)
    for left, top, right, bottom in boxes:
        mask[top:bottom, left:right] = 255
    return mask


def test_product_shots_give_no_warnings(sample):
    assert codes(sample.garment_mask) == []
    assert codes(sample.other_garment_mask) == []


def test_separate_large_pieces_give_a_warning():
    two = cv2.circle(cv2.circle(rectangle(), (50, 60), 40, 255, -1), (140, 190), 30, 255, -1)
    assert codes(two) == ["several-garments"]
    assert "2 separate pieces" in warnings_of_garment(two)[0].message
    # a small piece, such as a belt, does not count
    assert codes(cv2.circle(cv2.circle(rectangle(), (50, 60), 40, 255, -1), (140, 190), 15, 255, -1)) == []


def test_folded_garments_give_a_warning():
    assert codes(rectangle((40, 60, 150, 200))) == ["folded-garment"]
    turned = cv2.warpAffine(rectangle((40, 60, 150, 200)), cv2.getRotationMatrix2D((96, 128), 20, 1), (192, 256))
    assert codes(np.where(turned > 127, 255, 0).astype(np.uint8)) == ["folded-garment"]


def drawn(outline: list[tuple[int, int]]) -> np.ndarray:
    return cv2.fillPoly(rectangle(), [np.array(outline, np.int32)], 255)


TROUSERS = [(60, 20), (132, 20), (145, 240), (104, 240), (96, 90), (88, 240), (47, 240)]
SUNGLASSES = [(8, 110), (184, 110), (176, 150), (120, 160), (100, 125), (92, 125), (72, 160), (16, 150)]
TIE = [(88, 10), (104, 10), (112, 230), (96, 250), (80, 230)]
CROPPED = [
    (70, 40),
    (122, 40),
    (160, 70),
    (180, 230),
    (160, 232),
    (134, 110),
    (134, 150),
    (58, 150),
    (58, 110),
    (32, 232),
    (12, 230),
    (32, 70),
]


@pytest.mark.parametrize("outline", [TROUSERS, SUNGLASSES, TIE])
def test_trousers_sunglasses_and_ties_are_not_tops(outline):
    assert codes(drawn(outline)) == ["not-a-top"]


def test_chains_are_not_tops():
    angle = np.linspace(0.9, 2 * np.pi + 0.7, 60)
    chain = np.stack([96 + 60 * np.sin(angle), 128 - 80 * np.cos(angle)], 1).astype(np.int32)
    assert codes(cv2.polylines(rectangle(), [chain], False, 255, 7)) == ["not-a-top"]


def test_sleeves_below_a_short_hem_are_not_taken_for_legs():
    assert codes(drawn(CROPPED)) == []


def test_empty_mask_gives_no_warnings():
    assert codes(rectangle()) == []


def test_may_be_worn_excludes_product_shots(sample):
    assert not may_be_worn(sample.garment, sample.garment_mask)
    cut_off = sample.garment.copy()
    cut_off[-60:, 60:130] = (180, 140, 120)
    assert may_be_worn(cut_off, sample.garment_mask)
    assert may_be_worn(np.full_like(sample.garment, 90), sample.garment_mask), "no studio"
    slim = np.full((256, 192), 0, np.uint8)
    slim[10:240, 70:130] = 255
    assert may_be_worn(np.full_like(sample.garment, 255), slim)


def test_may_be_worn_separates_viton_persons_from_product_shots():
    layout = open_layout(shared("viton"))
    pairs = read_pairs(layout.root / "val_pairs_paired.txt")[::5]
    persons = [read(str(layout.person_path(pair.person)), "garment") for pair in pairs]
    shots = [read(str(layout.garment_path(pair.garment)), "garment") for pair in pairs]
    anything = np.full((256, 192), 255, np.uint8)
    assert sum(may_be_worn(person, anything) for person in persons) >= 0.9 * len(pairs)
    assert sum(may_be_worn(shot, garment_mask(shot)) for shot in shots) <= 0.15 * len(pairs)


def test_few_viton_garments_give_warnings():
    layout = open_layout(shared("viton"))
    pairs = read_pairs(layout.root / "val_pairs_paired.txt")
    # VITON's own masks have holes
    masks = [garment_mask(read(str(layout.garment_path(pair.garment)), "garment")) for pair in pairs]
    assert sum(bool(codes(mask)) for mask in masks) <= 0.02 * len(pairs)


def test_look_is_made_despite_a_warning(sample, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    box = np.full((256, 192, 3), 255, np.uint8)
    box[60:200, 40:150] = (40, 80, 160)
    look = TryOn.load()(sample.photo.image, box)
    assert [warning.code for warning in look.warnings] == ["folded-garment"]
    assert TryOn.load()(sample.photo.image, sample.garment).warnings == ()
    save_picture(sample.photo.image, "person.png")
    save_picture(box, "box.png")
    result = CliRunner().invoke(main, ["try", "person.png", "box.png", "-o", "look.png"])
    assert result.exit_code == 0
    assert "notice: garment: it looks folded" in result.stderr
