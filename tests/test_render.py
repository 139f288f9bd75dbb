"""Tests of choosing the garments of fakes."""

from collections import Counter

import pytest
import torch

from fitroom.train.tasks.render import choose


@pytest.mark.parametrize("each", [1, 2, 5])
def test_every_person_gets_the_given_number_of_other_garments(each):
    chosen = choose(torch.arange(30), each, seed=3)
    assert len(set(chosen)) == len(chosen) == 30 * each
    assert all(row != other for row, other in chosen)
    assert set(Counter(row for row, _ in chosen).values()) == {each}


def test_every_person_gets_all_other_garments_if_there_are_too_few():
    assert sorted(choose(torch.zeros(3), 5, seed=0)) == [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)]


def test_single_person_gets_no_garment():
    assert choose(torch.zeros(1), 2, seed=0) == []


def test_sleeve_lengths_differ_more_often_than_by_chance():
    bare = torch.arange(400) % 2 * 1000
    differs = [bool(bare[row] != bare[other]) for row, other in choose(bare, 1, seed=0)]
    # a random garment differs for half of the persons; the best of four differs for 15 of 16
    assert sum(differs) / len(differs) > 0.88
