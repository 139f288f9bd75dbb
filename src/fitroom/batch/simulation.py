"""A catalogue's run without its pictures: what is encoded and held, machines' hours, what the list costs."""

import heapq
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from fitroom.arrays import HEIGHT, WIDTH
from fitroom.batch.job import FEATURES_BYTES, BatchConfig, Work, persons_held, run_batch
from fitroom.batch.journal import Result
from fitroom.batch.pairs import Pairs
from fitroom.batch.schedule import Task, tasks


@dataclass(frozen=True)
class Costs:
    """Milliseconds of one core."""

    person: float
    garment: float
    look: float  # dressed and written
    start: float = 1000.0  # of a worker: opening weights


@dataclass
class Counted:
    """What passed by."""

    persons: int = 0  # encoded
    garments: int = 0
    tasks: int = 0
    held: int = 0  # most persons at a time
    block: int = -1
    garment: int = -1
    people: set[int] = field(default_factory=set)

    def count(self, task: Task, persons: NDArray[np.int32]) -> tuple[int, int]:
        """How many persons and garments a task is the first to need."""
        if task.block != self.block:
            self.block, self.garment, self.people = task.block, -1, set()
        new = set(persons.tolist()) - self.people
        other = int(task.garment != self.garment)
        self.people |= new
        self.garment = task.garment
        self.persons += len(new)
        self.garments += other
        self.tasks += 1
        self.held = max(self.held, len(self.people))
        return len(new), other


def drawn_list(persons: int, garments: int) -> Pairs:
    """Every person in every garment, of files that don't exist."""
    numbers = np.arange(persons * garments)
    return Pairs(
        [f"persons/{number:06}.jpg" for number in range(persons)],
        [(f"garments/{number:06}.jpg", "") for number in range(garments)],
        (numbers % persons).astype(np.int32),
        (numbers // persons).astype(np.int32),
        None,
    )


def simulate(pairs: Pairs, costs: Costs, workers: int) -> tuple[Counted, float, float]:
    """What is encoded, the hours that so many cores take, and the share of them that they are busy.

    The next task goes to whoever is free first; a task encodes what it is the first to need.
    """
    counted = Counted()
    free = [costs.start] * workers
    busy = 0.0
    for task in tasks(pairs, np.arange(len(pairs)), persons_held(pairs)):
        persons, garments = counted.count(task, pairs.person[task.pairs])
        needs = persons * costs.person + garments * costs.garment + len(task.pairs) * costs.look
        heapq.heapreplace(free, free[0] + needs)
        busy += needs
    return counted, max(free) / 3.6e6, busy / (max(free) * workers)


def plan_list(pairs: Pairs) -> dict[str, float]:
    """Microseconds a pair that a run costs the machine that leads it, all but the looks: `run_batch` itself.

    Its workers answer at once, with looks that are not there. Beside it the bytes of journal and results.
    """

    def at_once(work: Iterator[Work], persons: list[str], config: BatchConfig) -> Iterator[list[Result]]:
        for item in work:
            yield [Result(job.key, job.path, ms=1.0) for job in item.jobs]

    with TemporaryDirectory() as scratch:
        start = time.perf_counter()
        run_batch(pairs, BatchConfig(scratch), at_once, lambda total, before: None, lambda count: None)
        seconds = time.perf_counter() - start
        written = sum(path.stat().st_size for path in Path(scratch).iterdir() if path.is_file())
    return {"leader_us_a_pair": 1e6 * seconds / len(pairs), "journal_bytes_a_pair": written / len(pairs)}


def benchmark_schedule(persons: int, garments: int, machines: list[int], cores: int, costs: Costs) -> dict[str, float]:
    """All of it, for each number of machines of so many cores; `held_mb`: persons of a block, of 192x256."""
    pairs = drawn_list(persons, garments)
    figures: dict[str, float] = {"pairs": len(pairs)}
    for count in machines:
        counted, hours, busy = simulate(pairs, costs, count * cores)
        figures |= {f"hours_{count}": hours, f"busy_{count}": busy}
        figures |= {"tasks": counted.tasks, "persons_encoded": counted.persons, "garments_encoded": counted.garments}
        figures["held_mb"] = counted.held * (3 * HEIGHT * WIDTH + FEATURES_BYTES) / 2**20
    return figures | plan_list(pairs)
