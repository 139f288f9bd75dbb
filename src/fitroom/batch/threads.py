"""Run a batch on threads of one process. Each thread has its own inference stream."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from typing import Generic, TypeVar

import cv2

from fitroom.batch.dress import Failure, SentPerson, dress_all, encode_garment, encode_person
from fitroom.batch.job import BatchConfig, Work
from fitroom.batch.journal import Result
from fitroom.runtime.openvino import OpenVinoRunner
from fitroom.store import open_weights
from fitroom.tryon import EncodedGarment, TryOn

AHEAD = 3  # tasks submitted per thread
Made = TypeVar("Made")


class Once(Generic[Made]):
    """A value that is computed once, by the first thread that needs it."""

    def __init__(self, make: Callable[[], Made]) -> None:
        self.make, self.lock = make, threading.Lock()
        self.made: list[Made] = []

    def __call__(self) -> Made:
        """Return the value. Other threads wait until it is computed."""
        with self.lock:
            if not self.made:
                self.made.append(self.make())
        return self.made[0]


def on_threads(work: Iterator[Work], persons: list[str], config: BatchConfig) -> Iterator[list[Result]]:
    """See `job.Workers`."""
    weights = open_weights(config.weights)
    runner = OpenVinoRunner.from_weights(weights, "throughput", config.workers)
    tryon = TryOn.of(weights, runner, config.parser, config.segmenter)
    threads = config.workers or runner.streams
    before, output = cv2.getNumThreads(), config.output
    # every thread has its own core; OpenCV's threads would compete for the cores
    cv2.setNumThreads(1)

    def do(
        item: Work, garment: Once[EncodedGarment | Failure], people: list[Once[SentPerson | Failure]]
    ) -> list[Result]:
        return dress_all(tryon, garment(), [person() for person in people], item.jobs, output)

    pool, running = ThreadPoolExecutor(threads), set[Future[list[Result]]]()
    held: dict[int, Once[SentPerson | Failure]] = {}  # persons of the current block
    block = garment = -1
    try:
        for item in work:
            if item.task.block != block:
                held, block, garment = {}, item.task.block, -1
            if item.task.garment != garment:
                worn, garment = Once(partial(encode_garment, tryon, item.garment)), item.task.garment
            for number in item.persons:
                held.setdefault(number, Once(partial(encode_person, tryon, persons[number])))
            running.add(pool.submit(do, item, worn, [held[number] for number in item.persons]))
            if len(running) >= AHEAD * threads:
                ended, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in ended)
        while running:
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in ended)
    finally:
        pool.shutdown(cancel_futures=True)
        cv2.setNumThreads(before)
