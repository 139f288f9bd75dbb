"""Fakes: who is dressed in whose garment."""

from collections import Counter

import pytest
import torch

from fitroom.data.limbs import LEFT_SHOULDER, NECK, NOSE, RIGHT_SHOULDER
from fitroom.data.viton import GARMENT
from fitroom.nets.interface import Dressed
from fitroom.train.render import choose, laid_over


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


def test_a_fake_is_the_photo_to_the_bit_but_near_the_two_garments_and_on_collars():
    worn, new = torch.zeros(1, 64, 48, dtype=torch.uint8), torch.zeros(1, 1, 64, 48)
    worn[:, 30:38, 10:20] = GARMENT
    new[:, :, 44:54, 30:40] = 1
    points = torch.zeros(1, 18, 3)
    for joint, (x, y) in {NECK: (24, 16), NOSE: (24, 12), RIGHT_SHOULDER: (14, 16), LEFT_SHOULDER: (34, 16)}.items():
        points[0, joint] = torch.tensor([x, y, 1.0])
    photo, nothing = torch.full((1, 3, 64, 48), -0.3), torch.zeros(1, 1, 64, 48)
    painted = photo + 0.2
    collar = slice(14, 19), slice(21, 26)
    painted[..., *collar] = 0.9
    dressed = Dressed(painted, torch.zeros(1, 2, 64, 48), painted, nothing, painted, new, nothing + 1)
    fake = laid_over(dressed, photo, worn, points)
    # three pixels around what was worn, one around what is new
    for rows, columns in ((slice(28, 40), slice(8, 22)), (slice(44, 54), slice(30, 40)), collar):
        assert torch.equal(fake[..., rows, columns], painted[..., rows, columns])
    apart = torch.ones(64, 48, dtype=torch.bool)
    apart[26:42, 6:24] = apart[42:56, 28:42] = apart[10:23, 17:30] = False
    assert torch.equal(fake[..., apart], photo[..., apart])
