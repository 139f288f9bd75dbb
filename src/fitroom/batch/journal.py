"""Record the result of each pair: during a run in a journal that survives a crash, at its end in results.parquet."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitroom.batch.pairs import Pairs
from fitroom.errors import OutputError
from fitroom.files import atomic_write

JOURNAL, RESULTS = "journal.jsonl", "results.parquet"
GROUP = 50_000  # rows converted to Parquet at a time


@dataclass(frozen=True)
class Result:
    """The result of one pair."""

    key: int  # see `Row.key`
    path: str = ""  # of the look, relative to the folder of looks; empty if there is none
    code: str = ""  # of the error
    error: str = ""
    ms: float = 0.0  # duration of dressing and writing
    warnings: tuple[str, ...] = ()  # codes of the look's warnings
    confidence: float | None = None  # in the look, 0 to 1


class Journal:
    """The journal of an output folder. Only one process may use it."""

    def __init__(self, folder: Path) -> None:
        """Open or create the journal, and remove an incomplete last line of a killed run. Raises OutputError."""
        self.path = folder / JOURNAL
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.mend()
            self.stream = self.path.open("a", encoding="utf-8")
        except OSError as error:
            raise OutputError(f"{self.path}: can't be written ({error.strerror}).") from error

    def mend(self) -> None:
        """Remove what follows the last complete line."""
        if not self.path.exists():
            return
        with self.path.open("rb+") as stream:
            end = stream.seek(0, os.SEEK_END)
            while end:
                start = max(end - 4096, 0)
                stream.seek(start)
                found = stream.read(end - start).rfind(b"\n")
                if found >= 0:
                    stream.truncate(start + found + 1)
                    return
                end = start
            stream.truncate(0)

    def add(self, results: list[Result]) -> None:
        """Append results. Raises OutputError."""
        try:
            for result in results:
                self.stream.write(json.dumps(vars(result)) + "\n")
            self.stream.flush()
        except OSError as error:
            raise OutputError(
                f"{self.path}: can't be written ({error.strerror}); the results noted before are kept."
            ) from error

    def read(self) -> Iterator[tuple[int, Result]]:
        """Yield all results with their offsets in the file, oldest first. The last result of a pair counts."""
        start = 0
        with self.path.open("rb") as stream:
            for line in stream:
                yield start, parsed(line)
                start += len(line)

    def finished(self) -> NDArray[np.uint64]:
        """Return the keys of the pairs that have a look, sorted."""
        return np.unique(np.fromiter((result.key for _, result in self.read() if result.path), np.uint64))

    def close(self) -> None:
        """Flush the journal to disk and close it."""
        self.stream.flush()
        os.fsync(self.stream.fileno())
        self.stream.close()


def parsed(line: bytes) -> Result:
    """Parse a line of the journal."""
    values: dict[str, Any] = json.loads(line)
    return Result(**values | {"warnings": tuple(values["warnings"])})


def write_results(journal: Journal, pairs: Pairs, keys: NDArray[np.uint64]) -> Path:
    """Write results.parquet beside the journal and return its path.

    It has a row for each pair that is done or failed, in the order of the list. `keys` are the keys of the pairs.
    Raises OutputError.
    """
    import pyarrow as pa
    from pyarrow import parquet

    schema = pa.schema(
        [
            ("id", pa.string()),
            ("person", pa.string()),
            ("garment", pa.string()),
            ("garment_mask", pa.string()),
            ("path", pa.string()),
            ("confidence", pa.float32()),
            ("warnings", pa.list_(pa.string())),
            ("code", pa.string()),
            ("error", pa.string()),
            ("ms", pa.float32()),
        ]
    )
    order = np.argsort(keys, kind="stable")
    place = np.full(len(keys), -1, np.int64)  # offset of each pair's last result in the journal
    for start, result in journal.read():
        at = int(np.searchsorted(keys, np.uint64(result.key), sorter=order))
        while at < len(keys) and keys[order[at]] == result.key:
            place[order[at]] = start
            at += 1
    target = journal.path.with_name(RESULTS)
    with atomic_write(target) as part, parquet.ParquetWriter(part, schema) as writer, journal.path.open("rb") as stream:
        for first in range(0, len(keys), GROUP):
            rows = []
            for number in range(first, min(first + GROUP, len(keys))):
                if place[number] >= 0:
                    stream.seek(place[number])
                    rows.append(values_of(pairs, number, parsed(stream.readline())))
            writer.write_table(pa.Table.from_pylist(rows, schema))
    return target


def values_of(pairs: Pairs, number: int, result: Result) -> dict[str, Any]:
    """Return a row of results.parquet."""

    def text(value: str) -> str | None:
        # file names may contain bytes that are not valid text
        return value.encode("utf-8", "replace").decode() if value else None

    row = pairs.row(number)
    named = {name: text(value) for name, value in row._asdict().items()}
    told = {"path": text(result.path), "code": text(result.code), "error": text(result.error)}
    more = {"ms": result.ms, "warnings": list(result.warnings), "confidence": result.confidence}
    return named | told | more
