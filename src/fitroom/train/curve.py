"""Log the scalars of a run to a CSV file for tables and plots, one row per step and name."""

import csv
import time
from pathlib import Path

from fitroom.errors import OutputError

NAME = "curve.csv"
COLUMNS = ("stage", "step", "minutes", "name", "value")


class Curve:
    """Log of scalars in `curve.csv` of a stage's folder. A resumed run continues after its checkpoint."""

    def __init__(self, folder: Path, stage: str, step: int = 0, seconds: float = 0.0) -> None:
        """Open the log at `step` and `seconds` of the checkpoint to resume from, and drop later rows."""
        self.path, self.stage = folder / NAME, stage
        self.begun = time.monotonic() - seconds
        kept = [row for row in self.rows() if int(row["step"]) <= step]
        self.write([list(COLUMNS), *(list(row.values()) for row in kept)], "w")

    def rows(self) -> list[dict[str, str]]:
        """Read the rows of the file, or none if it does not exist."""
        if not self.path.exists():
            return []
        with self.path.open(newline="", encoding="utf-8") as stream:
            return list(csv.DictReader(stream))

    def write(self, rows: list[list[str]], mode: str) -> None:
        """Write or append rows. Raises OutputError."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open(mode, newline="", encoding="utf-8") as stream:
                csv.writer(stream, lineterminator="\n").writerows(rows)
        except OSError as error:
            raise OutputError(
                f"{self.path}: can't be written ({error.strerror}); the last checkpoint is kept."
            ) from error

    def add(self, step: int, scalars: dict[str, float]) -> None:
        """Append the scalars of a step. Raises OutputError."""
        minutes = f"{(time.monotonic() - self.begun) / 60:.2f}"
        self.write([[self.stage, str(step), minutes, name, f"{value:.6g}"] for name, value in scalars.items()], "a")
