"""Measure the labels and key points of a human parser.

Labels are mapped to the groups that a data set distinguishes. A data set that labels the neck as background, for
example, does not count necks as errors. See `data/label_sets.py`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fitroom import body
from fitroom.arrays import Array, Picture
from fitroom.data.label_sets import Groups
from fitroom.photo.parse import Parse

NEAR = 0.25  # error below which a key point counts as found, shoulder widths
CALIBRATION_BINS = 10


class Case(NamedTuple):
    """One photo with its ground truth."""

    name: str
    photo: Picture  # (H, W, 3)
    sets: Picture | None  # (H, W) rows of `label_sets.TABLE`
    points: Array | None  # (18, 3) pixels; confidence above 0 where a point is known


@dataclass(frozen=True)
class ParserFigures:
    """Figures of a parser on some photos."""

    groups: Groups
    confusion: NDArray[np.int64]  # (groups, groups) pixels: rows are true, columns predicted groups
    by_photo: dict[str, list[float]]  # by group: IoU of every photo that shows the group
    points: dict[str, float]  # see `point_figures`; empty if no photo has key points

    def pooled(self) -> dict[str, float]:
        """Compute the IoU of every group that occurs, over the pixels of all photos, 0 to 1."""
        shared = self.confusion.diagonal()
        either = self.confusion.sum(axis=0) + self.confusion.sum(axis=1) - shared
        return {
            name: float(shared[row] / either[row])
            for row, name in enumerate(self.groups.names)
            if self.confusion[row].sum()
        }

    def medians(self) -> dict[str, float]:
        """Compute the median IoU of every group, over the photos that show it."""
        return {name: float(np.median(values)) for name, values in self.by_photo.items()}


def measure_parsing(cases: Iterable[Case], find: Callable[[Picture], Parse], groups: Groups) -> ParserFigures:
    """Measure a parser; `find` returns the parse of a photo (H, W, 3)."""
    count = len(groups.names)
    confusion = np.zeros((count, count), np.int64)
    by_photo: dict[str, list[float]] = {}
    found_points, known_points = [], []
    for case in cases:
        found = find(case.photo)
        if case.sets is not None:
            table = confusion_of(found.labels, case.sets, groups)
            confusion += table
            for row, name in enumerate(groups.names):
                if table[row].sum():
                    either = table[row].sum() + table[:, row].sum() - table[row, row]
                    by_photo.setdefault(name, []).append(float(table[row, row] / either))
        if case.points is not None:
            found_points.append(found.key_points)
            known_points.append(case.points)
    points = point_figures(np.stack(found_points), np.stack(known_points)) if known_points else {}
    return ParserFigures(groups, confusion, by_photo, points)


def confusion_of(labels: Picture, sets: Picture, groups: Groups) -> NDArray[np.int64]:
    """Count pixels, int64 (groups, groups), by true group (rows) and predicted group (columns).

    `labels` (..., H, W) are values of `body.Label`; `sets` are rows of `label_sets.TABLE`, of the same shape.
    """
    count = len(groups.names)
    true, mine = groups.compared(labels, sets)
    return np.bincount(true * count + mine, minlength=count**2).reshape(count, count)


def point_figures(found: Array, known: Array) -> dict[str, float]:
    """Measure key points (n, 18, 3) against known ones; return {} if no known point can be measured.

    points: share of the known points that are found within NEAR shoulder widths. error: median distance in shoulder
    widths. calibration: expected calibration error of the confidence (Guo et al., ICML 2017), the difference between
    mean confidence and share of found points, averaged over CALIBRATION_BINS equal bins weighted by their counts.
    """
    across = np.linalg.norm(known[:, body.LEFT_SHOULDER, :2] - known[:, body.RIGHT_SHOULDER, :2], axis=1)
    both = (known[:, [body.LEFT_SHOULDER, body.RIGHT_SHOULDER], 2] > 0).all(axis=1) & (across > 0)
    shown = (known[..., 2] > 0) & both[:, None]
    apart = np.linalg.norm(found[..., :2] - known[..., :2], axis=2) / np.maximum(across, 1e-6)[:, None]
    near, confidence = (apart < NEAR)[shown], found[..., 2][shown]
    if not len(near):
        return {}
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    error = sum(abs(float((confidence[bins == n] - near[bins == n]).sum())) for n in np.unique(bins)) / len(near)
    return {"points": float(near.mean()), "error": float(np.median(apart[shown])), "calibration": error}
