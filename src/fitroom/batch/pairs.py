"""Read the pairs of a run: a list, or every person of one folder with every garment of another.

Lists may be long. So each file name is stored once, a pair is two integers, and all ids share one buffer.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fitroom.batch.files import digest, is_url, list_pictures
from fitroom.errors import DataError, MissingExtraError

COLUMNS = ("person", "garment", "garment_mask", "id")
NEEDED = ("person", "garment")
BLOCK = 2**16  # rows converted to Arrow arrays at a time


class Row(NamedTuple):
    """One pair as given in the list. Missing values are empty."""

    person: str
    garment: str
    garment_mask: str = ""
    id: str = ""

    @property
    def key(self) -> int:
        """Return 64 bits that identify the pair."""
        return int.from_bytes(digest("\0".join(self), 8))


class Texts(Sequence[str]):
    """Strings stored in an Arrow array of bytes, which needs little more memory than the characters."""

    def __init__(self, array: Any) -> None:
        self.array = array

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, number: int) -> str:  # type: ignore[override]
        return decoded(self.array[number].as_py())


@dataclass(frozen=True)
class Pairs:
    """The pairs of a run, by number."""

    persons: list[str]
    garments: list[tuple[str, str]]  # picture, and mask or ""
    person: NDArray[np.int32]  # index in `persons`, for each pair
    garment: NDArray[np.int32]  # index in `garments`, for each pair
    ids: Texts | None  # one for each pair; None if the list has none

    def __len__(self) -> int:
        return len(self.person)

    def row(self, number: int) -> Row:
        """Return a pair as given in the list."""
        garment, mask = self.garments[self.garment[number]]
        return Row(self.persons[self.person[number]], garment, mask, self.ids[number] if self.ids else "")


def read_pairs(path: str | Path) -> Pairs:
    """Read the pairs of a CSV or Parquet file with columns person, garment, and optionally garment_mask and id.

    Relative paths start at the file's folder. Raises DataError if the file can't be read, has no pairs, or lacks a
    column or has an unknown one. Raises MissingExtraError without pyarrow.
    """
    path = Path(path)
    rows = parquet_rows(path) if path.suffix.lower() == ".parquet" else csv_rows(path)
    pairs = collect(placed(row, path.parent) for row in rows)
    if not len(pairs):
        raise DataError(f"{path}: no pair in it; need a header with {', '.join(NEEDED)} and one pair per line.")
    return pairs


def cross_product(persons: str, garments: str) -> Pairs:
    """Pair every person of a folder or URL with every garment of another. Raises DataError."""
    people, clothes = list_pictures(persons), list_pictures(garments)
    count = len(people) * len(clothes)
    numbers = np.arange(count)
    return Pairs(
        people,
        [(name, "") for name in clothes],
        (numbers % len(people)).astype(np.int32),
        (numbers // len(people)).astype(np.int32),
        None,
    )


def collect(rows: Iterable[Row]) -> Pairs:
    """Build pairs from rows. Raises MissingExtraError without pyarrow."""
    need_pyarrow()
    import pyarrow as pa
    import pyarrow.compute as pc

    schema = pa.schema([(name, pa.large_binary()) for name in ("person", "garment", "id")])
    left, blocks = iter(rows), []
    while block := list(islice(left, BLOCK)):
        texts = ([row.person, f"{row.garment}\0{row.garment_mask}", row.id] for row in block)
        columns = zip(*([encoded(text) for text in row] for row in texts), strict=True)
        blocks.append(pa.record_batch([pa.array(column, pa.large_binary()) for column in columns], schema=schema))
    table = pa.Table.from_batches(blocks, schema).combine_chunks()
    person, garment = (table[name].dictionary_encode().combine_chunks() for name in ("person", "garment"))
    persons, garments = ([decoded(text) for text in column.dictionary.to_pylist()] for column in (person, garment))
    ids = table["id"].combine_chunks()
    return Pairs(
        persons,
        [(name.partition("\0")[0], name.partition("\0")[2]) for name in garments],
        person.indices.to_numpy(),
        garment.indices.to_numpy(),
        Texts(ids) if len(ids) and pc.max(pc.binary_length(ids)).as_py() else None,
    )


def encoded(text: str) -> bytes:
    """Encode a string as bytes. File names may contain bytes that are not valid text."""
    return text.encode("utf-8", "surrogateescape")


def decoded(data: bytes) -> str:
    """Decode the bytes that `encoded` returned."""
    return data.decode("utf-8", "surrogateescape")


def need_pyarrow() -> None:
    """Raise MissingExtraError if pyarrow is not installed."""
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            "batch needs pyarrow, for its lists and for Parquet; install it with: pip install -c constraints.txt "
            "'.[batch]'"
        ) from error


def placed(row: Row, folder: Path) -> Row:
    """Return a row whose relative paths are resolved against a folder."""

    def place(name: str) -> str:
        return name if not name or is_url(name) else str(folder / name)

    return Row(place(row.person), place(row.garment), place(row.garment_mask), row.id)


def row_of(values: dict[str, str | None]) -> Row:
    """Build a row from the values of a line, by column."""
    return Row(*((values.get(name) or "").strip() for name in COLUMNS))


def check_columns(found: Iterable[str], path: Path) -> None:
    """Raise DataError if a list lacks a column or has an unknown one."""
    names = list(found)
    if not set(NEEDED) <= set(names) or not set(names) <= set(COLUMNS):
        raise DataError(
            f"{path}: found the columns {', '.join(names) or 'none'}; need {', '.join(NEEDED)}, "
            "and optionally garment_mask and id."
        )


def csv_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a CSV file. Raises DataError."""
    try:
        with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as stream:
            reader = csv.DictReader(stream)
            check_columns(reader.fieldnames or (), path)
            yield from map(row_of, reader)
    except (OSError, csv.Error) as error:
        raise DataError(f"{path}: the list can't be read ({error}).") from error


def parquet_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a Parquet file. Raises DataError, MissingExtraError."""
    need_pyarrow()
    from pyarrow import ArrowException, parquet

    try:
        with parquet.ParquetFile(path) as file:
            check_columns(file.schema_arrow.names, path)
            for batch in file.iter_batches():
                yield from (
                    row_of({k: None if v is None else str(v) for k, v in row.items()}) for row in batch.to_pylist()
                )
    except (OSError, ArrowException) as error:
        raise DataError(f"{path}: the list can't be read ({error}).") from error
