"""Writes files atomically, and reads and extends CSV tables of measurements."""

import csv
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from fitroom.errors import OutputError

PARTS = ".fitroom-*.part"  # names of unfinished files


@contextmanager
def atomic_write(path: Path, scratch: Path | None = None, remedy: str = "") -> Iterator[Path]:
    """Yield a temporary path to write to, which replaces `path` when the block succeeds.

    The temporary file lies beside `path`, or in `scratch`, which must be on the same disk. It is removed on failure.
    Raises OutputError if writing fails; its message ends with `remedy`.
    """
    # unique per process and thread, because several may write the same file at once
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
    """Read the rows of a CSV table, or return [] if there is no file.

    Raises OutputError if its columns differ from `columns`; the message names the expected `kind` of table.
    """
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as stream:
        reader = csv.DictReader(stream)
        if tuple(reader.fieldnames or ()) != tuple(columns):
            raise OutputError(f"{path}: not a {kind}; name a new file.")
        return list(reader)


def append_row(path: Path, columns: Sequence[str], row: Mapping[str, object]) -> None:
    """Append a row to a CSV table, with a header if the file is new. Raises OutputError if it can't be written."""
    try:
        new = not path.exists()
        with path.open("a", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, columns, lineterminator="\n")
            if new:
                writer.writeheader()
            writer.writerow(row)
    except OSError as error:
        raise OutputError(f"{path}: can't be written ({error.strerror}).") from error
