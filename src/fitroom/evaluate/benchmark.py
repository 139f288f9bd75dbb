"""Timing the path of one look, arrays in, array out."""

import time
from collections.abc import Callable
from statistics import median
from typing import Any

from fitroom.demo import read_sample, sample_names
from fitroom.images import person_frame, shrink
from fitroom.tryon import TryOn

WARM_UP = 5


def median_ms(work: Callable[[], Any], repeats: int) -> float:
    """Median time of a call in milliseconds, after a few that do not count."""
    for _ in range(WARM_UP):
        work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1000 * median(times)


def benchmark(tryon: TryOn, repeats: int = 50) -> dict[str, float]:
    """Median milliseconds of one look at 256x192 on a drawn figure, whole and in its steps.

    look_new: person and garment both unseen. look_person_known: the person encoded before, the garment unseen.
    look_both_known: both encoded before. person, garment: encoding alone, reading and masking included.
    """
    persons, garments = sample_names()
    picture = read_sample(persons[0])
    frame = person_frame(picture.shape[1], picture.shape[0])
    photo = shrink(picture[frame.top : frame.top + frame.height, frame.left : frame.left + frame.width])
    garment = shrink(read_sample(garments[0]))
    person = tryon.person(photo)

    def new_look() -> None:
        tryon.garments.clear()
        tryon(photo, garment)

    def new_garment_worn() -> None:
        tryon.garments.clear()
        person.wear(garment)

    def new_garment() -> None:
        tryon.garments.clear()
        tryon.garment(garment)

    return {
        "look_new": median_ms(new_look, repeats),
        "look_person_known": median_ms(new_garment_worn, repeats),
        "look_both_known": median_ms(lambda: person.wear(garment), repeats),
        "person": median_ms(lambda: tryon.person(photo), repeats),
        "garment": median_ms(new_garment, repeats),
    }
