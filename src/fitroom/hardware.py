"""This machine: what is written beside every figure that is measured on it, and how long calls take."""

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
WARM_UP = 5  # calls that are not measured


def hardware() -> str:
    """Name of the processor, and how many cores there are."""
    return f"{device_name()}, {os.cpu_count()} cores"


def versions() -> str:
    """Versions of the packages that figures depend on, of those that are installed."""
    found = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


def command() -> str:
    """The command line that is running, as a shell takes it: fitroom's, or of one of the project's tools."""
    program = Path(sys.argv[0])
    named = ["python", f"tools/{program.name}"] if program.parent.name == "tools" else ["fitroom"]
    return shlex.join([*named, *sys.argv[1:]])


@dataclass(frozen=True)
class Spread:
    """Repeated measurements: median, and the tenth and ninetieth of every hundred."""

    median: float
    low: float
    high: float
    runs: int

    @classmethod
    def of(cls, values: list[float]) -> "Spread":
        """The spread of some values."""
        low, median, high = (float(value) for value in np.quantile(values, [0.1, 0.5, 0.9]))
        return cls(median, low, high, len(values))


def time_ms(work: Callable[[], Any], repeats: int, warm_up: int = WARM_UP) -> Spread:
    """Milliseconds of a call, after a few that do not count."""
    for _ in range(warm_up):
        work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - start))
    return Spread.of(times)
