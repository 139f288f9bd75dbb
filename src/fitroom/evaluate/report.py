"""Write the report: a Markdown page with plots that compares our figures with those of the original system."""

import csv
from dataclasses import dataclass
from pathlib import Path

from fitroom.errors import DataError, OutputError
from fitroom.evaluate.measures import MEASURES, Measure
from fitroom.evaluate.plots import (
    draw_calibration,
    draw_original_pruning,
    draw_sensitivity,
    draw_systems,
    losses_alone,
)
from fitroom.files import atomic_write

Row = dict[str, str]
NOT_YET = "not yet"


@dataclass(frozen=True)
class Comparison:
    """A table that the original system published, and the file that holds our rows."""

    title: str
    file: str  # in results/original; ours has the same name in results
    headings: dict[str, str]  # titles by column of the file; the first column names the row
    note: str


PRUNING = {
    "metrics": "scheme",
    "gflops": "G multiply-adds",
    "params_m": "M parameters",
    "size_mb": "module MB",
    "total_size_mb": "total MB",
    "compression_ratio_percent": "% of its size",
    "fid": "FID",
    "fid_loss_percent": "FID loss, %",
}
# our own columns, after the original's
OURS = {
    "network": "network",
    "swap_back_ssim": "swap-back SSIM",
    "retrieval_top5": "retrieval, top 5",
    "loss_percent": "our loss, %",
    "ms": "ms a look",
    "finetuned": "made by",
}
COMPARISONS = (
    Comparison(
        "Channel pruning of the warp network",
        "warp_pruning.csv",
        PRUNING,
        "Its G multiply-adds and parameters are those of one feature encoder; its total is the whole warp network.",
    ),
    Comparison(
        "Channel pruning of the generator", "generator_pruning.csv", PRUNING, "All columns: the whole generator."
    ),
    Comparison(
        "Best scheme",
        "best_pruning.csv",
        {
            "model": "module",
            "original_mb": "MB before",
            "sparsity_percent": "pruned, %",
            "pruned_mb": "MB after",
            "fid": "FID",
            "fps": "looks a second",
        },
        "FID and looks a second hold for both modules together.",
    ),
    Comparison(
        "Quantization",
        "quantization.csv",
        {
            "optimization": "quantized",
            "cpu_fid": "FID, CPU",
            "gpu_fid": "FID, GPU",
            "original_mb": "MB before",
            "quantized_mb": "MB after",
        },
        "Quantization-aware training.",
    ),
    Comparison(
        "Correlation",
        "img2col.csv",
        {
            "runtimes": "runs",
            "corrtorch_s": "before, s",
            "img2col_s": "after, s",
            "fps": "looks a second",
            "acceleration_rate": "times as fast",
        },
        "Its last row is not the mean of the two above it, which give 0.093 s.",
    ),
)


def read_rows(path: Path) -> list[Row]:
    """Read the rows of a CSV file; return none if the file does not exist. Raises DataError if it can't be read."""
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            return list(csv.DictReader(stream))
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not a CSV file that can be read ({error}).") from error


def markdown_table(headings: list[str], rows: list[list[str]]) -> list[str]:
    """Return the lines of a Markdown table."""
    lines = ["| " + " | ".join(headings) + " |", "|" + "---|" * len(headings)]
    return lines + ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]


def newest(rows: list[Row]) -> list[Row]:
    """Keep the last row of each system and pair list, in order of first appearance."""
    kept: dict[tuple[str, ...], Row] = {}
    for row in rows:
        kept[tuple(row[key] for key in ("pairs_sha256", "paired_sha256", "system", "version", "backend"))] = row
    return list(kept.values())


def quality_row(measure: Measure, rows: list[Row]) -> list[str]:
    """Return a table row with one measure of every system; the figure to read it with is in brackets."""

    def shown(row: Row, key: str | None) -> str:
        return f"{float(row[key]):.{measure.decimals}f}" if key and row[key] else ""

    missing = "–" if any(row[measure.key] for row in rows) else NOT_YET
    cells = []
    for row in rows:
        beside = shown(row, measure.beside)
        cells.append((shown(row, measure.key) or missing) + (f" ({beside})" if beside else ""))
    return [measure.title, measure.better, *cells]


def system_name(row: Row) -> str:
    """Return system, version and backend of a row as one string."""
    return " ".join(filter(None, (row["system"], row["version"], row["backend"])))


def speed_section(rows: list[Row]) -> list[str]:
    """Return the section on speed: medians of one run of `fitroom benchmark`.

    The table has a line for each figure and a column for each system and precision.
    """
    lines = ["## Speed", ""]
    if not rows:
        return lines + [f"{NOT_YET}: run `fitroom benchmark --csv results/speed.csv`.", ""]
    systems = list(dict.fromkeys((row["system"], row["precision"]) for row in rows))
    cells = {(row["figure"], row["system"], row["precision"]): row for row in rows}

    def shown(row: Row | None) -> str:
        return "" if row is None else f"{float(row['value']):.2f} ({float(row['low']):.2f}–{float(row['high']):.2f})"

    body = [
        [figure, unit, *(shown(cells.get((figure, *system))) for system in systems)]
        for figure, unit in dict.fromkeys((row["figure"], row["unit"]) for row in rows)
    ]
    first = rows[0]
    return [
        *lines,
        "One run. Medians; in brackets the tenth and the ninetieth of a hundred. What each figure is: "
        "[deployment](deployment.md).",
        "",
        *markdown_table(["figure", "unit", *map(" ".join, systems)], body),
        "",
        f"`{first['command']}`, {first['date']}, {first['hardware']}; {first['versions']}",
        "",
    ]


