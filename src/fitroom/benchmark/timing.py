"""Timing repeated calls."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

WARM_UP = 5


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
