"""Tests of simulated batch runs, without pictures."""

import numpy as np
import pytest

from fitroom.batch.pairs import Row, collect
from fitroom.batch.simulation import Costs, benchmark_schedule, drawn_list, plan_list, simulate

COSTS = Costs(person=10, garment=20, look=30, start=0)


def test_simulation_encodes_everything_once_and_counts_every_pair():
    counted, hours, busy = simulate(drawn_list(100, 30), COSTS, workers=1)
    assert (counted.persons, counted.garments, counted.held) == (100, 30, 100)
    assert hours == pytest.approx((100 * 10 + 30 * 20 + 3000 * 30) / 3.6e6)
    assert busy == pytest.approx(1)
    _, shared, share = simulate(drawn_list(100, 30), COSTS, workers=7)
    assert hours / 7 <= shared < hours / 5
    assert share == pytest.approx(hours / 7 / shared)


def test_garments_are_encoded_once_per_block_of_persons():
    """Memory does not hold all persons, so the garments are encoded once for each block of persons."""
    counted, _, _ = simulate(drawn_list(1200, 3), COSTS, workers=2)
    assert counted.persons == 1200
    assert counted.garments == 9
    assert counted.held < 540


def test_a_repeated_person_is_encoded_once_per_block():
    """A person that appears again in the same block is not encoded again."""
    pairs = collect(Row(f"p{number % 5}", f"g{number}") for number in range(20))
    counted, _, _ = simulate(pairs, COSTS, workers=2)
    assert (counted.persons, counted.garments, counted.tasks) == (5, 20, 20)


def test_plan_list_measures_time_and_journal_size_per_pair():
    figures = plan_list(drawn_list(20, 50))
    assert 0 < figures["leader_us_a_pair"] < 1e5
    assert 50 < figures["journal_bytes_a_pair"] < 1000


def test_benchmark_schedule_returns_finite_figures():
    figures = benchmark_schedule(20, 10, [1, 4], 2, COSTS)
    assert figures["pairs"] == 200
    assert figures["hours_1"] > figures["hours_4"] > 0
    assert np.isfinite(list(figures.values())).all()
