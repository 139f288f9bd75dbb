"""Check a data folder and report every missing or broken file by name."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fitroom.data.viton import (
    VALUE_COUNT,
    Layout,
    Pair,
    open_layout,
    own_garment,
    read_dense,
    read_grey,
    read_pairs,
    read_pose,
    read_rgb,
)
from fitroom.errors import DataError

Progress = Callable[[list[Pair]], Iterable[Pair]]


@dataclass(frozen=True)
class Report:
    """Result of a check: the lists that were read, the number of their pairs, and one line per problem."""

    lists: tuple[Path, ...]
    pairs: int
    problems: tuple[str, ...]


def pair_lists(layout: Layout) -> list[Path]:
    """Return the paths of all *pairs*.txt files in the data folder, sorted."""
    return sorted(layout.root.glob("*pairs*.txt"))


def listed_pairs(layout: Layout, lists: list[Path]) -> list[Pair]:
    """Return the pairs of all lists, each once.

    Without lists, pair every person with the garment of the same number. Raises DataError when there are no persons
    either.
    """
    if lists:
        return list(dict.fromkeys(pair for path in lists for pair in read_pairs(path)))
    persons = sorted(path.name for path in layout.person.glob("*.jpg"))
    if not persons:
        raise DataError(f"{layout.person}: no .jpg in it, and no pair list in {layout.root}.")
    return [Pair(name, own_garment(name)) for name in persons]


def check_pair(layout: Layout, pair: Pair) -> list[str]:
    """Return the problems found in the files of one pair."""
    problems: list[str] = []

    def attempt(read: Callable[[], np.ndarray]) -> np.ndarray | None:
        try:
            return read()
        except DataError as error:
            problems.append(str(error))
            return None

    person_path, garment_path = layout.person_path(pair.person), layout.garment_path(pair.garment)
    mask_path = layout.garment_mask_path(pair.garment)
    person = attempt(lambda: read_rgb(person_path))
    garment = attempt(lambda: read_rgb(garment_path))
    mask = attempt(lambda: read_grey(mask_path))
    if garment is not None and mask is not None and garment.shape[:2] != mask.shape:
        problems.append(f"{mask_path}: {mask.shape[::-1]} pixels, but its garment has {garment.shape[1::-1]}.")
    if mask is not None and not 0.005 < (mask > 127).mean() < 0.995:
        problems.append(
            f"{mask_path}: {100 * (mask > 127).mean():.1f} % of its pixels are garment; that is not a garment mask."
        )
    if layout.label is not None:
        label_path = layout.label_path(pair.person)
        label = attempt(lambda: read_grey(label_path))
        if label is not None and person is not None and label.shape != person.shape[:2]:
            problems.append(f"{label_path}: {label.shape[::-1]} pixels, but its person has {person.shape[1::-1]}.")
        if label is not None and label.max() >= VALUE_COUNT:
            problems.append(f"{label_path}: label {label.max()}; labels go from 0 to {VALUE_COUNT - 1}.")
    if layout.pose is not None:
        pose_path = layout.pose_path(pair.person)
        attempt(lambda: read_pose(pose_path))
    if layout.dense is not None:
        dense_path = layout.dense_path(pair.person)
        dense = attempt(lambda: read_dense(dense_path))
        if dense is not None and person is not None and dense.shape != person.shape[:2]:
            problems.append(f"{dense_path}: {dense.shape[::-1]} pixels, but its person has {person.shape[1::-1]}.")
    return problems


def check(root: str | Path, progress: Progress = iter) -> Report:  # type: ignore[assignment]
    """Read every file named in the pair lists of a data folder, and report what is missing or broken.

    Raises DataError when the folder has no VITON layout, a pair list is broken, or there are neither lists nor persons.
    """
    layout = open_layout(root)
    lists = pair_lists(layout)
    pairs = listed_pairs(layout, lists)
    problems = [problem for pair in progress(pairs) for problem in check_pair(layout, pair)]
    return Report(tuple(lists), len(pairs), tuple(dict.fromkeys(problems)))
