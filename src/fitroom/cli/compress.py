"""Commands that make networks smaller."""

from typing import Any

import click

from fitroom.cli.base import bar, main, missing_extra, reports_errors
from fitroom.cli.train import precision_option, training_bar
from fitroom.errors import InputError

MODULES = ("warp.person", "warp.garment", "warp.flow", "generator")


def share(context: click.Context, option: click.Parameter, value: str) -> float:
    """Parse a share that is written as 2% or 0.02."""
    try:
        return float(value.removesuffix("%")) / (100 if value.endswith("%") else 1)
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is no share; write 2% or 0.02.") from error


@main.command()
@click.option("--weights", default="lite", show_default=True, help="Shipped weights by name, or a weights folder.")
@click.option(
    "--module",
    "modules",
    type=click.Choice(MODULES),
    multiple=True,
    help="What to prune, all by the same ratio; --sensitivity and --search take all.",
)
@click.option("--ratio", type=float, help="Share of the channels inside a module that goes: 0 to 0.9.")
@click.option("--sensitivity", is_flag=True, help="Measure each module pruned alone at 0.1 to 0.5, not fine-tuned.")
@click.option("--search", is_flag=True, help="Find the fastest scheme within --budget-loss, not fine-tuned.")
@click.option("--budget-loss", callback=share, default="2%", show_default=True, help="Quality that a search may lose.")
@click.option(
    "--looks",
    type=click.IntRange(8),
    default=60,
    show_default=True,
    help="Validation pairs that --sensitivity and --search measure on.",
)
@click.option(
    "--csv",
    default="sensitivity.csv",
    show_default=True,
    help="Rows of --sensitivity and --search; those that it has are not measured again.",
)
@click.option("--plot", help="SVG of --sensitivity.")
@click.option(
    "--importance",
    type=click.Choice(["l2", "batch_norm", "taylor"]),
    default="l2",
    show_default=True,
    help="What tells channels apart: magnitude, batch norm's scales, or gradients on --data.",
)
@click.option("--data", help="Data folder or pack to fine-tune or measure on.")
@click.option("--work", help="Folder with fakes; keeps the checkpoint, from which an interrupted run goes on.")
@click.option("--config", help="Settings of the stage finetune: a YAML file.  [default: the recipe finetune]")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change one, e.g. loop.batch=8.")
@click.option("--finetune-epochs", "epochs", type=click.IntRange(1), help="Epochs over the training pairs.")
@click.option("--max-minutes", type=click.FloatRange(0, min_open=True), help="Fine-tune no longer than this.")
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
    """Leave out the least important channels of modules, and fine-tune the rest (needs the extra compress).

    What comes out are ordinary weights: every command takes them, and they can be pruned again.
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
        raise InputError(f"{option} is missing; fitroom prune --help says more.")
    return value


@main.command()
@click.option("--weights", required=True, help="Weights folder, not INT8 yet; fitroom export makes one of lite.")
@click.option(
    "--modules", default="warp,generator", show_default=True, help="What to quantize; the rest stays float32."
)
@click.option(
    "--method",
    type=click.Choice(["ptq", "qat"]),
    default="ptq",
    show_default=True,
    help="After training, or by training that simulates INT8.",
)
@click.option(
    "--most-apart",
    type=float,
    help="For ptq: give operations back to float32 until looks differ from "
    "float32's by so many 255ths on average at most.",
)
@click.option("--data", required=True, help="Data folder or pack that calibrates, and trains.")
@click.option("--work", help="For qat: folder with fakes; keeps the checkpoint, from which an interrupted run goes on.")
@click.option("--config", help="For qat: settings of the stage finetune, YAML.  [default: the recipe finetune]")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change one, e.g. loop.batch=8.")
@click.option("--max-minutes", type=click.FloatRange(0, min_open=True), help="Train no longer than this.")
@precision_option
@click.option("-o", "--output", required=True, help="Weights folder to write.")
@reports_errors
def quantize(modules: str, output: str, **request: Any) -> None:
    """Write weights as INT8 OpenVINO graphs (needs the extra compress). Positions and colours stay in float32."""
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
