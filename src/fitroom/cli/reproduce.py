"""Commands that fill the tables of the system of 2023 with rows of ours."""

from pathlib import Path
from typing import Any

import click

from fitroom.cli.base import bar, main, missing_extra, reports_errors
from fitroom.cli.train import precision_option, training_bar
from fitroom.errors import InputError

TABLES = "warp-pruning", "generator-pruning", "best", "quantization", "correlation"


@main.command()
@click.argument("table", type=click.Choice([*TABLES, "all"]))
@click.option("--weights", default="lite", show_default=True, help="Shipped weights by name, or a weights folder.")
@click.option(
    "--network",
    type=click.Choice(["lite", "pfafn"]),
    help="Fill pruning tables with what this network costs, untrained, in place of --weights.",
)
@click.option("--float", "floating", help="For quantization: weights folder that is not INT8 yet.")
@click.option("--pruned", help="For best: weights folder that fitroom prune made of --weights.")
@click.option("--data", help="Data folder or pack with training and validation lists.")
@click.option("--work", help="Folder with cut-fakes; every row keeps its checkpoint below it.")
@click.option(
    "--minutes", type=click.FloatRange(0, min_open=True), default=10, show_default=True, help="Training of a row."
)
@click.option("--results", default="results", show_default=True, help="Folder of the tables.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change a setting of the fine-tuning.")
@precision_option
@reports_errors
def reproduce(table: str, results: str, **request: Any) -> None:
    """Fill TABLE, one of five that the system of 2023 published, with rows of ours (needs the extra compress).

    Rows that a table has are not measured again, so that an interrupted run goes on. `fitroom report` sets both side by
    side; docs/reproduce.md says which system this is.
    """
    with missing_extra("compress", "reproduce"):
        from fitroom.reproduce.correlation import run_correlation
    if table in ("correlation", "all"):
        run_correlation(Path(results), tell)
    for kind in ("warp", "generator"):
        if table in (f"{kind}-pruning", "all"):
            pruning_table(kind, results, **request)
    if table in ("quantization", "all"):
        quantization_table(results, **request)
    if table in ("best", "all"):
        best_table(results, **request)
    click.echo(f"filled {table} in {results}")


def tell(row: dict[str, object]) -> None:
    """Print a row that was measured, its first cells and what it takes."""
    shown = ("gflops", "total_size_mb", "quantized_mb", "loss_percent", "ms", "acceleration_rate")
    name = next(iter(row.values()))
    click.echo(f"{name:36} " + ", ".join(f"{column} {row[column]}" for column in shown if row.get(column)))


def faces() -> Any:
    """Return what shows a training's progress."""
    from fitroom.train.session import Faces

    return Faces(preparing=lambda items, total: bar(items, "reading", total), training=training_bar)


def given(request: dict[str, Any], *names: str) -> list[Any]:
    """Return values of options. Raises InputError for one that is missing."""
    options = {"floating": "float"}
    for name in names:
        if request[name] is None:
            raise InputError(f"this table needs --{options.get(name, name)}; fitroom reproduce --help says what it is.")
    return [request[name] for name in names]


def pruning_table(kind: str, results: str, network: str | None, weights: str, **request: Any) -> None:
    """Fill a pruning table: with costs alone where a network is named."""
    from fitroom.nets.registry import build_network
    from fitroom.reproduce.pruning import TABLES, TableRequest, run_costs, run_table

    csv = f"{results}/{TABLES[kind].file}"
    if network is not None:
        run_costs(kind, build_network(network, {}).eval(), csv, tell)
        return
    data, work, minutes = given(request, "data", "work", "minutes")
    wanted = TableRequest(kind, weights, data, work, csv, minutes, request["precision"], request["overrides"])
    run_table(wanted, tell, faces(), bar)


def quantization_table(results: str, **request: Any) -> None:
    """Fill the quantization table: after training, and by training."""
    from fitroom.compress.quantizing import QuantizeRequest
    from fitroom.reproduce.quantization import QuantizationRequest, run_quantization_table

    weights, data, work, minutes = given(request, "floating", "data", "work", "minutes")
    both = QuantizeRequest(
        weights,
        ("warp", "generator"),
        data,
        work=work,
        overrides=request["overrides"],
        max_minutes=minutes,
        precision=request["precision"],
    )
    wanted = QuantizationRequest(both, ("ptq", "qat"), f"{results}/quantization.csv")
    run_quantization_table(wanted, tell, faces(), bar)


def best_table(results: str, **request: Any) -> None:
    """Add the best scheme: pruned weights beside those that they came from."""
    from fitroom.reproduce.pruning import BEST_FILE, run_best

    weights, pruned, data = given(request, "weights", "pruned", "data")
    run_best(weights, pruned, data, f"{results}/{BEST_FILE}", bar)
