"""Run work on threads, with a bounded number of waiting requests. Further requests are refused."""

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from fitroom.serve.metrics import Metrics
from fitroom.serve.problems import Refusal

Result = TypeVar("Result")


class Pool:
    """A fixed number of workers with a bounded queue. Use it from one event loop only."""

    def __init__(self, workers: int, waiting: int, metrics: Metrics) -> None:
        self.workers, self.room = workers, workers + waiting
        self.metrics = metrics
        self.threads = ThreadPoolExecutor(workers, thread_name_prefix="fitroom")
        self.admitted = 0
        self.usual = 0.05  # running mean of the seconds per job

    @contextmanager
    def admission(self) -> Iterator[None]:
        """Hold a place for one request, including the time its body takes to arrive.

        Raises Refusal (503) if all places are taken.
        """
        if self.admitted >= self.room:
            raise Refusal(
                503,
                "busy",
                "All workers are busy and too many requests are waiting.",
                self.admitted * self.usual / self.workers,
            )
        self.admitted += 1
        try:
            with self.metrics.admitted.track_inprogress():
                yield
        finally:
            self.admitted -= 1

    async def run(self, work: Callable[[], Result], spent: dict[str, float]) -> Result:
        """Run `work` on a worker thread and return its result, or raise its error.

        The time until a worker is free is stored in `spent`.
        """
        submitted = time.perf_counter()

        def job() -> Result:
            begun = time.perf_counter()
            self.metrics.observe("queue", begun - submitted, spent)
            try:
                with self.metrics.working.track_inprogress():
                    return work()
            finally:
                self.usual += 0.1 * (time.perf_counter() - begun - self.usual)

        return await asyncio.get_running_loop().run_in_executor(self.threads, job)

    def close(self) -> None:
        """Wait for the submitted work, then stop the workers."""
        self.threads.shutdown()
