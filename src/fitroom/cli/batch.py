"""The command that dresses catalogues."""

import sys
from typing import Any

import click
from tqdm import tqdm

from fitroom.cli.base import main, missing_extra, parser_option, reports_errors, segmenter_option, weights_option
from fitroom.errors import InputError

SOME_FAILED = 3  # exit code


@main.command()
@click.argument("pairs", required=False)
@click.option(
    "--persons",
    help="Folder or fsspec URL of person photos. With --garments, in place of PAIRS: every person in every garment.",
)
@click.option("--garments", help="Folder or fsspec URL of garment pictures, for --persons.")
@click.option("--out", required=True, help="Output folder for looks, journal.jsonl and results.parquet.")
@click.option("--looks", default="", help="Folder or fsspec URL for the looks.  [default: looks in --out]")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["png", "webp", "jpg"]),
    default="png",
    show_default=True,
    help="File format of the looks.",
)
@click.option(
    "--size",
    type=click.Choice(["photo", "model"]),
    default="photo",
    show_default=True,
    help="Size of the look. photo: the size of the person's photo; model: the network's size, 192x256.",
)
@weights_option
@parser_option
@segmenter_option
@click.option(
    "--workers",
    type=click.IntRange(0, 256),
    default=0,
    help="Number of threads; 0: as many as OpenVINO recommends. Not used with --ray.  [default: 0]",
)
@click.option(
    "--ray",
    "address",
    metavar="auto|ADDRESS",
    help="Run on a Ray cluster (needs the extra cluster). auto: the cluster that runs on this machine.",
)
@reports_errors
def batch(
    pairs: str | None,
    persons: str | None,
    garments: str | None,
    out: str,
    looks: str,
    kind: Any,
    size: Any,
    weights: str,
    parser: str,
    segmenter: str,
    workers: int,
    address: str | None,
) -> None:
    """Dress many pairs: those of a list, or every person in every garment (needs the extra batch).

    PAIRS is a CSV or Parquet file with the columns person and garment, and optionally garment_mask and id. To continue
    an interrupted run, run the same command again: it skips finished pairs and retries failed ones. The exit code is 3
    if any pair failed.
    """
    from fitroom.batch.job import BatchConfig, run_batch
    from fitroom.batch.pairs import cross_product, read_pairs
    from fitroom.batch.threads import on_threads

    if (pairs is None) == (persons is None or garments is None) or (pairs is not None and (persons or garments)):
        raise InputError("give either a list of pairs, or both --persons and --garments.")
    given = read_pairs(pairs) if pairs is not None else cross_product(str(persons), str(garments))
    workers_of = on_threads
    if address is not None:
        with missing_extra("cluster", "batch --ray"):
            from fitroom.batch.cluster import on_ray
        workers_of = on_ray(address)  # type: ignore[assignment]
    with tqdm(unit=" looks", mininterval=1, disable=None) as bar:

        def begun(total: int, before: int) -> None:
            bar.reset(total)
            bar.update(before)
            bar.initial = before

        def advance(count: int) -> None:
            bar.update(count)

        config = BatchConfig(out, looks, weights, parser, segmenter, kind, size, workers)
        summary = run_batch(given, config, workers_of, begun, advance)
    click.echo(f"{summary.pairs} pairs: {summary.before} already done, {summary.done} dressed, {summary.failed} failed")
    click.echo(f"wrote {summary.results}")
    for name, reason in summary.failures:
        click.echo(f"{name}: {reason}", err=True)
    if summary.failed > len(summary.failures):
        click.echo(f"... and {summary.failed - len(summary.failures)} more, in {summary.results}", err=True)
    if summary.failed:
        sys.exit(SOME_FAILED)
