"""Workers of this machine: threads of one process, each with a stream of the graphs' own."""

import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

import cv2

from fitroom.batch.dress import EncodedPerson, Failure, dress_all, encode_person
from fitroom.batch.journal import Result
from fitroom.batch.run import BatchConfig, Work
from fitroom.runtime.openvino import OpenVinoRunner
from fitroom.store import open_weights
from fitroom.tryon import TryOn

AHEAD = 3  # tasks that are handed out for each thread


class Block:
    """The persons of a block, each encoded once, by whichever thread needs it first."""

    def __init__(self, tryon: TryOn, names: list[str]) -> None:
        self.tryon, self.names = tryon, names
        self.lock = threading.Lock()
        self.encoding: dict[int, Future[EncodedPerson | Failure]] = {}

    def person(self, number: int) -> EncodedPerson | Failure:
        """A person, encoded."""
        with self.lock:
            known = number in self.encoding
            future = self.encoding.setdefault(number, Future())
        if not known:
            future.set_result(encode_person(self.tryon, self.names[number]))
        return future.result()


def on_threads(work: Iterator[Work], persons: list[str], config: BatchConfig) -> Iterator[list[Result]]:
    """See `run.Workers`."""
    weights = open_weights(config.weights)
    runner = OpenVinoRunner.from_weights(weights, "throughput", config.workers)
    tryon = TryOn(weights, runner)
    threads = config.workers or runner.streams
    before, output = cv2.getNumThreads(), config.output
    # each thread has a core of its own; OpenCV's would fight over them
    cv2.setNumThreads(1)

    def do(item: Work, block: Block) -> list[Result]:
        people = [block.person(number) for number in item.persons]
        return dress_all(tryon, item.garment, people, item.jobs, output)

    pool, running = ThreadPoolExecutor(threads), set[Future[list[Result]]]()
    block, number = Block(tryon, persons), -1
    try:
        for item in work:
            if item.task.block != number:
                block, number = Block(tryon, persons), item.task.block
            running.add(pool.submit(do, item, block))
            if len(running) >= AHEAD * threads:
                ended, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in ended)
        while running:
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in ended)
    finally:
        pool.shutdown(cancel_futures=True)
        cv2.setNumThreads(before)
