"""Commands that fill the tables of the system of 2023 with rows of ours."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from fitroom.cli.base import bar, main, missing_extra, reports_errors
from fitroom.cli.train import precision_option, training_bar
from fitroom.errors import InputError

TABLES = "warp-pruning", "generator-pruning", "best", "quantization", "correlation"


@main.command()
@click.argument("table", type=click.Choice([*TABLES, "all"]))
@click.option("--weights", default="lite", show_default=True, help="Name of shipped weights, or a weights folder.")
@click.option(
    "--network",
    type=click.Choice(["lite", "pfafn"]),
    help="Fill the pruning tables with the costs of this untrained network only, instead of --weights.",
)
@click.option("--float", "floating", help="For quantization: weights folder that is not INT8.")
@click.option("--pruned", help="For best: weights folder that fitroom prune made from --weights.")
@click.option("--data", help="Data folder or pack with training and validation lists.")
@click.option("--work", help="Folder with cut-fakes. The checkpoint of each row is stored in a subfolder.")
@click.option(
    "--minutes",
    type=click.FloatRange(0, min_open=True),
    default=10,
    show_default=True,
    help="Training time per row, in minutes.",
)
@click.option("--results", default="results", show_default=True, help="Folder of the tables, as CSV files.")
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override one setting of the training. Repeatable."
)
@precision_option
@reports_errors
def reproduce(table: str, results: str, **request: Any) -> None:
    """Reproduce a table of the system of 2023 with our networks (needs the extra compress).

    TABLE is one of its five published tables, or all. Existing rows are not measured again; to continue an interrupted
    run, run the same command again. `fitroom report` compares both systems; docs/reproduce.md describes the original.
    """
    wanted = TABLES if table == "all" else (table,)
    # before hours of work
    for name in wanted:
        check_options(name, request)
    Path(results).mkdir(parents=True, exist_ok=True)
    with missing_extra("compress", "reproduce"):
        import fitroom.reproduce.correlation
        import fitroom.reproduce.pruning
        import fitroom.reproduce.quantization  # noqa: F401
    for name in wanted:
        FILLED[name](results, request)
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


def check_options(table: str, request: dict[str, Any]) -> None:
    """Raise InputError for an option that a table needs and that is missing."""
    if table.endswith("pruning") and request["network"] is not None:
        return
    for name, option in NEEDED[table].items():
        if request[name] is None:
            raise InputError(f"{table} needs {option}; see fitroom reproduce --help.")


def fill_correlation(results: str, request: dict[str, Any]) -> None:
    """Fill the correlation table."""
    from fitroom.reproduce.correlation import run_correlation

    run_correlation(Path(results), tell)


def fill_pruning(kind: str, results: str, request: dict[str, Any]) -> None:
    """Fill a pruning table: with costs alone where a network is named."""
    from fitroom.nets.registry import build_network
    from fitroom.reproduce.pruning import TABLES as KINDS
    from fitroom.reproduce.pruning import TableRequest, run_costs, run_table

    csv = f"{results}/{KINDS[kind].file}"
    if request["network"] is not None:
        run_costs(kind, build_network(request["network"], {}).eval(), csv, tell)
        return
    names = "weights", "data", "work", "minutes", "precision", "overrides"
    run_table(TableRequest(kind, csv=csv, **{name: request[name] for name in names}), tell, faces(), bar)


def fill_quantization(results: str, request: dict[str, Any]) -> None:
    """Fill the quantization table: after training, and by training."""
    from fitroom.compress.quantizing import QuantizeRequest
    from fitroom.reproduce.quantization import QuantizationRequest, run_quantization_table

    names = "data", "work", "precision", "overrides"
    both = QuantizeRequest(
        request["floating"],
        ("warp", "generator"),
        max_minutes=request["minutes"],
        **{name: request[name] for name in names},
    )
    wanted = QuantizationRequest(both, ("ptq", "qat"), f"{results}/quantization.csv")
    run_quantization_table(wanted, tell, faces(), bar)


def fill_best(results: str, request: dict[str, Any]) -> None:
    """Add the best scheme: pruned weights beside those that they came from."""
    from fitroom.reproduce.pruning import BEST_FILE, run_best

    run_best(request["weights"], request["pruned"], request["data"], f"{results}/{BEST_FILE}", bar)


FILLED: dict[str, Callable[[str, dict[str, Any]], None]] = {
    "warp-pruning": functools.partial(fill_pruning, "warp"),
    "generator-pruning": functools.partial(fill_pruning, "generator"),
    "best": fill_best,
    "quantization": fill_quantization,
    "correlation": fill_correlation,
}
TUNED = {"data": "--data", "work": "--work"}
NEEDED: dict[str, dict[str, str]] = {
    "warp-pruning": TUNED,
    "generator-pruning": TUNED,
    "best": {"pruned": "--pruned", "data": "--data"},
    "quantization": {"floating": "--float"} | TUNED,
    "correlation": {},
}
