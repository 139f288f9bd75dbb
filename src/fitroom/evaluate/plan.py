"""Plan an evaluation: read its pair lists and check all files before any work is done."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fitroom.arrays import Array, Picture
from fitroom.data.pack import open_reader
from fitroom.data.reader import PairList, Reader
from fitroom.data.viton import own_garment
from fitroom.errors import DataError

Progress = Callable[[Sequence[Any], str], Iterable[Any]]  # items, and a description of the work
SHOWN = 5  # problems listed in one message


@dataclass(frozen=True)
class Subject:
    """A person: photo (H, W, 3), and parsing label (H, W) and key points (18, 3) if the data has them."""

    photo: Picture
    label: Picture | None
    key_points: Array | None


@dataclass(frozen=True)
class Plan:
    """Pair lists whose files have all been checked; see `make_plan`."""

    reader: Reader
    unpaired: PairList
    paired: PairList | None
    own: dict[str, str]  # garment in the photo of each person of `unpaired`; empty if any is unknown
    height: int  # of the photos, in pixels
    width: int

    def subject(self, person: str) -> Subject:
        """Read a person. Raises DataError."""
        return read_subject(self.reader, person)

    def garment(self, name: str) -> Picture:
        """Read a garment, uint8 (H, W, 3). Raises DataError."""
        return self.reader.garment(name)

    def first(self, count: int) -> "Plan":
        """Return a copy of the plan with the first `count` pairs of each list."""
        unpaired, paired = (part and replace(part, pairs=part.pairs[:count]) for part in (self.unpaired, self.paired))
        assert unpaired is not None
        return replace(self, unpaired=unpaired, paired=paired)


def make_plan(
    data: str | Path,
    pairs: str | Path,
    paired: str | Path | None = None,
    progress: Progress = lambda items, description: items,
) -> Plan:
    """Read the pair lists of a data folder or a pack, and check every file that they name.

    Raises DataError, which lists up to SHOWN problems: missing or broken files, labels whose size differs from the
    photo's, photos of several sizes, and photos that are not 3:4.
    """
    reader = open_reader(data)
    unpaired = reader.pairs(pairs)
    worn = None if paired is None else reader.pairs(paired)
    listed = unpaired.pairs + (worn.pairs if worn else [])
    wears = {pair.person: pair.garment for pair in worn.pairs} if worn else {}
    own = {pair.person: wears.get(pair.person) or own_garment(pair.person) for pair in unpaired.pairs}
    if not all(reader.has_garment(name) for name in own.values()):
        own = {}
    problems: list[str] = []
    sizes: dict[tuple[int, int], list[str]] = {}
    for name in progress(sorted({pair.person for pair in listed}), "checking persons"):
        try:
            subject = read_subject(reader, name)
        except DataError as error:
            problems.append(str(error))
            continue
        height, width = subject.photo.shape[:2]
        sizes.setdefault((height, width), []).append(name)
        if subject.label is not None and subject.label.shape != (height, width):
            found = " x ".join(str(side) for side in subject.label.shape[::-1])
            problems.append(f"{name}: its label has {found} pixels, but its photo has {width} x {height}.")
    for name in progress(sorted({pair.garment for pair in listed} | set(own.values())), "checking garments"):
        try:
            reader.garment(name)
        except DataError as error:
            problems.append(str(error))
    if problems:
        more = f" And {len(problems) - SHOWN} more; see fitroom data check." if len(problems) > SHOWN else ""
        raise DataError(" ".join(problems[:SHOWN]) + more)
    height, width = one_size(reader, sizes)
    return Plan(reader, unpaired, worn, own, height, width)


def read_subject(reader: Reader, person: str) -> Subject:
    """Read a person's photo, and label and key points if the data has them. Raises DataError."""
    return Subject(
        reader.photo(person),
        reader.label(person) if reader.labels else None,
        reader.pose(person) if reader.poses else None,
    )


def one_size(reader: Reader, sizes: dict[tuple[int, int], list[str]]) -> tuple[int, int]:
    """Return height and width of all photos; `sizes` has names by size.

    Raises DataError if there are several sizes, or if the size is not 3:4.
    """
    by_count = sorted(sizes, key=lambda size: len(sizes[size]), reverse=True)
    height, width = by_count[0]
    if len(by_count) > 1:
        odd_height, odd_width = by_count[1]
        raise DataError(
            f"{reader.name}: {sizes[by_count[1]][0]} has {odd_width} x {odd_height} pixels, but "
            f"{len(sizes[by_count[0]])} photos of the lists have {width} x {height}; all photos need the same size: "
            "resize them, or split the list."
        )
    if width * 4 != height * 3:
        raise DataError(f"{reader.name}: found photos of {width} x {height} pixels; need 3:4, such as 192 x 256.")
    return height, width
