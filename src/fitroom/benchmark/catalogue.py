"""`fitroom batch` from the shell against the library called by hand, in threads and in processes."""

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

PART = 4  # what is compared with the whole run takes one of so many garments
VALIDATION_LIST = "val_pairs_unpaired.txt"


def benchmark_catalogue(weights: str, count: int, data: str | None, notify: Callable[[str], None]) -> dict[str, float]:
    """Looks a second of `count` persons in `count` garments, half of them from `data` where given, and MB held.

    library: encoded once each, worn on as many threads as the processor runs best, PNG files written, before and after
    the command; library_unwritten: without files; batch: the command, from start to end; processes: as many commands
    as there are cores, each bound to one, with a part of the garments. Raises DataError.
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
    """Folders of persons and garments, every second from the validation list of `data`; the garments also in parts."""
    for name in ("persons", "garments", *(f"part{number}" for number in range(cores()))):
        (folder / name).mkdir()
    pictures = [(sample.photo.image, sample.garment) for sample in samples(count, seed=7)]
    if data is not None:
        reader = open_reader(data)
        pairs = reader.pairs(VALIDATION_LIST).pairs[: count // 2]
        pictures[::2] = [(reader.photo(pair.person), reader.garment(pair.garment)) for pair in pairs]
    for number, (photo, garment) in enumerate(pictures):
        save_picture(photo, folder / "persons" / f"{number:03}.png")
        save_picture(garment, folder / "garments" / f"{number:03}.jpg")
        if number % PART == 0:
            part = folder / f"part{number // PART % cores()}"
            (part / f"{number:03}.jpg").symlink_to(folder / "garments" / f"{number:03}.jpg")


def library(tryon: TryOn, threads: int, folder: Path, write: bool) -> float:
    """Looks a second of the library, on a part of the garments."""
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
    """Looks a second of one command a core, each bound to it, on the parts, from the first start to the last end."""
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
    """Keep this process on one of the cores it may use."""
    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[core]})


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def command(weights: str) -> list[str]:
    """`fitroom batch`, so far."""
    return [sys.executable, "-m", "fitroom", "batch", "--weights", weights]


def folders(folder: Path, garments: str) -> list[str]:
    """Its persons and garments."""
    return ["--persons", str(folder / "persons"), "--garments", str(folder / garments)]
