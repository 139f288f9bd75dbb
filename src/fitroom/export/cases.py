"""Collects the persons and garments on which exports are compared and calibrated."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from fitroom.arrays import Picture
from fitroom.data.pack import open_reader
from fitroom.data.synthetic import samples
from fitroom.errors import ImageError
from fitroom.photo.frames import shrink
from fitroom.photo.masks import garment_mask


class Case(NamedTuple):
    """One person and one garment, in the format of `Runner`."""

    person: Picture
    garment: Picture
    garment_mask: Picture


@dataclass(frozen=True)
class Cases:
    """Pairs for comparing an export and for calibrating INT8. Drawn figures replace missing pairs."""

    compared: Sequence[Case] = ()
    calibrated: Sequence[Case] = ()
    drawn: int = 4  # number of drawn figures

    def of_size(self, height: int, width: int) -> "Cases":
        """Return these cases, with drawn figures of the given size in place of missing ones."""
        if self.compared and self.calibrated:
            return self
        drawn = drawn_cases(self.drawn, height, width)
        return Cases(self.compared or drawn, self.calibrated or drawn)


def drawn_cases(count: int, height: int, width: int) -> list[Case]:
    """Draw figures, each with another figure's garment."""
    drawn = samples(count, seed=7, height=height, width=width)
    return [Case(sample.photo.image, sample.other_garment, sample.other_garment_mask) for sample in drawn]


def read_cases(data: str, pairs: str, count: int, height: int, width: int) -> list[Case]:
    """Read the first `count` pairs of a list, skipping garments whose mask can't be computed.

    `pairs` is a file, or the name of a list in the data. Raises DataError.
    """
    reader = open_reader(data)

    def readable() -> Iterable[Case]:
        for pair in reader.pairs(pairs).pairs:
            garment = reader.garment(pair.garment)
            try:
                mask = garment_mask(garment)
            except ImageError:
                continue
            yield Case(*(shrink(picture, height, width) for picture in (reader.photo(pair.person), garment, mask)))

    return list(islice(readable(), count))
