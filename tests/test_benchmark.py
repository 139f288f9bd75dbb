"""The benchmark counts what it says."""

import time

import pytest
from click.testing import CliRunner

from fitroom import TryOn
from fitroom.cli import main
from fitroom.evaluate.benchmark import WARM_UP, benchmark, median_ms


def test_median_of_what_counts():
    calls = []

    def work():
        calls.append(0)
        time.sleep(0.2 if len(calls) == WARM_UP + 1 else 0.002)

    assert 2 <= median_ms(work, 5) < 100
    assert len(calls) == WARM_UP + 5


def test_every_step_is_timed(small_weights):
    figures = benchmark(TryOn.load(small_weights.folder), repeats=2)
    assert set(figures) == {"look_new", "look_person_known", "look_both_known", "person", "garment"}
    assert all(value > 0 for value in figures.values())


@pytest.mark.slow
def test_training_steps_are_timed():
    result = CliRunner().invoke(main, ["benchmark", "training", "--batch", "2", "--repeats", "1"])
    assert result.exit_code == 0, result.output
    figures = {line.split()[0]: float(line.split()[1]) for line in result.output.splitlines()}
    assert figures["images_per_second"] == pytest.approx(2000 / figures["step"], rel=0.01)
    assert 0 < figures["data_share"] < 1
    assert 0 < figures["correlation_share"] < 1
