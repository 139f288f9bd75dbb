"""Present and save the figures of looks on street photos: a text table and CSV rows."""

from datetime import UTC, datetime
from pathlib import Path

from fitroom.evaluate.measures import COUNTS, MEASURES
from fitroom.evaluate.record import check_file
from fitroom.evaluate.street import StreetEvaluation
from fitroom.files import append_row, read_rows
from fitroom.hardware import hardware, versions

# figures of an evaluation on street photos, most informative first
STREET_KEYS = (
    "dressed",
    "refused",
    "leftover",
    "damage",
    "kid_lite0",
    "kid_lite0_deviation",
    "frechet_lite0",
    "frechet_lite0_patches",
    "cut_neckline",
    "cut_hem",
    "cut_arms",
    "size_across",
    "size_across_90",
    "size_along",
    "size_along_90",
    "outline",
    *COUNTS,
)
COLUMNS = ("date", "system", "version", "pairs", "parser", *STREET_KEYS, "hardware", "versions", "command")
TITLES = {measure.key: measure.title for measure in MEASURES} | {
    "dressed": "photos dressed",
    "refused": "photos refused",
    "damage": "damage beside the old clothes",
    "kid_lite0_deviation": "its standard deviation",
    "size_across_90": "the same, 90th percentile",
    "size_along_90": "the same, 90th percentile",
    **COUNTS,
}


def street_table(found: StreetEvaluation) -> list[str]:
    """Return the lines of a table of figures, and a line that lists the refused looks."""
    lines = [
        f"{TITLES.get(key, key.replace('_', ' ')):40}  {found.figures[key]:9.4f}"
        for key in STREET_KEYS
        if key in found.figures
    ]
    if found.refused:
        lines.append("refused: " + ", ".join(f"{photo} ({code})" for photo, code in found.refused.items()))
    return lines


def check_street_csv(path: str | Path) -> Path:
    """Return the path of a CSV file to append to. Raises OutputError if its columns differ or it can't be written."""
    read_rows(check_file(path), COLUMNS, "table of fitroom evaluate-street")
    return Path(path)


def append_street(
    path: str | Path, found: StreetEvaluation, system: str, version: str, pairs: str, parser: str, command: str
) -> Path:
    """Append one row of figures, with a header if the file is new. Raises OutputError."""
    row: dict[str, object] = {key: round(found.figures[key], 6) for key in STREET_KEYS if key in found.figures}
    row |= {
        "date": datetime.now(UTC).date().isoformat(),
        "system": system,
        "version": version,
        "pairs": Path(pairs).name,
        "parser": parser,
        "hardware": hardware(),
        "versions": versions(),
        "command": command,
    }
    append_row(check_street_csv(path), COLUMNS, row)
    return Path(path)
