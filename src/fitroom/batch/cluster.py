"""Run a batch on a Ray cluster.

Encoded persons and garments lie in Ray's object store. Tasks run wherever a core is free, and lost tasks run again.
"""

import logging
import os
import socket
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from fitroom.batch.dress import Failure, Job, Output, SentPerson, dress_all, encode_garment, encode_person
from fitroom.batch.job import BatchConfig, Work, Workers
from fitroom.batch.journal import Result
from fitroom.errors import InputError
from fitroom.runtime.openvino import OpenVinoRunner
from fitroom.store import open_weights
from fitroom.tryon import EncodedGarment, TryOn

# by default Ray sends usage statistics to its developers
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
import ray

AHEAD = 3  # tasks submitted per core of the cluster
CONNECT_SECONDS = 10
FOREVER = -1  # retries: a lost task can always run again, since it writes the same files


class Names(NamedTuple):
    """Names of the weights that a worker loads; see `job.BatchConfig`."""

    weights: str
    parser: str
    segmenter: str


@lru_cache(maxsize=1)
def worker(names: Names) -> TryOn:
    """Load the weights in a worker process, once per process. A worker uses one core."""
    opened = open_weights(names.weights)
    runner = OpenVinoRunner.from_weights(opened, threads=1)
    return TryOn.of(opened, runner, names.parser, names.segmenter, threads=1)


@ray.remote(max_retries=FOREVER)
def person_object(names: Names, name: str) -> SentPerson | Failure:
    """Encode a person into the object store. Ray repeats this if the node is lost."""
    return encode_person(worker(names), name)


@ray.remote(max_retries=FOREVER)
def garment_object(names: Names, garment: tuple[str, str]) -> EncodedGarment | Failure:
    """Encode a garment into the object store. Ray repeats this if the node is lost."""
    return encode_garment(worker(names), garment)


@ray.remote(max_retries=FOREVER)
def dress(names: Names, garment: Any, jobs: list[Job], output: Output, *persons: Any) -> list[Result]:
    """Run one task. Its garment and persons come from the object store."""
    return dress_all(worker(names), garment, list(persons), jobs, output)


def cores() -> int:
    """Return the current number of cores of the cluster."""
    return int(ray.cluster_resources().get("CPU", 1))  # type: ignore[no-untyped-call]


def on_ray(address: str) -> Workers:
    """Connect to the cluster at an address, or at "auto", and return its workers.

    Raises InputError if there is no cluster.
    """
    try:
        if address != "auto":
            # fail early: Ray itself would wait for minutes
            host, _, port = address.removeprefix("ray://").rpartition(":")
            socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, ignore_reinit_error=True)
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"--ray {address}: no cluster there ({error}); start one with: ray start --head") from error
    return work_on_ray


def work_on_ray(work: Iterator[Work], persons: list[str], config: BatchConfig) -> Iterator[list[Result]]:
    """See `job.Workers`."""
    names = Names(config.weights, config.parser, config.segmenter)
    running: list[Any] = []
    held: dict[int, Any] = {}  # persons of the current block
    block = garment = -1
    worn: Any = None
    for item in work:
        if item.task.block != block:
            held, block, garment = {}, item.task.block, -1
        if item.task.garment != garment:
            worn, garment = garment_object.remote(names, item.garment), item.task.garment
        for number in item.persons:
            if number not in held:
                held[number] = person_object.remote(names, persons[number])
        people = [held[number] for number in item.persons]
        running.append(dress.remote(names, worn, item.jobs, config.output, *people))
        while len(running) >= AHEAD * max(cores(), 1):
            ended, running = ray.wait(running)
            yield from ray.get(ended)
    while running:
        ended, running = ray.wait(running)
        yield from ray.get(ended)
