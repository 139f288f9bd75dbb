"""Tables of measured rows on disk: CSV files that grow row by row."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from fitroom.errors import OutputError


def read_rows(path: Path, columns: Sequence[str], kind: str) -> list[dict[str, str]]:
    """Rows of a table; none where there is no file. Raises OutputError where it has other columns than its `kind`."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as stream:
        reader = csv.DictReader(stream)
        if tuple(reader.fieldnames or ()) != tuple(columns):
            raise OutputError(f"{path}: not a {kind}; name a new file.")
        return list(reader)


def append_row(path: Path, columns: Sequence[str], row: Mapping[str, object]) -> None:
    """Add a row, the header first where the file is new. Raises OutputError."""
    try:
        new = not path.exists()
        with path.open("a", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, columns, lineterminator="\n")
            if new:
                writer.writeheader()
            writer.writerow(row)
    except OSError as error:
        raise OutputError(f"{path}: can't be written ({error.strerror}).") from error
