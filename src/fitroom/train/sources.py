"""Training pictures in memory: decoded once, fakes rendered once, kept as arrays in a cache folder."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fitroom.data import limbs
from fitroom.data.figure import photograph
from fitroom.data.garment_art import lay_out, shop_picture
from fitroom.data.limbs import Skeleton
from fitroom.data.synthetic import random_outfit
from fitroom.data.viton import GARMENT, Layout, Pair, open_layout, read_grey, read_pairs, read_pose, read_rgb
from fitroom.errors import DataError
from fitroom.images import fill_holes
from fitroom.train.fakes import Subject, paste_garment, pose_distance

Array = NDArray[np.uint8]
Progress = Callable[[Iterable[Any], int], Iterable[Any]]

PARTS = ("photo", "garment", "garment_mask", "worn")


@dataclass(frozen=True)
class SourceConfig:
    """Which fakes are made."""

    variants: int = 2  # fakes of every person
    candidates: int = 10  # donors of which the one in the nearest pose is taken
    narrowest: float = 45.0  # shoulder width in pixels; narrower persons stand sideways and are left out
    figures: int = 300  # synthetic figures, each drawn in three garments; 0 for none
    seed: int = 1


@dataclass(frozen=True)
class Source:
    """Decoded pictures, one row a sample, uint8: (n, H, W, 3), and masks (n, H, W); `fakes` has an array a variant."""

    photo: Array
    garment: Array
    garment_mask: Array
    worn: Array
    fakes: tuple[Array, ...]

    def __len__(self) -> int:
        return len(self.photo)


def quiet(items: Iterable[Any], total: int) -> Iterable[Any]:
    """No progress shown."""
    return items


@contextmanager
def spread(work: Callable[[int], Any], count: int, processes: int) -> Iterator[Iterable[Any]]:
    """Results of work(0) ... work(count - 1), in any order, from several processes, or from this one alone."""
    if processes <= 1:
        yield map(work, range(count))
        return
    # spawned, not forked: a fork of a process whose libraries run threads can wait for ever
    with get_context("spawn").Pool(processes) as pool:
        yield pool.imap_unordered(work, range(count), chunksize=8)


def open_cache(
    folder: Path, key: dict[str, object], shape: tuple[int, int, int], variants: int
) -> tuple[dict[str, Array], bool]:
    """Arrays of a cache folder by name, and whether they are complete for this key; else they are new and empty."""
    marker = folder / "complete.json"
    complete = marker.is_file() and json.loads(marker.read_text()) == key
    if not complete:
        folder.mkdir(parents=True, exist_ok=True)
        marker.unlink(missing_ok=True)
    names = [*PARTS, *(f"fake{variant}" for variant in range(variants))]
    arrays: dict[str, Array] = {}
    for name in names:
        size = shape if name in ("garment_mask", "worn") else (*shape, 3)
        path = folder / f"{name}.npy"
        if complete:
            arrays[name] = np.load(path, mmap_mode="r")
        else:
            arrays[name] = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=size)
    return arrays, complete


def to_source(arrays: dict[str, Array]) -> Source:
    """The arrays of a cache as a source."""
    fakes = tuple(array for name, array in arrays.items() if name.startswith("fake"))
    return Source(arrays["photo"], arrays["garment"], arrays["garment_mask"], arrays["worn"], fakes)


@dataclass(frozen=True)
class Candidate:
    """A pair whose person can be dressed by bones."""

    pair: Pair
    skeleton: Skeleton


def find_candidates(layout: Layout, pairs: list[Pair], narrowest: float) -> list[Candidate]:
    """The pairs whose person faces the camera with both shoulders known."""
    found = []
    for pair in pairs:
        skeleton = limbs.complete(read_pose(layout.pose_path(pair.person)))
        if skeleton is not None and skeleton.shoulder_width >= narrowest:
            found.append(Candidate(pair, skeleton))
    return found


def read_subject(layout: Layout, candidate: Candidate) -> Subject:
    """A person with its parsing and skeleton."""
    name = candidate.pair.person
    return Subject(read_rgb(layout.person_path(name)), read_grey(layout.label_path(name)), candidate.skeleton)


def render_fakes(
    index: int, layout: Layout, candidates: list[Candidate], config: SourceConfig
) -> tuple[int, Subject, list[Array]]:
    """A person and its fakes: of some random other persons, the one in the pose most like it gives the garment."""
    cv2.setNumThreads(1)
    subject = read_subject(layout, candidates[index])
    others = [other for other in range(len(candidates)) if other != index]
    fakes = []
    for variant in range(config.variants):
        rng = np.random.default_rng([config.seed, index, variant])
        drawn = rng.choice(others, min(config.candidates, len(others)), replace=False)
        donor = min(drawn, key=lambda other: pose_distance(subject.skeleton, candidates[other].skeleton))
        fakes.append(paste_garment(subject, read_subject(layout, candidates[donor]), rng))
    return index, subject, fakes


def viton_source(
    data: str | Path, pairs: str | Path, cache: Path, config: SourceConfig, processes: int, progress: Progress = quiet
) -> Source:
    """Decode the pairs of a VITON training layout and render their fakes, or take both from the cache.

    All pictures must have the size of the first. Raises DataError where a file is missing, broken or of another size.
    """
    layout = open_layout(data)
    candidates = find_candidates(layout, read_pairs(pairs), config.narrowest)
    if len(candidates) < 2:
        raise DataError(f"{pairs}: {len(candidates)} persons that face the camera; fakes need at least two.")
    height, width = read_rgb(layout.person_path(candidates[0].pair.person)).shape[:2]
    names = "\n".join(f"{candidate.pair.person} {candidate.pair.garment}" for candidate in candidates)
    key = {"list": hashlib.sha256(names.encode()).hexdigest(), **asdict(config)}
    arrays, complete = open_cache(cache, key, (len(candidates), height, width), config.variants)
    if complete:
        return to_source(arrays)
    render = partial(render_fakes, layout=layout, candidates=candidates, config=config)
    with spread(render, len(candidates), processes) as rendered:
        for index, subject, fakes in progress(rendered, len(candidates)):
            pair = candidates[index].pair
            parts = {
                "photo": subject.image,
                "garment": read_rgb(layout.garment_path(pair.garment)),
                "garment_mask": fill_holes(read_grey(layout.garment_mask_path(pair.garment))),
                "worn": np.where(subject.label == GARMENT, 255, 0),
            }
            for name, picture in parts.items():
                if picture.shape[:2] != (height, width):
                    raise DataError(f"{pair.person} {pair.garment}: {name} is not of {width} x {height} pixels.")
                arrays[name][index] = picture
            for variant, fake in enumerate(fakes):
                arrays[f"fake{variant}"][index] = fake
    (cache / "complete.json").write_text(json.dumps(key))
    return to_source(arrays)


def draw_figure(index: int, seed: int, height: int, width: int) -> tuple[int, list[tuple[Array, Array, Array, Array]]]:
    """One figure in three garments: photo, garment, garment mask and where it is worn, of each."""
    cv2.setNumThreads(1)
    figure, _ = random_outfit(seed, index)
    rows = []
    for garment in range(3):
        flat = lay_out(random_outfit(seed, 3 * index + garment)[1], height, width)
        photo = photograph(figure, flat, height, width)
        worn = np.where(photo.label == GARMENT, 255, 0).astype(np.uint8)
        rows.append((photo.image, *shop_picture(flat), worn))
    return index, rows


def synthetic_source(
    size: tuple[int, int], cache: Path, config: SourceConfig, processes: int, progress: Progress = quiet
) -> Source:
    """Figures drawn in three garments each; the fakes of one picture are the figure's two other ones: exact truth."""
    key: dict[str, object] = {"figures": config.figures, "seed": config.seed, "size": list(size)}
    arrays, complete = open_cache(cache, key, (3 * config.figures, *size), 2)
    if complete:
        return to_source(arrays)
    # far from the seeds that demo and tests draw from
    draw = partial(draw_figure, seed=1000 + config.seed, height=size[0], width=size[1])
    with spread(draw, config.figures, processes) as drawn:
        for index, rows in progress(drawn, config.figures):
            for garment, (photo, flat, mask, worn) in enumerate(rows):
                row = 3 * index + garment
                for name, picture in zip(PARTS, (photo, flat, mask, worn), strict=True):
                    arrays[name][row] = picture
                for variant in range(2):
                    arrays[f"fake{variant}"][3 * index + (garment + 1 + variant) % 3] = photo
    (cache / "complete.json").write_text(json.dumps(key))
    return to_source(arrays)
