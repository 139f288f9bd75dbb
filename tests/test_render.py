"""Fakes: who is dressed in whose garment."""

from collections import Counter

import pytest
import torch

from fitroom.train.tasks.render import choose


@pytest.mark.parametrize("each", [1, 2, 5])
def test_everybody_gets_so_many_different_garments_of_others(each):
    chosen = choose(torch.arange(30), each, seed=3)
    assert len(set(chosen)) == len(chosen) == 30 * each
    assert all(row != other for row, other in chosen)
    assert set(Counter(row for row, _ in chosen).values()) == {each}


def test_where_there_are_few_others_everybody_gets_all():
    assert sorted(choose(torch.zeros(3), 5, seed=0)) == [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)]


def test_one_alone_gets_none():
    assert choose(torch.zeros(1), 2, seed=0) == []


def test_sleeves_differ_more_than_by_chance():
    bare = torch.arange(400) % 2 * 1000
    differs = [bool(bare[row] != bare[other]) for row, other in choose(bare, 1, seed=0)]
    # by chance half; of four garments one at least has other sleeves but for one person in sixteen
    assert sum(differs) / len(differs) > 0.88
