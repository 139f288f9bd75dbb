"""Test of the catalogue benchmark on few pictures."""

import pytest

from fitroom.benchmark.catalogue import benchmark_catalogue, cores


@pytest.mark.slow
def test_catalogue_benchmark_figures_are_positive_and_within_bounds():
    told = []
    figures = benchmark_catalogue("lite", 4 * cores(), None, told.append)
    assert all(value > 0 for value in figures.values())
    assert figures["batch_mb"] < 2000
    assert figures["batch_share"] < 1.5
    assert len(told) == 6
