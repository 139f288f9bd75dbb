"""Commands that measure, and the one that reports what was measured."""

import shlex
import sys
from typing import Any

import click

from fitroom.cli.base import PICTURES, bar, main, missing_extra, reports_errors


@main.command()
@click.option("--data", "data_folder", required=True, help="Data folder in a VITON layout, or a pack.")
@click.option(
    "--pairs", required=True, help="Pair list, a file or one of the data: persons, each with another's garment."
)
@click.option("--paired", help="Pair list: persons, each with the garment they wear; for the warp.")
@click.option("--weights", default="lite", show_default=True, help="Shipped weights by name, or a weights folder.")
@click.option("--backend", type=click.Choice(["openvino", "torch"]), default="openvino", show_default=True)
@click.option("--baseline", type=click.Choice(["copy", "paste"]), help="Measure this in place of weights. copy: the "
              "person unchanged; paste: the garment scaled onto the torso.")  # fmt: skip
@click.option("--inception", metavar="PATH|download", help="TorchScript Inception, for FID and KID.")
@click.option("--lpips", metavar="PATH|download", help="TorchScript VGG-16 with LPIPS weights.")
@click.option("-o", "--output", help="Where to write all figures, of every pair too: JSON.")
@click.option("--csv", "csv_file", help="CSV file to append a row of figures to, with what made them.")
@click.option("--grid", help=f"Contact sheet to draw, worst cases first: {PICTURES}.")
@click.option("--worst", default="swap_back_ssim", show_default=True, metavar="MEASURE", help="What worst means.")
@click.option("--cases", type=click.IntRange(1, 300), default=24, show_default=True, help="Cases on the sheet.")
@reports_errors
def evaluate(
    data_folder: str, pairs: str, paired: str | None, weights: str, backend: str, baseline: str | None,
    inception: str | None, lpips: str | None, output: str | None, csv_file: str | None, grid: str | None, worst: str,
    cases: int,
) -> None:  # fmt: skip
    """Measure weights or a baseline on lists of pairs (needs the extra evaluate)."""
    with missing_extra("evaluate", "evaluate"):
        from fitroom.evaluate import evaluate as evaluating
        from fitroom.evaluate import grid as sheet
        from fitroom.evaluate import record
        from fitroom.evaluate.measures import table
        from fitroom.evaluate.plan import make_plan
        from fitroom.evaluate.systems import open_system
    from fitroom.output import check_output, save_picture

    if output:
        record.check_file(output)
    if csv_file:
        record.check_csv(csv_file)
    if grid:
        check_output(grid)
        sheet.check_measure(worst, paired is not None)
    system = open_system(weights, backend, baseline)
    plan = make_plan(data_folder, pairs, paired, bar)
    result = evaluating.evaluate(
        system, plan, inception, lpips, bar, notify=lambda line: click.echo(f"warning: {line}", err=True)
    )
    for line in table(result.figures, result.not_measured):
        click.echo(line)
    came_from = record.origin(system, plan, shlex.join(["fitroom", *sys.argv[1:]]))
    if output:
        click.echo(f"wrote {record.write_json(output, result, came_from)}")
    if csv_file:
        click.echo(f"added a row to {record.append_csv(csv_file, result, came_from)}")
    if grid:
        listed = sheet.worst_cases(result, worst, cases)
        click.echo(f"wrote {save_picture(sheet.contact_sheet(system, plan, listed, worst, bar), grid)}")


@main.command()
@click.option("--results", default="results", show_default=True, help="Folder with measured CSV files, and original/.")
@click.option(
    "-o", "--output", default="docs/results.md", show_default=True, help="Markdown page; plots lie beside it."
)
@reports_errors
def report(results: str, output: str) -> None:
    """Write measured figures beside the original system's as one page with plots (needs the extra evaluate)."""
    with missing_extra("evaluate", "report"):
        from fitroom.evaluate.report import write_report
    click.echo(f"wrote {write_report(results, output)}")


@main.group(invoke_without_command=True)
@click.pass_context
def benchmark(context: click.Context) -> None:
    """Time a look, or a training step. Alone: a look of the shipped weights."""
    if context.invoked_subcommand is None:
        context.invoke(benchmark_look)


@benchmark.command("look")
@click.option("--weights", default="lite", show_default=True, help="Shipped weights by name, or a weights folder.")
@click.option("--backend", type=click.Choice(["openvino", "torch"]), default="openvino", show_default=True)
@click.option("--repeats", type=click.IntRange(1), default=50, show_default=True, help="Looks to take the median of.")
@reports_errors
def benchmark_look(weights: str, backend: str, repeats: int) -> None:
    """Time one look at 192x256, whole and in its steps."""
    from fitroom.evaluate.benchmark import benchmark as measure
    from fitroom.tryon import TryOn

    for name, value in measure(TryOn.load(weights, backend), repeats).items():
        click.echo(f"{name:18} {value:8.2f} ms {1000 / value:8.1f} per second")


@benchmark.command("training")
@click.option("--stage", type=click.Choice(["pb_warp", "pb_generator", "pf_warp", "pf_generator"]),
              default="pf_generator", show_default=True)  # fmt: skip
@click.option("--batch", type=click.IntRange(2, 16), default=16, show_default=True)
@click.option("--precision", type=click.Choice(["32-true", "bf16-mixed", "16-mixed"]), default="32-true",
              show_default=True)  # fmt: skip
@click.option("--repeats", type=click.IntRange(1), default=10, show_default=True, help="Steps to take the median of.")
@reports_errors
def benchmark_training(stage: Any, batch: int, precision: str, repeats: int) -> None:
    """Time a training step of lite, and the shares of data and correlation in it (needs the extra train)."""
    with missing_extra("train", "benchmark training"):
        from fitroom.train.benchmark import benchmark_training as measure
    for name, value in measure(stage, batch, precision, repeats).items():
        click.echo(f"{name:18} {value:8.3f}{' ms' if name == 'step' else ''}")
