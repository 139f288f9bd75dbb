"""Workers of a Ray cluster: persons are objects of its store, tasks run where there is a core, lost ones run again."""

import logging
import os
import socket
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from fitroom.batch.dress import EncodedPerson, Failure, Job, Output, dress_all, encode_person
from fitroom.batch.journal import Result
from fitroom.batch.run import BatchConfig, Work, Workers
from fitroom.errors import InputError
from fitroom.runtime.openvino import OpenVinoRunner
from fitroom.store import open_weights
from fitroom.tryon import TryOn

# Ray reports its use to its makers unless it is told not to
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
import ray

AHEAD = 3  # tasks that are handed out for each core of the cluster
CONNECT_SECONDS = 10
FOREVER = -1  # a lost task is run again: it writes the same files


@lru_cache(maxsize=1)
def worker(weights: str) -> TryOn:
    """A worker process's own weights, opened once; each has one core."""
    opened = open_weights(weights)
    return TryOn(opened, OpenVinoRunner.from_weights(opened, threads=1))


@ray.remote(max_retries=FOREVER)
def encode(weights: str, name: str) -> EncodedPerson | Failure:
    """A person, into the object store; made again where its node is lost."""
    return encode_person(worker(weights), name)


@ray.remote(max_retries=FOREVER)
def dress(weights: str, garment: tuple[str, str], jobs: list[Job], output: Output, *persons: Any) -> list[Result]:
    """One task, its persons from the object store."""
    return dress_all(worker(weights), garment, list(persons), jobs, output)


def cores() -> int:
    """Cores of the cluster, as it is now."""
    return int(ray.cluster_resources().get("CPU", 1))  # type: ignore[no-untyped-call]


def on_ray(address: str) -> Workers:
    """Workers of the cluster at an address, or "auto". Raises InputError where there is none."""
    try:
        if address != "auto":
            # Ray itself waits for minutes
            host, _, port = address.removeprefix("ray://").rpartition(":")
            socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, ignore_reinit_error=True)
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"--ray {address}: no cluster there ({error}); start one with: ray start --head") from error
    return work_on_ray


def work_on_ray(work: Iterator[Work], persons: list[str], config: BatchConfig) -> Iterator[list[Result]]:
    """See `run.Workers`."""
    running: list[Any] = []
    encoded: dict[int, Any] = {}
    block = -1
    for item in work:
        if item.task.block != block:
            block, encoded = item.task.block, {}
        for number in item.persons:
            if number not in encoded:
                encoded[number] = encode.remote(config.weights, persons[number])
        people = [encoded[number] for number in item.persons]
        running.append(dress.remote(config.weights, item.garment, item.jobs, config.output, *people))
        while len(running) >= AHEAD * max(cores(), 1):
            ended, running = ray.wait(running)
            yield from ray.get(ended)
    while running:
        ended, running = ray.wait(running)
        yield from ray.get(ended)
