"""Compare the throughput of `fitroom batch` with that of the library in threads and of several processes."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2

from fitroom.benchmark.processes import run_command
from fitroom.data.pack import open_reader
from fitroom.data.synthetic import samples
from fitroom.photo.encode import save_picture
from fitroom.runtime.openvino import OpenVinoRunner
from fitroom.store import open_weights
from fitroom.tryon import TryOn

PART = 4  # the runs that the command is compared with use one in PART garments
VALIDATION_LIST = "val_pairs_unpaired.txt"


def benchmark_catalogue(weights: str, count: int, data: str | None, notify: Callable[[str], None]) -> dict[str, float]:
    """Measure looks per second of `count` persons in `count` garments, half of them from `data` if given.

    library_before, library_after: the library before and after the command; it encodes every picture once, dresses on
    as many threads as its runner has streams, and writes PNG files. library_unwritten: the same without files. batch:
    the command from start to end. batch_mb: its peak memory in MB. batch_share: batch divided by the mean of
    library_before and library_after. processes: one command per core, bound to it, with a part of the garments each.
    The library and the processes use one in PART garments. Raises DataError.
    """
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        make_shop(folder, count, data)
        opened = open_weights(weights)
        runner = OpenVinoRunner.from_weights(opened, mode="throughput")
        tryon = TryOn(opened, runner)
        figures: dict[str, float] = {}

        def measure(name: str, value: float) -> None:
            figures[name] = value
            notify(f"{name} {value:.1f}")

        measure("library_before", library(tryon, runner.streams, folder, write=True))
        measure("library_unwritten", library(tryon, runner.streams, folder, write=False))
        run = run_command([*command(weights), *folders(folder, "garments"), "--out", str(folder / "out")], 1)[0]
        measure("batch", count * count / run.seconds)
        measure("batch_mb", run.megabytes)
        measure("library_after", library(tryon, runner.streams, folder, write=True))
        measure("processes", processes(weights, folder))
        figures["batch_share"] = figures["batch"] / ((figures["library_before"] + figures["library_after"]) / 2)
        return figures


def make_shop(folder: Path, count: int, data: str | None) -> None:
    """Write folders of drawn persons and garments, and link parts of the garments in a folder per core.

    If `data` is given, every second picture is from its validation list.
    """
    for name in ("persons", "garments", *(f"part{number}" for number in range(cores()))):
        (folder / name).mkdir()
    pictures = [(sample.photo.image, sample.garment) for sample in samples(count, seed=7)]
    if data is not None:
        reader = open_reader(data)
        for number, pair in enumerate(reader.pairs(VALIDATION_LIST).pairs[: (count + 1) // 2]):
            pictures[2 * number] = reader.photo(pair.person), reader.garment(pair.garment)
    for number, (photo, garment) in enumerate(pictures):
        save_picture(photo, folder / "persons" / f"{number:03}.png")
        save_picture(garment, folder / "garments" / f"{number:03}.jpg")
        if number % PART == 0:
            part = folder / f"part{number // PART % cores()}"
            (part / f"{number:03}.jpg").symlink_to(folder / "garments" / f"{number:03}.jpg")


def library(tryon: TryOn, threads: int, folder: Path, write: bool) -> float:
    """Measure looks per second of the library on one in PART garments."""
    people = sorted((folder / "persons").iterdir())
    garments = sorted((folder / "garments").iterdir())[::PART]
    tryon.garments.clear()
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    with TemporaryDirectory(dir=folder) as scratch, ThreadPoolExecutor(threads) as pool:
        start = time.perf_counter()
        persons = list(pool.map(tryon.person, people))

        def dress(garment: Path) -> None:
            worn = tryon.garment(garment)
            for person, name in zip(persons, people, strict=True):
                look = person.wear(worn)
                if write:
                    look.save(Path(scratch) / f"{name.stem}_{garment.stem}.png")

        list(pool.map(dress, garments))
        seconds = time.perf_counter() - start
    cv2.setNumThreads(before)
    return len(people) * len(garments) / seconds


def processes(weights: str, folder: Path) -> float:
    """Measure looks per second of one command per core on the parts, from the first start to the last end."""
    start = time.perf_counter()
    running = [
        subprocess.Popen(
            [*command(weights), *folders(folder, f"part{core}"), "--out", str(folder / f"out{core}"), "--workers", "1"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=lambda core=core: bind(core),  # type: ignore[misc]
        )
        for core in range(cores())
    ]
    for process in running:
        if process.wait():
            raise subprocess.CalledProcessError(process.returncode, process.args)
    seconds = time.perf_counter() - start
    garments = sum(len(list((folder / f"part{core}").iterdir())) for core in range(cores()))
    return len(list((folder / "persons").iterdir())) * garments / seconds


def bind(core: int) -> None:
    """Bind this process to one of the cores that it may use."""
    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[core]})


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0))


def command(weights: str) -> list[str]:
    """Return the start of a `fitroom batch` command line."""
    return [sys.executable, "-m", "fitroom", "batch", "--weights", weights]


def folders(folder: Path, garments: str) -> list[str]:
    """Return the options of `fitroom batch` for persons and garments."""
    return ["--persons", str(folder / "persons"), "--garments", str(folder / garments)]
