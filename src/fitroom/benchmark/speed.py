"""Measure all speed figures in one run, as CSV rows with system, hardware, versions and command."""

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

from fitroom.benchmark import ceiling
from fitroom.benchmark.graphs import time_graphs
from fitroom.benchmark.looks import LARGE, time_batch, time_looks
from fitroom.benchmark.processes import time_try
from fitroom.errors import OutputError
from fitroom.hardware import Spread, command, hardware, versions
from fitroom.runtime.openvino import OpenVinoRunner
from fitroom.store import Weights, open_weights
from fitroom.tryon import TryOn

Tell = Callable[["Row"], None]
BATCH_LOOKS, BATCH_ROUNDS = 48, 5


@dataclass(frozen=True)
class Row:
    """One figure: the median and spread of repeated measurements, and their origin."""

    date: str
    figure: str
    value: float
    unit: str
    low: float  # 10th percentile
    high: float  # 90th percentile
    runs: int
    system: str
    precision: str
    hardware: str
    versions: str
    command: str


COLUMNS = tuple(field.name for field in fields(Row))


class Recorder:
    """Collector of the rows of one run; it passes each new row to `tell`."""

    def __init__(self, tell: Tell) -> None:
        self.tell = tell
        self.rows: list[Row] = []
        self.made = (hardware(), versions(), command())
        self.date = datetime.now(UTC).date().isoformat()

    def add(self, figure: str, spread: Spread, unit: str, system: str, precision: str) -> None:
        """Add one figure as a row."""
        numbers = (round(value, 4) for value in (spread.median, spread.low, spread.high))
        value, low, high = numbers
        row = Row(self.date, figure, value, unit, low, high, spread.runs, system, precision, *self.made)
        self.rows.append(row)
        self.tell(row)


def single(value: float) -> Spread:
    """Return the spread of a figure that was measured once."""
    return Spread(value, value, value, 1)


def measure(names: list[str], repeats: int, tell: Tell, notify: Callable[[str], None]) -> list[Row]:
    """Measure all figures of weights, by name or folder, and the references that the installed extras allow.

    `notify` receives a line for each reference that is skipped. Raises the errors of `TryOn.load`.
    """
    opened = [open_weights(name) for name in names]
    recorder = Recorder(tell)
    recorder.add("matrix_product", ceiling.matrix_product(max(repeats // 4, 3)), "GMAC/s", "machine", "fp32")
    for name, weights in zip(names, opened, strict=True):
        measure_weights(name, weights, repeats, recorder)
    for what, add in (("correlation", add_correlation), ("PF-AFN", add_pfafn)):
        try:
            add(repeats, recorder)
        except ImportError as error:
            notify(f"not measured: {what}; {error.name} is not installed: pip install -c constraints.txt '.[compress]'")
    return recorder.rows


def measure_weights(name: str, weights: Weights, repeats: int, recorder: Recorder) -> None:
    """Measure all figures of one set of weights."""
    system, precision = f"{weights.manifest.name} {weights.manifest.version}", weights.manifest.precision
    for figure, spread in time_looks(TryOn.load(name), repeats).items():
        recorder.add(figure, spread, "ms", system, precision)
    for graph, spread in time_graphs(weights, repeats).items():
        recorder.add(f"graph_{graph}", spread, "ms", system, precision)
    runner = OpenVinoRunner.from_weights(weights, mode="throughput")
    batch = time_batch(TryOn(weights, runner), runner.streams, BATCH_LOOKS, BATCH_ROUNDS)
    recorder.add("batch", batch, "looks/s", system, precision)
    first, seconds, megabytes = time_try(name, max(repeats // 10, 3))
    recorder.add("try_first", single(first.seconds), "s", system, precision)
    recorder.add("try_cold", seconds, "s", system, precision)
    recorder.add("try_memory", megabytes, "MB", system, precision)
    _, seconds, megabytes = time_try(name, 3, LARGE)
    recorder.add("try_large", seconds, "s", system, precision)
    recorder.add("try_large_memory", megabytes, "MB", system, precision)
    rate = ceiling.convolution_rate(weights, max(repeats // 4, 3))
    recorder.add("convolutions", single(rate), "GMAC/s", system, precision)


def add_correlation(repeats: int, recorder: Recorder) -> None:
    """Time correlation at PF-AFN's sizes. Raises ImportError if the extra `train` is not installed."""
    from fitroom.benchmark.correlation import time_correlation

    for name, spread in time_correlation(max(repeats // 4, 3)).items():
        recorder.add(f"correlation_{name}", spread, "ms", "pfafn", "fp32")


def add_pfafn(repeats: int, recorder: Recorder) -> None:
    """Time PF-AFN in three forms. Raises ImportError if the extras `train` and `compress` are not installed."""
    from fitroom.benchmark.yardstick import time_pfafn

    for name, spread in time_pfafn(max(repeats // 10, 3)):
        recorder.add(name, spread, "ms", "pfafn", "int8" if name.endswith("int8") else "fp32")


def check_csv(path: str | Path) -> Path:
    """Return the path of a CSV file to write. Raises OutputError if it can't be written or holds another table."""
    path = Path(path)
    if not path.absolute().parent.is_dir():
        raise OutputError(f"{path}: the folder {path.absolute().parent} does not exist; make it first.")
    if path.is_dir():
        raise OutputError(f"{path}: this is a directory; give a file name.")
    if path.exists():
        with path.open(newline="", encoding="utf-8") as stream:
            if tuple(next(csv.reader(stream), [])) != COLUMNS:
                raise OutputError(f"{path}: not a table of fitroom benchmark; name a new file.")
    return path


def write_csv(path: str | Path, rows: list[Row]) -> Path:
    """Write the rows of one run and replace the rows in the file. Raises OutputError."""
    path = check_csv(path)
    try:
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(as_dicts(rows))
    except OSError as error:
        raise OutputError(f"{path}: can't be written ({error.strerror}).") from error
    return path


def as_dicts(rows: list[Row]) -> Iterator[dict[str, object]]:
    """Convert rows to dictionaries by column."""
    return (asdict(row) for row in rows)


def as_json(rows: list[Row]) -> str:
    """Convert rows to JSON."""
    return json.dumps(list(as_dicts(rows)), indent=1)
