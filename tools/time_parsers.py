"""Time parsers in alternation on one picture: tools/time_parsers.py WEIGHTS WEIGHTS ... from the project's root.

Prints the median milliseconds of each, and its ratio to the first one's.
"""

import sys
import time

import numpy as np

from fitroom.demo import SAMPLES
from fitroom.photo.decode import read
from fitroom.photo.frames import shrink
from fitroom.tryon import open_parser

WARM_UP, REPEATS = 20, 400


def main(*names: str) -> None:
    picture = shrink(read(SAMPLES / "person-1.jpg"))
    parsers = {name: open_parser(name) for name in names}
    times: dict[str, list[float]] = {name: [] for name in names}
    for repeat in range(WARM_UP + REPEATS):
        for name, parser in parsers.items():
            start = time.perf_counter()
            parser.parse(picture)
            if repeat >= WARM_UP:
                times[name].append(1000 * (time.perf_counter() - start))
    first = float(np.median(times[names[0]]))
    for name in names:
        median = float(np.median(times[name]))
        print(f"{name}: {median:.2f} ms, {median / first:.2f} times the first")


if __name__ == "__main__":
    main(*sys.argv[1:])
