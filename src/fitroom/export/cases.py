"""What exports are compared and calibrated on: persons and garments at the network's size."""

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
    """One person and one garment, as `Runner` takes them."""

    person: Picture
    garment: Picture
    garment_mask: Picture


@dataclass(frozen=True)
class Cases:
    """Pairs that an export is compared on, and that INT8 is calibrated on; drawn figures where there are none."""

    compared: Sequence[Case] = ()
    calibrated: Sequence[Case] = ()
    drawn: int = 4  # figures

    def of_size(self, height: int, width: int) -> "Cases":
        """The same, with drawn figures of a size where there are none."""
        if self.compared and self.calibrated:
            return self
        drawn = drawn_cases(self.drawn, height, width)
        return Cases(self.compared or drawn, self.calibrated or drawn)


def drawn_cases(count: int, height: int, width: int) -> list[Case]:
    """Drawn figures, each with another figure's garment."""
    drawn = samples(count, seed=7, height=height, width=width)
    return [Case(sample.photo.image, sample.other_garment, sample.other_garment_mask) for sample in drawn]


def read_cases(data: str, pairs: str, count: int, height: int, width: int) -> list[Case]:
    """The first pairs of a list, a file or one of the data, whose garment can be told. Raises DataError."""
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
