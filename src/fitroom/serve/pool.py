"""Work on threads, a bounded number of requests ahead of it: what does not fit is told to come back."""

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
    """Some workers, and room for some requests to wait. Used from one event loop."""

    def __init__(self, workers: int, waiting: int, metrics: Metrics) -> None:
        self.workers, self.room = workers, workers + waiting
        self.metrics = metrics
        self.threads = ThreadPoolExecutor(workers, thread_name_prefix="fitroom")
        self.admitted = 0
        self.usual = 0.05  # seconds that work takes, a running mean

    @contextmanager
    def admission(self) -> Iterator[None]:
        """Room for one request, held while its body arrives too. Raises Refusal where there is none."""
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
        """What `work` returns or raises, from a worker's thread; the wait for one is noted in `spent`."""
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
        """Wait for work that has begun."""
        self.threads.shutdown()
