"""Evaluation in the street: labelled photos of real people, dressed in garments that contrast with their clothes."""

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from fitroom.arrays import Picture
from fitroom.data.reader import Reader
from fitroom.data.street import LabelledPhotos
from fitroom.data.viton import Pair, read_rgb, read_text
from fitroom.errors import DataError, PersonError
from fitroom.evaluate.leftover import contrasting
from fitroom.evaluate.looks import LookCase, LookMeasures, Wearers, features_or_none, measure_looks
from fitroom.photo.frames import garment_frame
from fitroom.photo.masks import garment_mask
from fitroom.photo.parse import parse_photo
from fitroom.runtime.interface import PersonParser
from fitroom.tryon import TryOn

Progress = Callable[[Sequence[Any], str], Iterable[Any]]


class StreetPair(NamedTuple):
    """A photo's name and a garment's file name."""

    photo: str
    garment: str

    @property
    def look(self) -> str:
        """Name of the pair's look in a folder of looks, without its ending."""
        return f"{self.photo}_{Path(self.garment).stem}"


# of a pair, its photo, garment and garment mask: a look of the photo's size; raises PersonError where it refuses
Dress = Callable[[StreetPair, Picture, Picture, Picture], Picture]


@dataclass
class StreetEvaluation:
    """What was measured."""

    figures: dict[str, float]  # by the keys of `measures.py`, with `refused` and `dressed`
    refused: dict[str, str] = field(default_factory=dict)  # looks that were refused, and with which code


def read_street_pairs(path: str | Path) -> list[StreetPair]:
    """Read a CSV of `photo,garment`. Raises DataError."""
    rows = csv.DictReader(read_text(Path(path), "the list of pairs").splitlines())
    pairs = [StreetPair(row.get("photo") or "", row.get("garment") or "") for row in rows]
    if not pairs or not all(photo and garment for photo, garment in pairs):
        raise DataError(f"{path}: need a CSV with the columns photo and garment, and a pair a line.")
    return pairs


def contrasting_pairs(
    folder: LabelledPhotos, names: Iterable[str], reader: Reader, garments: Sequence[str]
) -> list[StreetPair]:
    """Choose for each photo the next of some garments whose mean colour is far from the old clothes'; see `leftover`.

    Photos that show no clothes, or that none contrasts with, are left out.
    """
    pairs, place = [], 0
    for name in names:
        photo, sets = folder.photo(name), folder.sets(name)
        for step in range(len(garments)):
            garment = garments[(place + step) % len(garments)]
            picture = reader.garment(garment)
            if contrasting(photo, sets, picture, garment_mask(picture)):
                pairs.append(StreetPair(name, garment))
                place += step + 1
                break
    return pairs


def wearers_of(reader: Reader, pairs: Sequence[Pair]) -> Wearers:
    """Find photos of garments' own wearers, by a list of persons with what they wear."""
    wearer = {pair.garment: pair.person for pair in pairs}

    def photo_of(garment: str) -> Picture | None:
        return reader.photo(wearer[garment]) if garment in wearer else None

    return photo_of


def evaluate_street(
    dress: Dress,
    folder: LabelledPhotos,
    pairs: Sequence[StreetPair],
    reader: Reader,
    wearers: Wearers,
    parser: PersonParser,
    progress: Progress = lambda items, description: items,
) -> StreetEvaluation:
    """Dress the persons of labelled photos and measure the looks; refused photos count, and are left out.

    Realism is measured on the upper body, framed by `parser`. Raises DataError; ImageError for a garment that can't be
    told from its background.
    """
    result = StreetEvaluation({})

    def cases() -> Iterable[LookCase]:
        for pair in progress(pairs, "dressing"):
            photo, garment = folder.photo(pair.photo), reader.garment(pair.garment)
            mask = garment_mask(garment)
            try:
                look = dress(pair, photo, garment, mask)
            except PersonError as error:
                result.refused[pair.look] = error.code
                continue
            if look.shape != photo.shape:
                raise DataError(f"{pair.look}: found {look.shape[1]} x {look.shape[0]} pixels; need the photo's size.")
            frame = parse_photo(photo, parser).frame or garment_frame(photo.shape[1], photo.shape[0])
            yield LookCase(photo, folder.sets(pair.photo), garment, mask, pair.garment, look, frame)

    result.figures = measure_looks(cases(), LookMeasures(parser, wearers, features_or_none()))
    result.figures |= {"refused": float(len(result.refused)), "dressed": float(len(pairs) - len(result.refused))}
    return result


def looks_of_folder(looks: str | Path, pairs: Sequence[StreetPair]) -> Dress:
    """Read looks from a folder that holds PHOTO_GARMENT.png for each pair; a missing one counts as refused.

    Raises DataError where the folder has none of them.
    """
    root = Path(looks)
    if not any((root / f"{pair.look}.png").is_file() for pair in pairs):
        raise DataError(f"{root}: holds no look of these pairs; need PHOTO_GARMENT.png, such as {pairs[0].look}.png.")

    def dress(pair: StreetPair, photo: Picture, garment: Picture, mask: Picture) -> Picture:
        path = root / f"{pair.look}.png"
        if not path.is_file():
            raise PersonError("no-look", f"{path}: missing.")
        return read_rgb(path)

    return dress


def looks_of_tryon(tryon: TryOn) -> Dress:
    """Make looks with weights, through the path that every user takes."""

    def dress(pair: StreetPair, photo: Picture, garment: Picture, mask: Picture) -> Picture:
        return tryon(photo, garment, mask).image

    return dress
