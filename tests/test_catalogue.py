"""The command against the library, on few pictures."""

import pytest

from fitroom.benchmark.catalogue import benchmark_catalogue, cores


@pytest.mark.slow
def test_all_figures():
    told = []
    figures = benchmark_catalogue("lite", 4 * cores(), None, told.append)
    assert all(value > 0 for value in figures.values())
    assert figures["batch_mb"] < 2000
    assert figures["batch_share"] < 1.5
    assert len(told) == 6
