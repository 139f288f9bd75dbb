"""Measure looks by pictures alone, so that looks of any system can be measured, from memory or from a folder."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from fitroom.arrays import Picture
from fitroom.errors import MissingExtraError
from fitroom.evaluate.cut import (
    Cut,
    Size,
    cut_difference,
    measure_cut,
    measure_size,
    outline_roughness,
    size_difference,
)
from fitroom.evaluate.leftover import Leftover, contrasting, measure_leftover
from fitroom.evaluate.realism import FeatureNetwork, open_features, realism
from fitroom.photo.frames import Frame, cut, shrink
from fitroom.photo.parse import Parse, parse_photo
from fitroom.runtime.interface import PersonParser

WHITE = (255, 255, 255)


class LookCase(NamedTuple):
    """One look and its inputs; `photo` and `look` are (H, W, 3) of one size."""

    photo: Picture
    sets: Picture | None  # (H, W) the photo's true labels, rows of `label_sets.TABLE`
    garment: Picture  # (h, w, 3) product shot
    garment_mask: Picture  # (h, w) 0 and 255
    garment_name: str
    look: Picture
    frame: Frame  # part of the photo on which realism is measured


Wearers = Callable[[str], Picture | None]  # from a garment's name to a photo of its own wearer, if there is one


class Wearer(NamedTuple):
    """Cut and print size of a garment on its own wearer."""

    cut: Cut | None
    size: Size | None


class LookMeasures:
    """A collection of looks and their measures; see `cut`, `leftover` and `realism`."""

    def __init__(self, parser: PersonParser, wearers: Wearers, features: FeatureNetwork | None) -> None:
        """Use `parser` to label looks, photos and wearers; skip realism if `features` is None."""
        self.parser, self.wearers, self.features = parser, wearers, features
        self.worn: dict[str, Wearer | None] = {}
        self.values: dict[str, list[float]] = {}
        self.looks: list[Picture] = []
        self.photos: list[Picture] = []

    def add(self, case: LookCase) -> dict[str, float]:
        """Measure one look and return its figures by name: shares, differences and 8-bit steps. Raises DataError."""
        look, photo = parse_photo(case.look, self.parser), parse_photo(case.photo, self.parser)
        found: dict[str, float] = {}
        if case.sets is not None and contrasting(case.photo, case.sets, case.garment, case.garment_mask):
            left = measure_leftover(case.photo, case.look, case.sets, look.labels)
            found |= {name: value for name, value in zip(Leftover._fields, left, strict=True) if value is not None}
        wearer = self.wearer(case)
        if wearer is not None:
            # use the photo's key points: the look has the same pose
            found |= prefixed("cut", cut_difference(measure_cut(look.labels, photo.key_points), wearer.cut))
            if wearer.size is not None:
                size = measure_size(case.garment, case.garment_mask, case.look, look.labels, photo.key_points)
                found |= prefixed("size", size_difference(size, wearer.size))
        rough, usual = outline_roughness(case.look, look.labels), outline_roughness(case.photo, photo.labels)
        if rough is not None:
            found["outline_look"] = rough
        if usual is not None:
            found["outline_photo"] = usual
        for name, value in found.items():
            self.values.setdefault(name, []).append(value)
        if self.features is not None:
            self.looks.append(shrink(cut(case.look, case.frame, WHITE)))
            self.photos.append(shrink(cut(case.photo, case.frame, WHITE)))
        return found

    def wearer(self, case: LookCase) -> Wearer | None:
        """Return cut and print size of the case's garment on its own wearer, measured once. Raises DataError."""
        if case.garment_name not in self.worn:
            photo = self.wearers(case.garment_name)
            self.worn[case.garment_name] = None if photo is None else self.measured(photo, case)
        return self.worn[case.garment_name]

    def measured(self, photo: Picture, case: LookCase) -> Wearer:
        """Measure a garment on the photo of its own wearer."""
        parse: Parse = parse_photo(photo, self.parser)
        points = parse.key_points
        return Wearer(
            measure_cut(parse.labels, points),
            measure_size(case.garment, case.garment_mask, photo, parse.labels, points),
        )

    def figures(self) -> dict[str, float]:
        """Return the figures over all looks, by the keys of `measures.py`, which has units and ranges."""
        values = self.values
        found = {name: float(np.mean(values[name])) for name in Leftover._fields if name in values}
        found |= {
            f"cut_{name}": float(np.median(values[f"cut_{name}"]))
            for name in ("neckline", "hem", "arms")
            if f"cut_{name}" in values
        }
        for side in Size._fields:
            if ratios := values.get(f"size_{side}"):
                found |= {f"size_{side}": float(np.median(ratios)), f"size_{side}_90": float(np.percentile(ratios, 90))}
                found["size_looks"] = float(len(ratios))
        if "outline_look" in values and "outline_photo" in values:
            # outlines smoother than in photos are as wrong as rougher ones
            found["outline"] = abs(float(np.mean(values["outline_look"]) - np.mean(values["outline_photo"])))
        if "leftover" in values:
            found["leftover_looks"] = float(len(values["leftover"]))
        if self.features is not None and len(self.looks) > 1:
            real = realism(self.features, self.looks, self.photos)
            found |= {
                "kid_lite0": real.kid,
                "kid_lite0_deviation": real.kid_deviation,
                "frechet_lite0": real.frechet,
                "frechet_lite0_patches": real.patch_frechet,
            }
        return found


def prefixed(prefix: str, values: dict[str, float]) -> dict[str, float]:
    """Add a prefix to every name."""
    return {f"{prefix}_{name}": value for name, value in values.items()}


def features_or_none() -> FeatureNetwork | None:
    """Open the feature network of realism; return None if its package is not installed."""
    try:
        return open_features()
    except MissingExtraError:
        return None


def measure_looks(cases: Iterable[LookCase], measures: LookMeasures) -> dict[str, float]:
    """Measure looks one by one and return the figures over all of them; see `LookMeasures.figures`."""
    for case in cases:
        measures.add(case)
    return measures.figures()
