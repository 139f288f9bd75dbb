"""What a command costs from the shell: wall time and memory of whole processes."""

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

# Runs a command some times; tells exit code, seconds and peak memory of each. By a small process of its own: the peak
# of a child counts what its parent held when it was forked
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
    """One process, from start to end."""

    seconds: float
    megabytes: float  # most memory held


def run_command(arguments: list[str], repeats: int, cache: Path | None = None) -> list[Run]:
    """Run a command some times, with a cache folder of its own if one is given. Raises CalledProcessError."""
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
    """`fitroom try` of a drawn figure from the shell: the first time ever, then seconds and megabytes of later times.

    The first time graphs are compiled, and kept in the cache, which is empty before. `size` is the height and width of
    both pictures.
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
