"""Commands that make networks smaller."""

from typing import Any

import click

from fitroom.cli.base import bar, main, missing_extra, reports_errors, weights_option
from fitroom.cli.train import precision_option, training_bar
from fitroom.errors import InputError

MODULES = ("warp.person", "warp.garment", "warp.flow", "generator")


def share(context: click.Context, option: click.Parameter, value: str) -> float:
    """Parse a share that is written as 2% or 0.02."""
    try:
        return float(value.removesuffix("%")) / (100 if value.endswith("%") else 1)
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is not a number; write 2% or 0.02.") from error


@main.command()
@weights_option
@click.option(
    "--module",
    "modules",
    type=click.Choice(MODULES),
    multiple=True,
    help="Module to prune, by --ratio. Repeatable. --sensitivity and --search use all modules by default.",
)
@click.option("--ratio", type=float, help="Share of channels to remove inside each module, 0 to 0.9.")
@click.option(
    "--sensitivity",
    is_flag=True,
    help="Only measure: prune each module alone at ratios 0.1 to 0.5, without fine-tuning.",
)
@click.option(
    "--search",
    is_flag=True,
    help="Search for the fastest combination of ratios within --budget-loss, without fine-tuning.",
)
@click.option(
    "--budget-loss",
    callback=share,
    default="2%",
    show_default=True,
    help="Maximum relative loss of quality for --search, as 2% or 0.02.",
)
@click.option(
    "--looks",
    type=click.IntRange(8),
    default=60,
    show_default=True,
    help="Number of validation pairs for --sensitivity and --search.",
)
@click.option(
    "--csv",
    default="sensitivity.csv",
    show_default=True,
    help="CSV file for the rows of --sensitivity and --search. Its existing rows are not measured again.",
)
@click.option("--plot", help="SVG file for a plot of --sensitivity.")
@click.option(
    "--importance",
    type=click.Choice(["l2", "batch_norm", "taylor"]),
    default="l2",
    show_default=True,
    help="Importance of a channel: the L2 norm of its weights, its batch norm scale, or a Taylor expansion with "
    "gradients on --data and --work. taylor is not available for --sensitivity and --search.",
)
@click.option("--data", help="Data folder or pack, for fine-tuning, taylor, --sensitivity and --search.")
@click.option(
    "--work",
    help="Folder with fakes, for fine-tuning and taylor. The checkpoint is stored there; an interrupted run resumes.",
)
@click.option("--config", help="Settings of the fine-tuning: a YAML file.  [default: the recipe finetune]")
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override one setting, e.g. loop.batch=8. Repeatable.",
)
@click.option(
    "--finetune-epochs",
    "epochs",
    type=click.IntRange(1),
    help="Fine-tune for this number of epochs over the training pairs.",
)
@click.option("--max-minutes", type=click.FloatRange(0, min_open=True), help="Fine-tune for at most this many minutes.")
@precision_option
@click.option("-o", "--output", help="Weights folder to write.")
@reports_errors
def prune(
    weights: str,
    modules: tuple[str, ...],
    sensitivity: bool,
    search: bool,
    budget_loss: float,
    looks: int,
    csv: str,
    plot: str | None,
    importance: Any,
    data: str | None,
    ratio: float | None,
    output: str | None,
    **tuning: Any,
) -> None:
    """Remove the least important channels of a network (needs the extra compress).

    The network is fine-tuned if --finetune-epochs or --max-minutes is given. The output is a normal weights folder,
    which can be pruned again.
    """
    with missing_extra("compress", "prune"):
        from fitroom.compress.explore import ExploreRequest, run_search, run_sensitivity
        from fitroom.compress.finetuned import PruneRequest, run_prune
        from fitroom.compress.sensitivity import Row
        from fitroom.train.session import Faces

    def tell(row: Row) -> None:
        click.echo(f"{row.scheme:40} {row.ms:7.2f} ms  {row.parameters:6.2f} M  loss {row.loss:7.1%}")

    if sensitivity or search:
        if data is None:
            raise InputError("--sensitivity and --search measure on validation pairs: name them with --data.")
        explore = ExploreRequest(weights, modules or MODULES, data, csv, importance, looks)
        if sensitivity:
            run_sensitivity(explore, plot, tell, bar)
            click.echo(f"wrote {csv}" + (f" and {plot}" if plot else ""))
        if not search:
            return
        exported = run_search(explore, budget_loss, needed(output, "-o"), tell, bar)
    else:
        faces = Faces(
            preparing=lambda items, total: bar(items, "reading", total),
            training=training_bar,
            report=lambda line: click.echo(line, err=True),
        )
        if not modules:
            raise InputError(f"--module is missing; there are: {', '.join(MODULES)}.")
        request = PruneRequest(weights, modules, needed(ratio, "--ratio"), importance, data=data, **tuning)
        exported = run_prune(request, needed(output, "-o"), faces)
    for line in exported.weights.manifest.history:
        click.echo(line)
    click.echo(f"wrote {exported.weights.folder}")


def needed(value: Any, option: str) -> Any:
    """Return the value of an option. Raises InputError if it is missing."""
    if value is None:
        raise InputError(f"{option} is missing; see fitroom prune --help.")
    return value


@main.command()
@click.option(
    "--weights",
    required=True,
    help="Weights that are not INT8. The shipped lite is INT8: make float weights from it with fitroom export.",
)
@click.option(
    "--modules",
    default="warp,generator",
    show_default=True,
    help="Modules to quantize, separated by commas. The rest stays in float32.",
)
@click.option(
    "--method",
    type=click.Choice(["ptq", "qat"]),
    default="ptq",
    show_default=True,
    help="ptq: post-training quantization; qat: quantization-aware training.",
)
@click.option(
    "--most-apart",
    type=float,
    help="For ptq: return operations to float32 until looks differ from the float32 looks by at most this much on "
    "average, in 8-bit steps.",
)
@click.option("--data", required=True, help="Data folder or pack, for calibration, comparison and training.")
@click.option("--work", help="For qat: folder with fakes. The checkpoint is stored there; an interrupted run resumes.")
@click.option(
    "--config",
    help="For qat: settings of the training, a YAML file.  [default: the recipe finetune, with a lower learning rate]",
)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override one setting, e.g. loop.batch=8. Repeatable.",
)
@click.option(
    "--max-minutes", type=click.FloatRange(0, min_open=True), help="For qat: train for at most this many minutes."
)
@precision_option
@click.option("-o", "--output", required=True, help="Weights folder to write.")
@reports_errors
def quantize(modules: str, output: str, **request: Any) -> None:
    """Quantize weights to INT8 OpenVINO graphs (needs the extra compress).

    Only layers are quantized. Operations on positions, masks and colours stay in float32.
    """
    with missing_extra("compress", "quantize"):
        from fitroom.compress.quantizing import QuantizeRequest, run_quantize
        from fitroom.train.session import Faces
    faces = Faces(
        preparing=lambda items, total: bar(items, "reading", total),
        training=training_bar,
        report=lambda line: click.echo(line, err=True),
    )
    chosen = tuple(name.strip() for name in modules.split(",") if name.strip())
    exported = run_quantize(QuantizeRequest(modules=chosen, **request), output, faces)
    found = exported.difference
    click.echo(f"difference from PyTorch's look: largest {found.largest:.0f}/255, mean {found.mean:.4f}/255")
    for line in exported.weights.manifest.history:
        click.echo(line)
    click.echo(f"wrote {exported.weights.folder}")
