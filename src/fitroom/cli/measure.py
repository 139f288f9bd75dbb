"""Commands that measure, and the one that reports what was measured."""

import click

from fitroom.cli.base import PICTURES, bar, main, missing_extra, reports_errors


@main.command()
@click.option("--data", "data_folder", required=True, help="Data folder in a VITON layout, or a pack.")
@click.option(
    "--pairs", required=True, help="Pair list, a file or one of the data: persons, each with another's garment."
)
@click.option("--paired", help="Pair list: persons, each with the garment they wear; for the warp.")
@click.option("--weights", default="lite", show_default=True, help="Shipped weights by name, or a weights folder.")
@click.option("--backend", type=click.Choice(["openvino", "onnx", "torch"]), default="openvino", show_default=True)
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
    from fitroom.circumstances import command
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
    came_from = record.origin(system, plan, command())
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
