"""Draws the demo: shipped persons dressed in shipped garments, as one picture."""

from collections.abc import Callable, Iterable
from importlib.resources import files

import numpy as np

from fitroom.arrays import Picture
from fitroom.photo import decode, frames
from fitroom.tryon import TryOn

SAMPLES = files("fitroom") / "samples"
CELL_HEIGHT, CELL_WIDTH = 384, 288
Pairs = list[tuple[str, str]]


def sample_names() -> tuple[list[str], list[str]]:
    """Return the names of the shipped persons and of the shipped garments."""
    names = sorted(entry.name for entry in SAMPLES.iterdir() if entry.name.endswith(".jpg"))
    return [n for n in names if n.startswith("person")], [n for n in names if n.startswith("garment")]


def read_sample(name: str) -> Picture:
    """Read a shipped picture, uint8 (H, W, 3) RGB."""
    return decode.read((SAMPLES / name).read_bytes(), name)


def draw_grid(
    tryon: TryOn, persons: list[str], garments: list[str], progress: Callable[[Pairs], Iterable[tuple[str, str]]] = iter
) -> Picture:
    """Dress each person in each garment and draw the looks as a grid, uint8 (H, W, 3).

    Garments are in the top row, persons in the left column. Each cell is CELL_HEIGHT x CELL_WIDTH pixels.
    """
    people = {name: tryon.person(read_sample(name)) for name in persons}
    clothes = {name: read_sample(name) for name in garments}
    pairs = [(person, garment) for person in persons for garment in garments]
    looks = {pair: people[pair[0]].wear(clothes[pair[1]]).image for pair in progress(pairs)}

    def cell(picture: Picture) -> Picture:
        framed = frames.cut(picture, frames.garment_frame(picture.shape[1], picture.shape[0]), (255, 255, 255))
        return frames.shrink(framed, CELL_HEIGHT, CELL_WIDTH)

    rows = [np.hstack([np.full((CELL_HEIGHT, CELL_WIDTH, 3), 255, np.uint8), *(cell(clothes[g]) for g in garments)])]
    rows += [np.hstack([cell(people[p].photo), *(cell(looks[p, g]) for g in garments)]) for p in persons]
    return np.vstack(rows)
