"""Time one look with new or already encoded inputs, with files and with large pictures, and time batches."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from fitroom.arrays import Picture
from fitroom.demo import read_sample, sample_names
from fitroom.hardware import Spread, time_ms
from fitroom.photo.encode import save_picture
from fitroom.photo.frames import person_frame, shrink
from fitroom.tryon import TryOn

LARGE = (4608, 3456)  # height and width of 16 megapixels


def sample_pictures(height: int, width: int) -> tuple[Picture, Picture]:
    """Return a drawn person and a drawn garment (height, width, 3)."""
    persons, garments = sample_names()
    picture = read_sample(persons[0])
    frame = person_frame(picture.shape[1], picture.shape[0])
    framed = picture[frame.top : frame.top + frame.height, frame.left : frame.left + frame.width]
    return shrink(framed, height, width), shrink(read_sample(garments[0]), height, width)


def time_looks(tryon: TryOn, repeats: int) -> dict[str, Spread]:
    """Time one look of a drawn figure at the network's size, from arrays to an array, in milliseconds.

    look_new: person and garment are new. look_person_known, look_garment_known, look_both_known: encoded before.
    look_files: both are new, read from JPEG files, and the look is written as PNG. look_large: both are new and have
    16 megapixels. person, garment: encoding alone, including the garment mask.
    """
    manifest = tryon.weights.manifest
    photo, garment = sample_pictures(manifest.height, manifest.width)
    person = tryon.person(photo)

    def forget_garments() -> None:
        tryon.garments.clear()

    def new_look() -> None:
        forget_garments()
        tryon(photo, garment)

    def new_garment_worn() -> None:
        forget_garments()
        person.wear(garment)

    def new_garment() -> None:
        forget_garments()
        tryon.garment(garment)

    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        save_picture(photo, folder / "person.jpg")
        save_picture(garment, folder / "garment.jpg")

        def files() -> None:
            forget_garments()
            tryon(folder / "person.jpg", folder / "garment.jpg").save(folder / "look.png")

        with_files = time_ms(files, repeats)
    timings = {
        "look_new": time_ms(new_look, repeats),
        "look_person_known": time_ms(new_garment_worn, repeats),
        "person": time_ms(lambda: tryon.person(photo), repeats),
        "garment": time_ms(new_garment, repeats),
    }
    timings["look_large"] = time_large(tryon, max(repeats // 10, 2))
    tryon.garment(garment)
    return timings | {
        "look_garment_known": time_ms(lambda: tryon(photo, garment), repeats),
        "look_both_known": time_ms(lambda: person.wear(garment), repeats),
        "look_files": with_files,
    }


def time_large(tryon: TryOn, repeats: int) -> Spread:
    """Time a look of two new arrays of 16 megapixels, in milliseconds."""
    photo, garment = sample_pictures(*LARGE)

    def large_look() -> None:
        tryon.garments.clear()
        tryon(photo, garment)

    return time_ms(large_look, repeats)


def time_batch(tryon: TryOn, threads: int, looks: int, rounds: int) -> Spread:
    """Measure looks per second of `looks` jobs with new persons and garments on `threads` threads, over `rounds`."""
    photo, garment = sample_pictures(tryon.weights.manifest.height, tryon.weights.manifest.width)
    # different bytes each, so that no garment is found in the cache
    garments = [np.where(garment < 250, garment ^ np.uint8(number % 8), garment) for number in range(looks)]
    per_second = []
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda worn: tryon(photo, worn), garments[: 2 * threads]))
        for _ in range(rounds):
            tryon.garments.clear()
            start = time.perf_counter()
            list(pool.map(lambda worn: tryon(photo, worn), garments))
            per_second.append(looks / (time.perf_counter() - start))
    return Spread.of(per_second)
