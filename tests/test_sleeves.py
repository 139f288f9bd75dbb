"""Tests of the sleeve measure, which compares forearms before and after."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from fitroom.body import Label
from fitroom.data.synthetic import write_dataset
from fitroom.errors import DataError
from fitroom.evaluate.plan import make_plan
from fitroom.evaluate.sleeves import forearms, measure_sleeves


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    root = write_dataset(tmp_path_factory.mktemp("sleeves") / "figures", 24, seed=5)
    return make_plan(root, root / "unpaired_pairs.txt", root / "train_pairs.txt")


def dressed(photo, covered, picture):
    return SimpleNamespace(image=picture, composition=np.full(photo.shape[:2], covered, np.float32))


def test_unchanged_photo_scores_zero_for_covered_and_low_for_bared_forearms(plan):
    found = measure_sleeves(lambda photo, garment: dressed(photo, 0, photo), plan)
    assert found.bare >= 2
    assert found.long >= 2
    assert found.covered == 0
    assert found.bared < 0.3, "some sleeves have nearly the colour of skin"


def test_perfect_looks_score_one(plan):
    faces = {}
    for person in plan.own:
        subject = plan.subject(person)
        faces[subject.photo.tobytes()] = np.median(subject.photo[subject.label == Label.FACE], axis=0)

    def perfect(photo, garment):
        return dressed(photo, 1, np.zeros_like(photo) + faces[photo.tobytes()].astype(np.uint8))

    found = measure_sleeves(perfect, plan)
    assert found.covered == 1
    assert found.bared == 1


def test_forearm_masks_are_small_and_do_not_overlap(plan):
    subject = plan.subject(sorted(plan.own)[0])
    right, left = forearms(subject)
    assert not (right & left).any()
    assert 0.001 < right.mean() < 0.02
    assert forearms(replace(subject, key_points=None)) == []


def test_list_without_both_sleeve_lengths_raises_an_error(plan):
    one = replace(plan, own=dict(list(plan.own.items())[:1]))
    with pytest.raises(DataError, match="need at least one of each"):
        measure_sleeves(lambda photo, garment: dressed(photo, 0, photo), one)
