"""Present and save the figures of a parser: a text table, a picture of the confusion matrix, and CSV rows."""

import io
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from PIL import Image

from fitroom.arrays import Picture
from fitroom.evaluate.parser import ParserFigures
from fitroom.evaluate.record import check_file
from fitroom.files import append_row, read_rows
from fitroom.hardware import hardware, versions

COLUMNS = ("date", "parser", "data", "figure", "value", "photos", "hardware", "versions", "command")
POINT_TITLES = {
    "points": "key points found",
    "error": "median error, shoulder widths",
    "calibration": "calibration error",
}


def parser_table(found: ParserFigures) -> list[str]:
    """Return the lines of a table: one row per label, then the figures of the key points."""
    pooled, medians = found.pooled(), found.medians()
    lines = [f"{'label':16}  {'IoU, pooled':>11}  {'median over photos':>18}  {'photos':>6}"]
    lines += [
        f"{name:16}  {pooled[name]:11.3f}  {medians[name]:18.3f}  {len(found.by_photo[name]):6}" for name in pooled
    ]
    return lines + [f"{POINT_TITLES[name]}: {value:.3f}" for name, value in found.points.items()]


def draw_confusion(found: ParserFigures) -> Picture:
    """Draw the confusion matrix (H, W, 3); every row has the shares of one true label's pixels."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    rows = np.flatnonzero(found.confusion.sum(axis=1))
    names = [found.groups.names[row].replace("_", " ") for row in range(len(found.groups.names))]
    shares = found.confusion[rows] / found.confusion[rows].sum(axis=1, keepdims=True)
    figure, axes = plt.subplots(figsize=(1.5 + 0.7 * len(names), 1.5 + 0.55 * len(rows)), dpi=110)
    axes.imshow(shares, vmin=0, vmax=1, cmap="Blues", aspect="auto")
    for row, column in np.ndindex(*shares.shape):
        if shares[row, column] >= 0.005:
            colour = "white" if shares[row, column] > 0.6 else "black"
            axes.text(column, row, f"{shares[row, column]:.2f}", ha="center", va="center", fontsize=8, color=colour)
    axes.set_xticks(range(len(names)), names, rotation=40, ha="right")
    axes.set_yticks(range(len(rows)), [names[row] for row in rows])
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    figure.tight_layout()
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    plt.close(figure)
    return np.asarray(Image.open(stream).convert("RGB"), np.uint8)


def check_parser_csv(path: str | Path) -> Path:
    """Return the path of a CSV file to append to. Raises OutputError if its columns differ or it can't be written."""
    read_rows(check_file(path), COLUMNS, "table of fitroom evaluate-parser")
    return Path(path)


def append_parser(path: str | Path, found: ParserFigures, parser: str, data: str, command: str) -> Path:
    """Append one row per figure: pooled and median IoU of every label, and key points. Raises OutputError."""
    path = check_parser_csv(path)
    origin = {
        "date": datetime.now(UTC).date().isoformat(),
        "parser": parser,
        "data": data,
        "hardware": hardware(),
        "versions": versions(),
        "command": command,
    }
    rows: list[tuple[str, float, object]] = []
    for kind, figures in (("pooled", found.pooled()), ("median", found.medians())):
        rows += [(f"IoU of {name}, {kind}", value, len(found.by_photo[name])) for name, value in figures.items()]
    rows += [(POINT_TITLES[name], value, "") for name, value in found.points.items()]
    for name, value, photos in rows:
        append_row(path, COLUMNS, origin | {"figure": name, "value": round(value, 5), "photos": photos})
    return path
