"""Commands on data folders."""

import click

from fitroom.cli.base import bar, main, reports_errors
from fitroom.errors import DataError, InputError


@main.group()
def data() -> None:
    """Check, annotate and pack data folders, and draw synthetic ones."""


@data.command("check")
@click.argument("folder")
@reports_errors
def data_check(folder: str) -> None:
    """Read every file that the pair lists of a VITON-style FOLDER name, and say which are missing or broken."""
    from fitroom.data.check import check

    report = check(folder, progress=lambda pairs: bar(pairs, "checking"))
    for problem in report.problems:
        click.echo(problem)
    if report.problems:
        raise DataError(f"{folder}: {len(report.problems)} problems in {report.pairs} pairs.")
    lists = ", ".join(path.name for path in report.lists) or "no list, by file number"
    click.echo(f"{folder}: {report.pairs} pairs ({lists}), all files sound")


@data.command("synth")
@click.option("-o", "--output", required=True, help="New folder to write, in the VITON layout.")
@click.option("--count", type=click.IntRange(2), default=20, show_default=True, help="Figures to draw.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="The same seed draws the same set.")
@click.option(
    "--height",
    type=click.IntRange(128, 2048),
    default=256,
    show_default=True,
    help="Of the pictures; their width is three quarters of it.",
)
@reports_errors
def data_synth(output: str, count: int, seed: int, height: int) -> None:
    """Draw figures in garments, with parsing, pose, garment masks, and each figure in another garment as truth."""
    from fitroom.data.synthetic import write_dataset

    if height % 4:
        raise InputError(f"--height {height}: need a multiple of 4, so that the width is whole.")
    root = write_dataset(output, count, seed, height, height * 3 // 4, lambda numbers: bar(numbers, "drawing"))
    click.echo(f"wrote {root}: {count} figures")


@data.command("annotate")
@click.argument("folder")
@click.option("--parser", default="parser", show_default=True, help="Weights of a human parser, by name or folder.")
@reports_errors
def data_annotate(folder: str, parser: str) -> None:
    """Write what training needs beside the pictures in FOLDER/train_img and FOLDER/train_color.

    Parsing and pose of persons, by a human parser, and masks of garments, by their plain background. What is there
    already stays.
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
@click.option("--quality", type=click.IntRange(1, 100), default=75, show_default=True, help="Of its WebP pictures.")
@reports_errors
def data_pack(folder: str, output: str, quality: int) -> None:
    """Put the pairs of all lists of a VITON-style FOLDER into one file, to carry away and train from as it is."""
    from fitroom.data.pack import write_pack

    path = write_pack(folder, output, quality, progress=lambda names: bar(names, "packing"))
    click.echo(f"wrote {path}: {path.stat().st_size / 1e6:.1f} MB")
