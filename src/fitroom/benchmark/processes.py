"""Measure wall time and peak memory of commands as whole processes."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from fitroom.arrays import HEIGHT, WIDTH
from fitroom.benchmark.looks import sample_pictures
from fitroom.hardware import Spread
from fitroom.photo.encode import save_picture

# Runs a command several times and prints exit code, seconds and peak memory of each run. It is a small process of its
# own, because a child's peak memory includes what its parent held at the fork.
WATCHER = """
import json, os, subprocess, sys, time
found = []
for _ in range(int(sys.argv[1])):
    start = time.perf_counter()
    process = subprocess.Popen(sys.argv[2:], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    found.append((os.waitstatus_to_exitcode(status), time.perf_counter() - start, usage.ru_maxrss))
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Run:
    """Measurements of one process from start to end."""

    seconds: float
    megabytes: float  # peak memory


def run_command(arguments: list[str], repeats: int, cache: Path | None = None) -> list[Run]:
    """Run a command `repeats` times, with `cache` as its cache folder if given. Raises CalledProcessError."""
    watcher = [sys.executable, "-S", "-c", WATCHER, str(repeats), *arguments]
    environment = os.environ | ({} if cache is None else {"XDG_CACHE_HOME": str(cache)})
    found = json.loads(subprocess.run(watcher, stdout=subprocess.PIPE, check=True, env=environment).stdout)
    # Linux counts kilobytes, macOS bytes
    unit = 1e6 if sys.platform == "darwin" else 1e6 / 1024
    for code, _, _ in found:
        if code:
            raise subprocess.CalledProcessError(code, arguments)
    return [Run(seconds, peak / unit) for _, seconds, peak in found]


def time_try(weights: str, repeats: int, size: tuple[int, int] = (HEIGHT, WIDTH)) -> tuple[Run, Spread, Spread]:
    """Time `fitroom try` of a drawn figure: the first run, then seconds and peak megabytes of the later runs.

    The first run starts with an empty cache; it compiles the graphs and stores them there. `size` is the height and
    width of both pictures.
    """
    photo, garment = sample_pictures(*size)
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        save_picture(photo, folder / "person.jpg")
        save_picture(garment, folder / "garment.jpg")
        pictures = [str(folder / name) for name in ("person.jpg", "garment.jpg")]
        arguments = [sys.executable, "-m", "fitroom", "try", *pictures, "-o", str(folder / "look.png")]
        first, *later = run_command([*arguments, "--weights", weights], repeats + 1, folder / "cache")
    return first, Spread.of([run.seconds for run in later]), Spread.of([run.megabytes for run in later])
