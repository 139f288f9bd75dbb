"""Commands on data folders."""

import click

from fitroom.cli.base import bar, main, reports_errors
from fitroom.errors import DataError, InputError


@main.group()
def data() -> None:
    """Check, annotate and pack data folders, and draw synthetic data."""


@data.command("check")
@click.argument("folder")
@reports_errors
def data_check(folder: str) -> None:
    """Check a data folder in the VITON layout.

    Reads every file that the pair lists in FOLDER name, and lists the missing and broken ones.
    """
    from fitroom.data.check import check

    report = check(folder, progress=lambda pairs: bar(pairs, "checking"))
    for problem in report.problems:
        click.echo(problem)
    if report.problems:
        raise DataError(f"{folder}: {len(report.problems)} problems in {report.pairs} pairs.")
    lists = ", ".join(path.name for path in report.lists) or "no pair list, paired by file number"
    click.echo(f"{folder}: {report.pairs} pairs ({lists}), no problems")


@data.command("synth")
@click.option("-o", "--output", required=True, help="New folder to write, in the VITON layout.")
@click.option("--count", type=click.IntRange(2), default=20, show_default=True, help="Number of figures.")
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Random seed; the same seed draws the same data.",
)
@click.option(
    "--height",
    type=click.IntRange(128, 2048),
    default=256,
    show_default=True,
    help="Height of the pictures in pixels, a multiple of 4. The width is three quarters of it.",
)
@reports_errors
def data_synth(output: str, count: int, seed: int, height: int) -> None:
    """Draw a synthetic data set of figures in garments.

    Includes parsing labels, key points, garment masks, and each figure in another garment as ground truth for unpaired
    try-on.
    """
    from fitroom.data.synthetic import write_dataset

    if height % 4:
        raise InputError(f"--height {height}: need a multiple of 4, because the width is 3/4 of the height.")
    root = write_dataset(output, count, seed, height, height * 3 // 4, lambda numbers: bar(numbers, "drawing"))
    click.echo(f"wrote {root}: {count} figures")


@data.command("annotate")
@click.argument("folder")
@click.option(
    "--parser", default="parser", show_default=True, help="Human parser: name of shipped weights, or a weights folder."
)
@reports_errors
def data_annotate(folder: str, parser: str) -> None:
    """Annotate your own pictures for training.

    Writes parsing labels and key points for the persons in FOLDER/train_img, by a human parser, and masks for the
    garments in FOLDER/train_color, which need a plain, light background. Existing annotations are kept.
    """
    from fitroom.data.annotate import annotate
    from fitroom.tryon import open_parser

    done = annotate(folder, open_parser(parser), lambda paths: bar(paths, "annotating"))
    for problem in done.problems:
        click.echo(problem)
    click.echo(f"{folder}: {done.persons} persons and {done.garments} garments annotated")
    if done.problems:
        raise DataError(f"{folder}: {len(done.problems)} pictures could not be annotated.")


@data.command("pack")
@click.argument("folder")
@click.option("-o", "--output", required=True, help="File to write, such as viton.pack.")
@click.option(
    "--quality", type=click.IntRange(1, 100), default=75, show_default=True, help="WebP quality of photos and garments."
)
@reports_errors
def data_pack(folder: str, output: str, quality: int) -> None:
    """Pack a data folder in the VITON layout into one file.

    The pack holds the pairs of all pair lists in FOLDER. Training and evaluation read it like a folder.
    """
    from fitroom.data.pack import write_pack

    path = write_pack(folder, output, quality, progress=lambda names: bar(names, "packing"))
    click.echo(f"wrote {path}: {path.stat().st_size / 1e6:.1f} MB")
