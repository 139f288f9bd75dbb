"""Collect metrics of the service for Prometheus."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

STEPS = ("receive", "queue", "person", "garment", "dress", "write", "look")
BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """Metrics of one service, in their own registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.seconds = Histogram(
            "fitroom_step_seconds",
            "Time of a step of a look; look is all of it.",
            ["step"],
            registry=self.registry,
            buckets=BUCKETS,
        )
        self.admitted = Gauge(
            "fitroom_requests_admitted", "Requests arriving, waiting or worked on.", registry=self.registry
        )
        self.working = Gauge("fitroom_requests_working", "Requests that a worker has.", registry=self.registry)
        self.cached = Counter(
            "fitroom_cache_lookups", "Lookups of what may be in memory.", ["what", "found"], registry=self.registry
        )
        self.refusals = Counter(
            "fitroom_refusals", "Requests refused, by the code of the problem.", ["code"], registry=self.registry
        )
        self.persons = Gauge("fitroom_persons_bytes", "Memory of persons sent ahead.", registry=self.registry)
        for step in STEPS:
            self.seconds.labels(step)

    @contextmanager
    def timed(self, step: str, spent: dict[str, float]) -> Iterator[None]:
        """Time a step, record it, and store its milliseconds in `spent`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.observe(step, time.perf_counter() - start, spent)

    def observe(self, step: str, seconds: float, spent: dict[str, float]) -> None:
        """Record a step that took `seconds`, and store its milliseconds in `spent`."""
        spent[step] = round(seconds * 1000, 2)
        self.seconds.labels(step).observe(seconds)

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self.registry)
