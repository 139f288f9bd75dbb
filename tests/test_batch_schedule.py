"""A catalogue's run without its pictures."""

import numpy as np
import pytest

from fitroom.batch.pairs import Row, collect
from fitroom.batch.simulation import Costs, benchmark_schedule, drawn_list, plan_list, simulate

COSTS = Costs(person=10, garment=20, look=30, start=0)


def test_everything_is_encoded_once_and_every_pair_is_counted():
    counted, hours, busy = simulate(drawn_list(100, 30), COSTS, workers=1)
    assert (counted.persons, counted.garments, counted.held) == (100, 30, 100)
    assert hours == pytest.approx((100 * 10 + 30 * 20 + 3000 * 30) / 3.6e6)
    assert busy == pytest.approx(1)
    _, shared, share = simulate(drawn_list(100, 30), COSTS, workers=7)
    assert hours / 7 <= shared < hours / 5
    assert share == pytest.approx(hours / 7 / shared)


def test_more_persons_than_memory_holds():
    """Garments are encoded once a block."""
    counted, _, _ = simulate(drawn_list(1200, 3), COSTS, workers=2)
    assert counted.persons == 1200
    assert counted.garments == 9
    assert counted.held < 540


def test_persons_of_a_list_that_wear_little():
    """A person that comes again in the same block is not encoded again."""
    pairs = collect(Row(f"p{number % 5}", f"g{number}") for number in range(20))
    counted, _, _ = simulate(pairs, COSTS, workers=2)
    assert (counted.persons, counted.garments, counted.tasks) == (5, 20, 20)


def test_what_a_list_costs():
    figures = plan_list(drawn_list(20, 50))
    assert 0 < figures["leader_us_a_pair"] < 1e5
    assert 50 < figures["journal_bytes_a_pair"] < 1000


def test_all_figures():
    figures = benchmark_schedule(20, 10, [1, 4], 2, COSTS)
    assert figures["pairs"] == 200
    assert figures["hours_1"] > figures["hours_4"] > 0
    assert np.isfinite(list(figures.values())).all()
