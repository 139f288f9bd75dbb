"""Dress many pairs. Finished pairs are skipped, failures are recorded, and a killed run can be continued."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fitroom.batch.dress import Job, Output
from fitroom.batch.files import FileNames, digest, is_url, stem_of, sweep
from fitroom.batch.journal import Journal, Result, write_results
from fitroom.batch.pairs import Pairs, need_pyarrow
from fitroom.batch.schedule import Task, tasks
from fitroom.errors import InputError
from fitroom.runtime.interface import PARSER, SEGMENTER
from fitroom.store import DEFAULT
from fitroom.tryon import Size

LOOKS = "looks"  # default folder of the looks, in `BatchConfig.out`
PERSONS_MB = 512  # memory for the persons of a block
FEATURES_BYTES = 10**6  # of an encoded person, without the photo
UNKNOWN_PIXELS = 4 * 10**6  # assumed for a photo whose header is not read
NOTED = 20  # failures listed in a summary


@dataclass(frozen=True)
class BatchConfig:
    """Settings of a run."""

    out: str  # folder of the journal, the results and, by default, the looks
    looks: str = ""  # folder or URL of the looks; "": LOOKS in `out`
    weights: str = DEFAULT
    parser: str = PARSER  # weights that find persons in photos, or "none"
    segmenter: str = SEGMENTER  # how garments are separated from backgrounds that are not a studio's, see `TryOn.load`
    format: Literal["png", "webp", "jpg"] = "png"
    size: Size = "photo"
    workers: int = 0  # threads; 0: the number that OpenVINO recommends

    @property
    def output(self) -> Output:
        """Return where looks are written, and in which size."""
        return Output(self.looks or str(Path(self.out) / LOOKS), self.size)


@dataclass(frozen=True)
class Work:
    """A task with everything that a worker needs."""

    task: Task
    garment: tuple[str, str]
    persons: list[int]  # indices in `Pairs.persons`
    jobs: list[Job]


class Workers(Protocol):
    """A function that runs tasks on threads or on a cluster."""

    def __call__(self, work: Iterator[Work], persons: list[str], config: BatchConfig) -> Iterator[list[Result]]:
        """Yield the results of tasks as they finish."""
        ...


@dataclass(frozen=True)
class Summary:
    """The outcome of a run."""

    pairs: int
    before: int  # pairs that needed no work: they had a look already, or repeat an earlier pair
    done: int
    failed: int
    failures: list[tuple[str, str]]  # pair and reason, at most NOTED
    results: Path


def run_batch(
    pairs: Pairs,
    config: BatchConfig,
    workers: Workers,
    begun: Callable[[int, int], None],
    advance: Callable[[int], None],
) -> Summary:
    """Dress the pairs that have no look yet.

    `begun` is called with the number of pairs and how many of them are done already, `advance` with the number of
    pairs that have finished since. Raises OutputError if nothing can be written any more: the journal has the finished
    pairs, and the next run continues there. Raises InputError if `config.out` is a URL.
    """
    need_pyarrow()
    if is_url(config.out):
        raise InputError(
            f"{config.out}: the journal and the results need a local folder; give the URL with --looks instead."
        )
    keys = np.fromiter((pairs.row(number).key for number in range(len(pairs))), np.uint64, len(pairs))
    doubled = doubled_ids(pairs, keys)
    journal = Journal(Path(config.out))
    journal.add([Result(int(keys[number]), code="doubled-id", error=reason) for number, reason in doubled.items()])
    finished = np.isin(keys, journal.finished())
    sorted_keys, firsts = np.unique(keys, return_index=True)
    todo = np.setdiff1d(firsts[~finished[firsts]], np.fromiter(doubled, np.int64, len(doubled)))
    names = look_names(pairs, config)
    sweep(config.output.root)
    before = len(pairs) - len(todo) - len(doubled)
    begun(len(pairs), before)
    done, failed, failures = 0, len(doubled), [(pairs.row(number).id, reason) for number, reason in doubled.items()]
    planned = (work_of(pairs, task, keys, names) for task in tasks(pairs, todo, persons_held(pairs)))
    try:
        for results in workers(planned, pairs.persons, config):
            journal.add(results)
            for result in results:
                done += bool(result.path)
                failed += not result.path
                if not result.path and len(failures) < NOTED:
                    row = pairs.row(int(firsts[np.searchsorted(sorted_keys, np.uint64(result.key))]))
                    failures.append((row.id or f"{row.person} in {row.garment}", result.error))
            advance(len(results))
    finally:
        journal.close()
        sweep(config.output.root)
    return Summary(len(pairs), before, done, failed, failures[:NOTED], write_results(journal, pairs, keys))


def work_of(pairs: Pairs, task: Task, keys: NDArray[np.uint64], names: Callable[[int], str]) -> Work:
    """Complete a task with its files and keys."""
    persons = [int(person) for person in np.unique(pairs.person[task.pairs])]
    place = {person: number for number, person in enumerate(persons)}
    jobs = [Job(int(keys[n]), place[int(pairs.person[n])], names(int(n))) for n in task.pairs]
    return Work(task, pairs.garments[task.garment], persons, jobs)


def doubled_ids(pairs: Pairs, keys: NDArray[np.uint64]) -> dict[int, str]:
    """Return the pairs whose id belongs to an earlier, different pair, with an error message.

    Repeating the same pair is allowed.
    """
    if pairs.ids is None:
        return {}
    marks = np.fromiter((int.from_bytes(digest(name, 8)) for name in pairs.ids), np.uint64, len(pairs))
    _, firsts, group = np.unique(marks, return_index=True, return_inverse=True)
    others = np.flatnonzero(keys[firsts[group]] != keys)
    named = ((int(number), pairs.ids[int(number)]) for number in others)
    return {
        n: f"id {name}: an earlier pair of the list has the same id; ids must be unique." for n, name in named if name
    }


def look_names(pairs: Pairs, config: BatchConfig) -> Callable[[int], str]:
    """Return a function from a pair's number to its look's path: PERSON/GARMENT, or PERSON/ID if the list has ids."""
    people = FileNames([stem_of(person) for person in pairs.persons], lambda number: pairs.persons[number])
    folders = [people[number] for number in range(len(pairs.persons))]
    garments, ids = pairs.garments, pairs.ids
    if ids is None:
        worn = FileNames([stem_of(garment) for garment, _ in garments], lambda number: "".join(garments[number]))
        files = [worn[number] for number in range(len(garments))]
        return lambda number: f"{folders[pairs.person[number]]}/{files[pairs.garment[number]]}.{config.format}"
    named = FileNames(ids, lambda number: f"{ids[number]}\0{number}")
    return lambda number: f"{folders[pairs.person[number]]}/{named[number]}.{config.format}"


def persons_held(pairs: Pairs) -> int:
    """Return how many persons fit into a block's memory, if all photos are as large as the largest."""
    largest = max((pixels_of(name) for name in pairs.persons), default=0)
    return max(PERSONS_MB * 2**20 // (3 * largest + FEATURES_BYTES), 1)


def pixels_of(name: str) -> int:
    """Return the pixels of a photo according to its header, 0 if that can't be read, UNKNOWN_PIXELS for a URL."""
    if is_url(name):
        return UNKNOWN_PIXELS
    try:
        with Image.open(name) as opened:
            return opened.width * opened.height
    except Exception:  # the error is reported when the photo is decoded
        return 0
