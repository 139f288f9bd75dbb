"""Tests of label sets: the labels that a value of a data set can stand for."""

import numpy as np
import pytest

from fitroom import body
from fitroom.body import Label
from fitroom.data.label_sets import MIRRORED_ROWS, NOT_PERSON, ROW, SETS, SINGLE, SKIN, STREET, TABLE, TOP, VITON


def test_labels_keep_vitons_values():
    assert [label.value for label in Label] == list(range(19))
    assert Label.UPPER_CLOTHES == 4
    assert (Label.NECK, Label.OTHER, Label.LEFT_HAND, Label.RIGHT_HAND, Label.DRESS) == (14, 15, 16, 17, 18)


def test_rows_of_single_labels_are_their_values():
    assert [ROW[labels] for labels in SINGLE] == list(range(len(Label)))
    assert TABLE.sum(axis=1).tolist() == [len(labels) for labels in SETS]
    assert all(TABLE[ROW[TOP], label] for label in body.TOPS)


@pytest.mark.parametrize("labels", SETS, ids=lambda labels: "-".join(sorted(label.name for label in labels))[:60])
def test_mirroring_a_label_set_twice_restores_it(labels):
    mirrored = MIRRORED_ROWS[ROW[labels]]
    assert MIRRORED_ROWS[mirrored] == ROW[labels]
    assert {Label.LEFT_ARM in SETS[mirrored], Label.RIGHT_ARM in labels} in ({True}, {False})


@pytest.mark.parametrize("groups", [VITON, STREET], ids=["viton", "street"])
def test_group_of_a_set_is_the_group_of_its_labels(groups):
    for row, labels in enumerate(SETS):
        found = {int(groups.of_label[label]) for label in labels}
        assert groups.of_set[row] in (found if len(found) == 1 else found | {-1})
    assert groups.of_label.max() < len(groups.names)


def test_labels_that_viton_lacks_map_to_viton_values():
    predicted = np.array([Label.NECK, Label.OTHER, Label.DRESS, Label.LEFT_HAND, Label.RIGHT_HAND])
    assert VITON.of_label[predicted].tolist() == [0, 0, 4, 11, 13]
    assert STREET.names[STREET.of_set[ROW[SKIN]]] == "skin"


def test_labels_are_correct_only_within_the_pixels_set():
    sets = np.full((1, 3), ROW[NOT_PERSON], np.uint8)
    labels = np.array([[Label.OTHER, Label.BACKGROUND, Label.UPPER_CLOTHES]], np.uint8)
    true, mine = STREET.compared(labels, sets)
    assert true.tolist() == [0, 0, 0]
    assert [STREET.names[group] for group in mine] == ["background", "background", "top"]
