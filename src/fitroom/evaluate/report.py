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
WIDEST = 8  # columns of a table


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
        raise DataError(f"{path}: can't be read as CSV ({error}).") from error


def markdown_table(headings: list[str], rows: list[list[str]]) -> list[str]:
    """Return the lines of a Markdown table."""

    def line(cells: list[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    return [line(headings), "|" + "---|" * len(headings), *map(line, rows)]


def newest(rows: list[Row]) -> list[Row]:
    """Keep the last row of each system and pair list, in order of first appearance."""
    kept: dict[tuple[str, ...], Row] = {}
    for row in rows:
        kept[tuple(row[key] for key in ("pairs_sha256", "paired_sha256", "system", "version", "backend"))] = row
    return list(kept.values())


def figure_of(row: Row, key: str | None, decimals: int) -> str:
    """Return a figure of a row with some decimals; empty if it was not measured."""
    return f"{float(row[key]):.{decimals}f}" if key and row.get(key) else ""


def quality_cell(measure: Measure, row: Row) -> str:
    """Return a measure of a system; the figure to read it with is in brackets."""
    beside = figure_of(row, measure.beside, measure.decimals)
    return figure_of(row, measure.key, measure.decimals) + (f" ({beside})" if beside else "")


def quality_tables(rows: list[Row]) -> list[str]:
    """Return a table for each group of measures: a row for each system, and a column for each measure with a value."""
    lines = []
    for group in dict.fromkeys(measure.group for measure in MEASURES):
        measured = [m for m in MEASURES if m.group == group and any(row.get(m.key) for row in rows)]
        body = [
            [system_name(row), *(quality_cell(measure, row) for measure in measured)]
            for row in rows
            if any(row.get(measure.key) for measure in measured)
        ]
        if body:
            headings = ["system", *(f"{measure.title} ({measure.better})" for measure in measured)]
            lines += [f"### {group}", "", *markdown_table(headings, body), ""]
    return lines


def system_name(row: Row) -> str:
    """Return system, version and backend of a row as one string."""
    return " ".join(filter(None, (row["system"], row["version"], row["backend"])))


def speed_section(rows: list[Row]) -> list[str]:
    """Return the section on speed: medians of one run of `fitroom benchmark`, a row for each figure of each system."""
    if not rows:
        return []
    body = [
        [
            row["figure"],
            row["unit"],
            f"{row['system']} {row['precision']}".strip(),
            f"{float(row['value']):.2f} ({float(row['low']):.2f}–{float(row['high']):.2f})",
        ]
        for row in rows
    ]
    first = rows[0]
    return [
        "## Speed",
        "",
        "Medians of one run; the tenth and the ninetieth percentile in brackets. [Deployment](deployment.md) explains "
        "each figure.",
        "",
        *markdown_table(["figure", "unit", "system", "median"], body),
        "",
        f"`{first['command']}`, {first['date']}, {first['hardware']}; {first['versions']}",
        "",
    ]


def evaluation_section(rows: list[Row]) -> list[str]:
    """Return the section on quality: tables of all systems for each pair of lists, and the command of every row."""
    lines = ["## Quality", ""] if rows else []
    for lists in dict.fromkeys((row["pairs"], row["pairs_sha256"], row["paired"], row["looks"]) for row in rows):
        same = [row for row in rows if (row["pairs"], row["pairs_sha256"], row["paired"], row["looks"]) == lists]
        name, sha256, paired, looks = lists
        lines += [f"`{name}` (sha256 {sha256[:12]}, {looks} pairs){f', warp on `{paired}`' if paired else ''}.", ""]
        lines += [
            "In brackets: for swap-back, the look itself, without swapping back; for retrieval, the real photos in "
            "their own garments; for KID, the standard deviation; for leftover, damage; for sizes, the 90th "
            "percentile.",
            "",
            *quality_tables(same),
            "### Commands",
            "",
        ]
        for row in same:
            lines.append(
                f"- {system_name(row)}: `{row['command']}`, {row['date']}, {row['hardware']}; {row['versions']}"
            )
        lines.append("")
    return lines


def newest_of_networks(key: str, rows: list[Row]) -> list[Row]:
    """Keep the newest row of each label (`key`) and network, whatever the version, in order of first appearance."""
    kept: dict[tuple[str, str], Row] = {}
    for row in rows:
        kept[row[key], row.get("network", "").split(" ")[0]] = row
    return list(kept.values())


def comparison_section(comparison: Comparison, theirs: list[Row], ours: list[Row]) -> list[str]:
    """Return one of the original's tables, and ours: the newest row for each of its rows and each network."""
    key, *columns = comparison.headings
    published = [[row[column] for column in comparison.headings] for row in theirs]
    lines = [f"### {comparison.title}", "", comparison.note, "", "The original system, published in 2023:", ""]
    lines += [*markdown_table(list(comparison.headings.values()), published), ""]
    own = newest_of_networks(key, ours)
    titles = comparison.headings | OURS
    measured = [column for column in (*columns, *OURS) if column != "network" and any(row.get(column) for row in own)]
    if own:
        lines += ["fitroom:", ""]
    for first in range(0, len(measured), WIDEST - 2):
        part = measured[first : first + WIDEST - 2]
        body = [
            [row[key], row.get("network", ""), *(row.get(column, "") for column in part)]
            for row in own
            if any(row.get(column) for column in part)
        ]
        headings = [comparison.headings[key], "network", *(titles[column] for column in part)]
        lines += [*markdown_table(headings, body), ""]
    lines += dict.fromkeys(
        f"- {row.get('network') or row[key]}: `{row['command']}`, {row['hardware']}; {row['versions']}" for row in own
    )
    return [*lines, ""] if own else lines


def write_report(results: str | Path, output: str | Path) -> Path:
    """Read `results`/*.csv and write a Markdown page. Plots go into a folder beside it that has the page's name.

    Raises DataError if the results or the original's tables are missing, OutputError if a file can't be written.
    """
    results, output = Path(results), Path(output)
    if not (results / "original").is_dir():
        raise DataError(
            f"{results}: no tables of the original system (original/*.csv) in it; "
            "use the results folder of the project's repository."
        )
    if not output.absolute().parent.is_dir():
        raise OutputError(f"{output}: the folder {output.absolute().parent} does not exist; make it first.")
    evaluations = newest(read_rows(results / "evaluation.csv"))
    plots = output.with_suffix("")
    lines = [
        "# Results",
        "",
        "Written by `fitroom report` from `results/*.csv`. [Evaluation](evaluation.md) explains each measure.",
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
            raise DataError(
                f"{results / 'original' / comparison.file}: missing or empty; copy it from the project's repository."
            )
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
