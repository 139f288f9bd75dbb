"""Simulate a run over a catalogue without pictures: encodings, memory, machine hours, and the cost of the list."""

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
    """Milliseconds on one core."""

    person: float
    garment: float
    look: float  # dressing and writing
    start: float = 1000.0  # of a worker: opening the weights


@dataclass
class Counted:
    """Counts of a simulated run."""

    persons: int = 0  # encoded
    garments: int = 0
    tasks: int = 0
    held: int = 0  # largest number of persons in memory
    block: int = -1
    garment: int = -1
    people: set[int] = field(default_factory=set)

    def count(self, task: Task, persons: NDArray[np.int32]) -> tuple[int, int]:
        """Count a task. Return how many persons and garments it has to encode."""
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
    """Pair every person with every garment. The files don't exist."""
    numbers = np.arange(persons * garments)
    return Pairs(
        [f"persons/{number:06}.jpg" for number in range(persons)],
        [(f"garments/{number:06}.jpg", "") for number in range(garments)],
        (numbers % persons).astype(np.int32),
        (numbers // persons).astype(np.int32),
        None,
    )


def simulate(pairs: Pairs, costs: Costs, workers: int) -> tuple[Counted, float, float]:
    """Simulate a run on `workers` cores. Return its counts, its hours, and the share of them in which cores are busy.

    The next task goes to the core that is free first. A task encodes what no earlier task of its block has encoded.
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
    """Measure what `run_batch` itself costs, without the looks: microseconds per pair on the leading machine.

    Workers that return results at once, without looks, take the place of the real ones. Also return the bytes per pair
    of the journal and results.
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
    """Run `simulate` for each number of machines with `cores` cores each, and `plan_list`. Return their figures.

    `held_mb` is the memory in MiB of the persons of a block, with photos of 192x256.
    """
    pairs = drawn_list(persons, garments)
    figures: dict[str, float] = {"pairs": len(pairs)}
    for count in machines:
        counted, hours, busy = simulate(pairs, costs, count * cores)
        figures |= {f"hours_{count}": hours, f"busy_{count}": busy}
        figures |= {"tasks": counted.tasks, "persons_encoded": counted.persons, "garments_encoded": counted.garments}
        figures["held_mb"] = counted.held * (3 * HEIGHT * WIDTH + FEATURES_BYTES) / 2**20
    return figures | plan_list(pairs)