def evaluation_section(rows: list[Row]) -> list[str]:
    """Return the section on quality: a table of all systems for each pair of lists, and the command of every row."""
    lines = ["## Quality", ""]
    if not rows:
        return lines + [f"{NOT_YET}: run `fitroom evaluate --csv results/evaluation.csv`.", ""]
    for lists in dict.fromkeys((row["pairs"], row["pairs_sha256"], row["paired"], row["looks"]) for row in rows):
        same = [row for row in rows if (row["pairs"], row["pairs_sha256"], row["paired"], row["looks"]) == lists]
        name, sha256, paired, looks = lists
        lines += [f"`{name}` (sha256 {sha256[:12]}, {looks} pairs){f', warp on `{paired}`' if paired else ''}.", ""]
        headings = ["measure", "better", *(system_name(row) for row in same)]
        lines += [*markdown_table(headings, [quality_row(measure, same) for measure in MEASURES]), ""]
        lines += [
            "In brackets: for swap-back the look itself, had nothing been done to bring the garment back; for "
            "retrieval the real photos in their own garments.",
            "",
        ]
        for row in same:
            lines.append(
                f"- {system_name(row)}: `{row['command']}`, {row['date']}, {row['hardware']}; {row['versions']}"
            )
        lines.append("")
    return lines


def comparison_section(comparison: Comparison, theirs: list[Row], ours: list[Row]) -> list[str]:
    """Return one of the original's tables; below each of its rows is the newest of our rows for each network."""
    key, *columns = comparison.headings
    # the newest row by label and network, whatever the version
    own: dict[str, dict[str, Row]] = {}
    for row in ours:
        own.setdefault(row[key], {})[row.get("network", "").split(" ")[0]] = row
    more = [column for column in OURS if any(row.get(column) for row in ours)]
    body = []

    def our_row(name: str, row: Row) -> list[str]:
        command = f"`{row['command']}`, {row['hardware']}; {row['versions']}" if row.get("command") else NOT_YET
        return [
            name,
            "fitroom",
            *(row.get(column) or NOT_YET for column in columns),
            *(row.get(column, "") for column in more),
            command,
        ]

    for row in theirs:
        body.append(
            [row[key], "original", *(row[column] for column in columns), *("" for _ in more), "published, 2023"]
        )
        body += [our_row("", mine) for mine in own.pop(row[key], {"": {}}).values()]
    body += [our_row(name, row) for name, rows in own.items() for row in rows.values()]
    headings = [comparison.headings[key], "whose", *(comparison.headings[column] for column in columns)]
    headings += [*(OURS[column] for column in more), "command"]
    return [f"### {comparison.title}", "", comparison.note, "", *markdown_table(headings, body), ""]


def write_report(results: str | Path, output: str | Path) -> Path:
    """Read `results`/*.csv and write a Markdown page. Plots go into a folder beside it that has the page's name.

    Raises DataError if the results or the original's tables are missing, OutputError if a file can't be written.
    """
    results, output = Path(results), Path(output)
    if not (results / "original").is_dir():
        raise DataError(f"{results}: no results with the original's tables (original/*.csv) in it; run in the project.")
    if not output.absolute().parent.is_dir():
        raise OutputError(f"{output}: the folder {output.absolute().parent} does not exist; make it first.")
    evaluations = newest(read_rows(results / "evaluation.csv"))
    plots = output.with_suffix("")
    lines = [
        "# Results",
        "",
        f"Written by `fitroom report` from `results/*.csv`. What has not been measured says {NOT_YET}. How to read "
        "each measure: [evaluation](evaluation.md).",
        "",
        *evaluation_section(evaluations),
    ]
    if evaluations:
        lines += [f"![swap-back against retrieval]({plots.name}/systems.svg)", ""]
    lines += speed_section(read_rows(results / "speed.csv"))
    lines += ["## Beside the original system", "", "The five tables that the system of 2023 published.", ""]
    tables = {}
    for comparison in COMPARISONS:
        tables[comparison.file] = read_rows(results / "original" / comparison.file)
        if not tables[comparison.file]:
            raise DataError(f"{results / 'original' / comparison.file}: missing or empty; take it from the project.")
        lines += comparison_section(comparison, tables[comparison.file], read_rows(results / comparison.file))
    lines += [f"![FID of the pruned original]({plots.name}/original_pruning.svg)", ""]
    losses, curve = losses_alone(read_rows(results / "sensitivity.csv")), read_rows(results / "confidence.csv")
    if losses:
        lines += ["## Modules pruned alone", "", "Not fine-tuned; what it says: [compression](compression.md).", ""]
        lines += [f"![quality lost by each module pruned alone]({plots.name}/sensitivity.svg)", ""]
    if curve:
        lines += ["## Confidence", "", "What it is: [photos](photos.md).", ""]
        lines += [f"![how often looks are right, by confidence]({plots.name}/confidence.svg)", ""]
    try:
        plots.mkdir(exist_ok=True)
        if evaluations:
            draw_systems(evaluations, plots / "systems.svg")
        if losses:
            draw_sensitivity(losses, plots / "sensitivity.svg")
        if curve:
            points = [(float(row["said"]), float(row["right"])) for row in curve]
            draw_calibration(points, plots / "confidence.svg")
        draw_original_pruning(
            tables["warp_pruning.csv"], tables["generator_pruning.csv"], plots / "original_pruning.svg"
        )
    except OSError as error:
        raise OutputError(f"{plots}: can't be written ({error.strerror}).") from error
    with atomic_write(output) as part:
        part.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    return output
