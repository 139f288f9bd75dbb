"""Save evaluations: JSON files with every case, and CSV rows that include hardware, versions and command."""

import csv
import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from fitroom.errors import OutputError
from fitroom.evaluate.evaluate import Evaluation
from fitroom.evaluate.measures import KEYS
from fitroom.evaluate.plan import Plan
from fitroom.files import append_row
from fitroom.hardware import hardware, versions

ORIGIN = ("date", "system", "version", "backend", "pairs", "pairs_sha256", "paired", "paired_sha256", "parser", "looks")
CIRCUMSTANCES = ("hardware", "versions", "command")
COLUMNS = (*ORIGIN, *KEYS, *CIRCUMSTANCES)


@dataclass(frozen=True)
class Origin:
    """Origin of figures: system, pair lists, parser, hardware, versions and command."""

    system: str
    version: str
    backend: str
    pairs: str
    pairs_sha256: str
    paired: str
    paired_sha256: str
    parser: str  # the parser that labelled the looks
    hardware: str
    versions: str
    command: str


def origin(name: str, version: str, backend: str, plan: Plan, parser: str, command: str) -> Origin:
    """Collect the origin of figures measured on this machine."""
    lists = (
        plan.unpaired.name,
        plan.unpaired.sha256,
        *((plan.paired.name, plan.paired.sha256) if plan.paired else ("", "")),
    )
    return Origin(name, version, backend, *lists, parser, hardware(), versions(), command)


def check_file(path: str | Path) -> Path:
    """Return the path of a file to write. Raises OutputError if it can't be written, before any work is done."""
    path = Path(path)
    folder = path.absolute().parent
    if path.is_dir():
        raise OutputError(f"{path}: this is a directory; give a file name.")
    if not folder.is_dir():
        raise OutputError(f"{path}: the folder {folder} does not exist; make it first.")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise OutputError(f"{path}: can't be written to.")
    return path


def write_json(path: str | Path, result: Evaluation, came_from: Origin) -> Path:
    """Write all figures and cases of an evaluation as JSON. Raises OutputError."""
    path = check_file(path)
    text = json.dumps({"origin": asdict(came_from)} | asdict(result), indent=1)
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path}: can't be written ({error.strerror}).") from error
    return path


def check_csv(path: str | Path) -> Path:
    """Return the path of a CSV file to append to. Raises OutputError if its columns differ or it can't be written."""
    path = check_file(path)
    if path.exists():
        with path.open(newline="", encoding="utf-8") as stream:
            found = next(csv.reader(stream), [])
        if tuple(found) != COLUMNS:
            odd = sorted(set(found) ^ set(COLUMNS)) or ["their order"]
            raise OutputError(
                f"{path}: its columns are not those of fitroom evaluate ({', '.join(odd)}); name a new file."
            )
    return path


def append_csv(path: str | Path, result: Evaluation, came_from: Origin) -> Path:
    """Append one row, with a header if the file is new. Raises OutputError."""
    path = check_csv(path)
    row: dict[str, object] = {key: round(value, 6) for key, value in result.figures.items() if key in KEYS}
    row |= asdict(came_from) | {
        "date": datetime.now(UTC).date().isoformat(),
        "looks": len(result.cases),
    }
    append_row(path, COLUMNS, row)
    return path
