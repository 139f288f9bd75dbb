"""Tests of `fitroom reproduce`, which fills the original's tables."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from fitroom.cli import main
from fitroom.evaluate.report import COMPARISONS
from fitroom.files import read_rows
from fitroom.hardware import Spread
from fitroom.reproduce import correlation


@pytest.fixture
def timed(monkeypatch):
    """Repeats of each requested timing. A stand-in replaces the timing."""
    asked = []

    def time_correlation(repeats):
        asked.append(repeats)
        milliseconds = {"shift_multiply_sum": 40.0, "im2col": 80.0, "ours": 10.0}
        return {
            f"{runtime}_{form}": Spread(value, value, value, repeats)
            for runtime in ("torch", "openvino")
            for form, value in milliseconds.items()
        }

    monkeypatch.setattr(correlation, "time_correlation", time_correlation)
    return asked


def test_correlation_is_measured_once(timed, tmp_path):
    for _ in range(2):
        result = CliRunner().invoke(main, ["reproduce", "correlation", "--results", str(tmp_path)])
        assert result.exit_code == 0, result.output
    rows = read_rows(tmp_path / correlation.FILE, correlation.COLUMNS, "table")
    assert [row["runtimes"] for row in rows] == ["torch", "openvino"]
    assert (rows[0]["corrtorch_s"], rows[0]["acceleration_rate"], rows[0]["ours_rate"]) == ("0.0400", "0.50", "4.00")
    assert len(timed) == 1


def test_first_columns_match_the_original():
    theirs = next(table for table in COMPARISONS if table.file == correlation.FILE).headings
    assert correlation.COLUMNS[: len(theirs)] == tuple(theirs)


@pytest.mark.parametrize(
    ("table", "option"), [("warp-pruning", "--data"), ("quantization", "--float"), ("best", "--pruned")]
)
def test_missing_option_is_named(table, option, tmp_path):
    result = CliRunner().invoke(main, ["reproduce", table, "--results", str(tmp_path)])
    assert result.exit_code == 2
    assert f"{table} needs {option}" in result.output
    assert list(tmp_path.iterdir()) == []


def test_all_checks_its_options_before_measuring(tmp_path, timed):
    arguments = ["--results", str(tmp_path / "new"), "--data", "data", "--work", "work", "--float", "float"]
    result = CliRunner().invoke(main, ["reproduce", "all", *arguments])
    assert result.exit_code == 2
    assert "best needs --pruned" in result.output
    assert not timed


WITHOUT_COMPRESS = """
import sys
sys.modules["nncf"] = sys.modules["torch_pruning"] = None
from click.testing import CliRunner
from fitroom.cli import main
for table in ("warp-pruning", "quantization", "best", "correlation"):
    options = ["--data", "d", "--work", "w", "--float", "f", "--pruned", "p", "--results", sys.argv[1]]
    result = CliRunner().invoke(main, ["reproduce", table, *options])
    assert result.exit_code == 2, result.output
    assert "'.[compress]'" in result.output, result.output
"""


def test_error_for_missing_packages_names_the_extra_to_install(tmp_path):
    """Run in a new process, because this one may have imported the packages already."""
    subprocess.run([sys.executable, "-c", WITHOUT_COMPRESS, str(tmp_path)], check=True)
