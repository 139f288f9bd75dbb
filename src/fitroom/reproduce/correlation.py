"""Reproduce the correlation table of the original system (2023): its two forms of correlation, and ours."""

from collections.abc import Callable
from pathlib import Path

from fitroom.benchmark.correlation import time_correlation
from fitroom.files import append_row, read_rows
from fitroom.hardware import command, hardware, versions

FILE = "img2col.csv"
REPEATS = 100
# the original's columns, then ours; seconds are for all five sizes of PF-AFN in sequence
COLUMNS = (
    "runtimes",
    "corrtorch_s",
    "img2col_s",
    "fps",
    "acceleration_rate",
    "ours_s",
    "ours_rate",
    "hardware",
    "versions",
    "command",
)


def run_correlation(results: Path, tell: Callable[[dict[str, object]], None]) -> Path:
    """Fill the table with medians over REPEATS runs in PyTorch and OpenVINO. Existing rows are not measured again.

    Rates are the speed-up over the shift-multiply-sum form, `corrtorch_s`. Raises OutputError.
    """
    path = results / FILE
    done = {row["runtimes"] for row in read_rows(path, COLUMNS, "correlation table of fitroom")}
    if {"torch", "openvino"} <= done:
        return path
    timings = time_correlation(REPEATS)
    for runtime in ("torch", "openvino"):
        before, columns, ours = (
            timings[f"{runtime}_{form}"].median / 1000 for form in ("shift_multiply_sum", "im2col", "ours")
        )
        cells: dict[str, object] = {
            "runtimes": runtime,
            "corrtorch_s": f"{before:.4f}",
            "img2col_s": f"{columns:.4f}",
            "acceleration_rate": f"{before / columns:.2f}",
            "ours_s": f"{ours:.4f}",
            "ours_rate": f"{before / ours:.2f}",
            "hardware": hardware(),
            "versions": versions(),
            "command": command(),
        }
        row = {column: cells.get(column, "") for column in COLUMNS}
        if runtime not in done:
            append_row(path, COLUMNS, row)
            tell(row)
    return path
