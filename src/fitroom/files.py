"""Files: written whole or not at all; and tables of measured rows, CSV files that grow row by row."""

import csv
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from fitroom.errors import OutputError

PARTS = ".fitroom-*.part"  # names of what is being written


@contextmanager
def atomic_write(path: Path, scratch: Path | None = None, remedy: str = "") -> Iterator[Path]:
    """Yield a path to write to, which takes the place of `path` afterwards; where that fails nothing is left behind.

    It lies in the folder `scratch`, on the same disk, or beside `path`. Raises OutputError, whose message ends with
    `remedy`.
    """
    # other processes and threads may write beside it, even the same file
    part = (scratch or path.absolute().parent) / f".fitroom-{os.getpid()}-{threading.get_ident()}.part"
    try:
        yield part
        part.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: can't be written ({error.strerror}){remedy}.") from error
    finally:
        with suppress(OSError):
            part.unlink()


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
