"""The command that makes deployable graphs."""

from typing import Any

import click
from tqdm import tqdm

from fitroom.cli.base import main, missing_extra, reports_errors, weights_option


@main.command()
@weights_option
@click.option(
    "--format",
    "graphs",
    type=click.Choice(["openvino", "onnx"]),
    default="openvino",
    show_default=True,
    help="Graph format.",
)
@click.option(
    "--precision",
    type=click.Choice(["fp32", "fp16", "int8"]),
    default="fp32",
    show_default=True,
    help="fp16: constants are stored as float16, computation is in float32. int8: for OpenVINO only.",
)
@click.option(
    "--data", help="Data folder or pack, for the comparison and for INT8 calibration.  [default: drawn figures]"
)
@click.option(
    "--pairs",
    default="val_pairs_unpaired.txt",
    show_default=True,
    help="Pair list of --data for the comparison; the first 8 pairs are used.",
)
@click.option(
    "--calibration",
    default="train_pairs.txt",
    show_default=True,
    help="Pair list of --data for INT8 calibration; the first 128 pairs are used.",
)
@click.option(
    "--keep",
    multiple=True,
    metavar="REGEX",
    help="Regular expression for the names of operations that stay in float32 with int8. Repeatable.",
)
@click.option("--separate", is_flag=True, help="Write only person, garment and dress, without look.")
@click.option("-o", "--output", required=True, help="Weights folder to write.")
@reports_errors
def export(
    weights: str,
    graphs: Any,
    precision: Any,
    data: str | None,
    pairs: str,
    calibration: str,
    keep: tuple[str, ...],
    separate: bool,
    output: str,
) -> None:
    """Export weights as OpenVINO or ONNX graphs (needs the extra compress).

    fitroom runs the graphs person, garment and dress. The graph look combines them, from uint8 pictures to the look.
    The looks of the written graphs are compared with PyTorch's.
    """
    with missing_extra("compress", "export"):
        from fitroom.benchmark.graphs import time_graphs
        from fitroom.export.request import ExportRequest, run_export

        quantize = None
        if precision == "int8":
            from fitroom.compress.quantize import quantizer

            quantize = quantizer(keep)
    request = ExportRequest(weights, graphs, precision, data, pairs, calibration, keep, whole=not separate)
    with tqdm(total=4, bar_format="{desc}", leave=False, disable=None) as status:
        exported = run_export(request, output, status.set_description, quantize)
        found = exported.difference
        click.echo(f"difference from PyTorch's look: largest {found.largest:.0f}/255, mean {found.mean:.4f}/255")
        status.set_description("timing")
        for name, spread in time_graphs(exported.weights).items():
            click.echo(f"{name:8} {spread.median:7.2f} ms")
    click.echo(f"wrote {exported.weights.folder}")
