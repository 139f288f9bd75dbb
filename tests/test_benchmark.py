"""Tests of the benchmarks."""

import csv
import json
import time

import numpy as np
import pytest
from click.testing import CliRunner

from fitroom import TryOn
from fitroom.benchmark import ceiling, looks, speed
from fitroom.benchmark.correlation import CHANNELS, FORMS, correlation_im2col
from fitroom.benchmark.looks import time_batch, time_looks
from fitroom.benchmark.processes import run_command
from fitroom.cli import main
from fitroom.errors import OutputError
from fitroom.hardware import WARM_UP, Spread, time_ms
from fitroom.nets.correlation import correlation_reference

LOOKS = {
    "look_new",
    "look_person_known",
    "look_garment_known",
    "look_both_known",
    "look_files",
    "look_large",
    "person",
    "garment",
}


def test_time_ms_reports_the_median_despite_one_slow_run():
    calls = []

    def work():
        calls.append(0)
        time.sleep(0.2 if len(calls) == WARM_UP + 1 else 0.002)

    spread = time_ms(work, 5)
    assert 2 <= spread.low <= spread.median < 100 < spread.high
    assert spread.runs == 5
    assert len(calls) == WARM_UP + 5


def test_time_looks_times_every_way_to_make_a_look(small_weights, monkeypatch):
    monkeypatch.setattr(looks, "LARGE", (512, 384))
    tryon = TryOn.load(small_weights.folder)
    timings = time_looks(tryon, repeats=2)
    assert set(timings) == LOOKS
    assert all(spread.median > 0 for spread in timings.values())
    assert time_batch(tryon, threads=2, looks=6, rounds=2).median > 0
    assert len(tryon.garments) == 6  # the cache holds each of the six garments of the batch


def test_run_command_measures_time_and_memory_and_raises_on_failure(tmp_path):
    import sys

    code = "import time; kept = bytes(range(256)) * 400_000; time.sleep(0.2)"
    runs = run_command([sys.executable, "-c", code], 2)
    assert len(runs) == 2
    for run in runs:
        assert 0.2 < run.seconds < 20
        assert 102 < run.megabytes < 250
    with pytest.raises(Exception, match="non-zero exit status 3"):
        run_command([sys.executable, "-c", "raise SystemExit(3)"], 1)


def test_convolution_work_equals_the_count_of_pytorch(small_weights):
    from torch.utils.flop_counter import FlopCounterMode

    from fitroom.nets.registry import load_network
    from test_networks import inputs

    network = load_network(small_weights)
    with FlopCounterMode(display=False) as counter:
        network(*inputs(1, 256, 192))
    convolutions = next(count for name, count in counter.get_flop_counts()["Global"].items() if "conv" in str(name))
    counted = sum(ceiling.convolution_work(model) for model in ceiling.read_models(small_weights).values())
    # PyTorch counts two operations per multiply-add
    assert counted == pytest.approx(convolutions / 2, rel=0.001)
    assert ceiling.convolution_rate(small_weights, 1) > 0.1


def test_no_graph_runs_on_reference_kernels():
    from fitroom.store import open_weights

    totals, slow = ceiling.costliest(open_weights(), 2)
    assert slow == []
    assert totals[0][0] == "Convolution"


def test_im2col_correlation_equals_the_reference():
    import torch

    generator = torch.Generator().manual_seed(0)
    first, second = (torch.randn(1, 8, 16, 12, generator=generator) for _ in range(2))
    torch.testing.assert_close(correlation_im2col(first, second), correlation_reference(first, second))
    assert set(FORMS) == {"ours", "shift_multiply_sum", "im2col"}
    assert CHANNELS == 256


@pytest.mark.slow
def test_benchmark_command_writes_all_figures_as_csv_and_json(small_weights, tmp_path, monkeypatch):
    def rough(repeats):
        yield "pfafn_torch_eager", Spread(1000, 900, 1100, repeats)

    monkeypatch.setattr("fitroom.benchmark.yardstick.time_pfafn", rough)
    monkeypatch.setattr("fitroom.benchmark.correlation.SIZES", ((16, 12),))
    monkeypatch.setattr(ceiling, "SIDE", 256)
    monkeypatch.setattr(looks, "LARGE", (512, 384))
    monkeypatch.setattr(speed, "LARGE", (512, 384))
    path = tmp_path / "speed.csv"
    arguments = ["benchmark", "--weights", str(small_weights.folder), "--repeats", "3", "--csv", str(path), "--json"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)
    with path.open(newline="") as stream:
        written = list(csv.DictReader(stream))
    assert [row["figure"] for row in written] == [row["figure"] for row in rows]
    figures = {row["figure"] for row in rows}
    assert figures >= LOOKS | {
        "matrix_product",
        "batch",
        "try_first",
        "try_cold",
        "try_memory",
        "try_large",
        "try_large_memory",
        "convolutions",
        "pfafn_torch_eager",
    }
    assert {f"correlation_{runtime}_{form}" for runtime in ("torch", "openvino") for form in FORMS} <= figures
    assert all(float(row["value"]) > 0 and row["hardware"] and row["versions"] for row in written)


def test_check_csv_refuses_other_tables_and_missing_folders(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(OutputError, match="not a table of fitroom benchmark"):
        speed.check_csv(path)
    with pytest.raises(OutputError, match="does not exist"):
        speed.check_csv(tmp_path / "none" / "speed.csv")


def test_spread_holds_the_median_and_the_10th_and_90th_percentiles():
    spread = Spread.of([float(value) for value in np.arange(11)])
    assert (spread.low, spread.median, spread.high, spread.runs) == (1, 5, 9, 11)


@pytest.mark.slow
def test_training_steps_are_timed():
    result = CliRunner().invoke(main, ["benchmark", "training", "--batch", "2", "--repeats", "1"])
    assert result.exit_code == 0, result.output
    figures = {line.split()[0]: float(line.split()[1]) for line in result.output.splitlines()}
    assert figures["images_per_second"] == pytest.approx(2000 / figures["step"], rel=0.01)
    assert 0 < figures["data_share"] < 1
    assert 0 < figures["correlation_share"] < 1
