"""Describes the machine and the software of a measurement, and times calls."""

import os
import shlex
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from fitroom.runtime.openvino import device_name

PACKAGES = ("fitroom", "openvino", "torch", "torchmetrics", "numpy", "opencv-python-headless", "nncf", "onnxruntime")
WARM_UP = 5  # calls before the measured ones


def hardware() -> str:
    """Return the processor's name and the number of logical cores."""
    return f"{device_name()}, {os.cpu_count()} cores"


def versions() -> str:
    """Return the versions of those of PACKAGES that are installed."""
    found = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


def command() -> str:
    """Return the running command line, quoted for a shell: `fitroom ...` or `python tools/...`."""
    program = Path(sys.argv[0])
    named = ["python", f"tools/{program.name}"] if program.parent.name == "tools" else ["fitroom"]
    return shlex.join([*named, *sys.argv[1:]])


@dataclass(frozen=True)
class Spread:
    """Median, 10th and 90th percentile of repeated measurements."""

    median: float
    low: float
    high: float
    runs: int

    @classmethod
    def of(cls, values: list[float]) -> "Spread":
        """Compute the spread of `values`."""
        low, median, high = (float(value) for value in np.quantile(values, [0.1, 0.5, 0.9]))
        return cls(median, low, high, len(values))


def time_ms(work: Callable[[], Any], repeats: int, warm_up: int = WARM_UP) -> Spread:
    """Time `repeats` calls of `work` in milliseconds, after `warm_up` calls that are not measured."""
    for _ in range(warm_up):
        work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - start))
    return Spread.of(times)
