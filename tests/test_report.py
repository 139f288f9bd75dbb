"""Tests of the report, which shows the figures that were measured."""

import csv
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from fitroom.cli import main
from fitroom.evaluate.report import COMPARISONS, newest, read_rows, write_report

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def results(tmp_path):
    return Path(shutil.copytree(ROOT / "results", tmp_path / "results"))


def test_committed_report_matches_the_committed_results(tmp_path):
    assert write_report(ROOT / "results", tmp_path / "results.md").read_text() == (ROOT / "docs/results.md").read_text()
    for plot in (ROOT / "docs/results").iterdir():
        assert (tmp_path / "results" / plot.name).read_bytes() == plot.read_bytes(), plot.name


def test_every_committed_row_records_command_hardware_and_versions():
    for path in (ROOT / "results").glob("*.csv"):
        for row in read_rows(path):
            assert row["command"].startswith(("fitroom ", "python tools/", "python scripts/")), path
            assert row["hardware"], path
            assert row["versions"], path
    assert {row["system"] for row in read_rows(ROOT / "results/evaluation.csv")} >= {"lite", "copy", "paste"}


def test_speed_table_has_a_row_for_each_figure_of_each_system(results, tmp_path):
    columns = "date,figure,value,unit,low,high,runs,system,precision,hardware,versions,command"
    rows = [
        "look_new,20,ms,19,22,50,lite 1,fp32",
        "look_new,10,ms,9,11,50,lite 1,int8",
        "batch,90,looks/s,88,95,5,lite 1,int8",
    ]
    made = "CPU,packages,fitroom benchmark"
    (results / "speed.csv").write_text("\n".join([columns, *(f"2026-01-01,{row},{made}" for row in rows)]))
    text = write_report(results, tmp_path / "page.md").read_text()
    assert "| look_new | ms | lite 1 fp32 | 20.00 (19.00–22.00) |" in text
    assert "| look_new | ms | lite 1 int8 | 10.00 (9.00–11.00) |" in text
    assert "| batch | looks/s | lite 1 int8 | 90.00 (88.00–95.00) |" in text


def test_no_table_is_wider_than_eight_columns_or_has_an_empty_column():
    tables: list[list[list[str]]] = [[]]
    for line in (ROOT / "docs/results.md").read_text().splitlines():
        if line.startswith("|"):
            tables[-1].append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
        elif tables[-1]:
            tables.append([])
    tables = [table for table in tables if table]
    assert len(tables) > 10
    for heading, _, *rows in tables:
        assert len(heading) <= 8, heading
        for column, title in enumerate(heading):
            assert any(row[column] for row in rows), (heading, title)


def test_original_tables_have_rows_and_the_expected_columns():
    for comparison in COMPARISONS:
        rows = read_rows(ROOT / "results/original" / comparison.file)
        assert rows
        assert list(rows[0]) == list(comparison.headings)


def test_without_our_figures_the_page_shows_the_original_tables_alone(results, tmp_path):
    for path in results.glob("*.csv"):
        path.unlink()
    text = write_report(results, tmp_path / "page.md").read_text()
    assert "## Quality" not in text
    assert "## Speed" not in text
    assert text.count("published in 2023:") == len(COMPARISONS)
    assert "\nfitroom:\n" not in text


def test_our_rows_follow_the_original_table_without_columns_that_were_not_measured(results, tmp_path):
    with (results / "quantization.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["optimization", "quantized_mb", "ms", "command", "hardware", "versions"])
        writer.writerow(["Quantize CWM & IGM", "1.5", "9.1", "fitroom quantize", "2 cores", "v"])
        writer.writerow(["Quantize lite", "2.5", "", "fitroom quantize --weights lite", "2 cores", "v"])
    lines = write_report(results, tmp_path / "page.md").read_text().splitlines()
    first = lines.index("| quantized | network | MB after | ms a look |")
    assert lines[first + 2 : first + 4] == ["| Quantize CWM & IGM |  | 1.5 | 9.1 |", "| Quantize lite |  | 2.5 |  |"]
    assert "- Quantize lite: `fitroom quantize --weights lite`, 2 cores; v" in lines


def test_latest_row_of_each_system_is_used():
    rows = read_rows(ROOT / "results/evaluation.csv")
    later = [row | {"warp_iou": "0.5"} for row in rows]
    kept = newest(rows + later)
    assert len(kept) == len(newest(rows))
    assert all(row["warp_iou"] == "0.5" for row in kept)


def test_the_same_results_give_the_same_plots(results, tmp_path):
    for name in ("a", "b"):
        write_report(results, tmp_path / f"{name}.md")
    for plot in ("systems.svg", "original_pruning.svg"):
        assert (tmp_path / "a" / plot).read_bytes() == (tmp_path / "b" / plot).read_bytes()


def test_command_writes_the_page_and_reports_missing_tables(results, tmp_path):
    page = tmp_path / "page.md"
    assert CliRunner().invoke(main, ["report", "--results", str(results), "-o", str(page)]).exit_code == 0
    assert page.exists()
    shutil.rmtree(results / "original")
    result = CliRunner().invoke(main, ["report", "--results", str(results), "-o", str(page)])
    assert result.exit_code == 2
    assert "original" in result.output
