"""Evaluate looks of labelled street photos, dressed in garments that contrast with the old clothes."""

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
        """File name of the look in a folder of looks, without its extension."""
        return f"{self.photo}_{Path(self.garment).stem}"


# from pair, photo, garment and garment mask to a look of the photo's size; raises PersonError to refuse a photo
Dress = Callable[[StreetPair, Picture, Picture, Picture], Picture]


@dataclass
class StreetEvaluation:
    """Figures of an evaluation on street photos."""

    figures: dict[str, float]  # by the keys of `measures.py`, with `refused` and `dressed`
    refused: dict[str, str] = field(default_factory=dict)  # error codes of refused looks, by name


def read_street_pairs(path: str | Path) -> list[StreetPair]:
    """Read a CSV with the columns `photo,garment`. Raises DataError."""
    rows = csv.DictReader(read_text(Path(path), "the list of pairs").splitlines())
    pairs = [StreetPair(row.get("photo") or "", row.get("garment") or "") for row in rows]
    if not pairs or not all(photo and garment for photo, garment in pairs):
        raise DataError(f"{path}: need a CSV with the columns photo and garment, and one pair per line.")
    return pairs


def contrasting_pairs(
    folder: LabelledPhotos, names: Iterable[str], reader: Reader, garments: Sequence[str]
) -> list[StreetPair]:
    """Choose a garment for each photo, in rotation, whose mean colour contrasts with the old clothes; see `leftover`.

    Photos without clothes or without a contrasting garment are left out.
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
    """Return a function that finds the photo of a garment's own wearer, by a list of persons in their own garments."""
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
    """Dress the persons of labelled photos and measure the looks. Refused photos are counted but not measured.

    Realism is measured on the upper body, framed by `parser`. Raises DataError, and ImageError if a garment can't be
    separated from its background.
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
    """Return a function that reads looks from a folder of PHOTO_GARMENT.png files; missing files count as refused.

    Raises DataError if the folder has no look of any pair.
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
    """Return a function that makes looks with `TryOn`, the path of every user."""

    def dress(pair: StreetPair, photo: Picture, garment: Picture, mask: Picture) -> Picture:
        return tryon(photo, garment, mask).image

    return dress
