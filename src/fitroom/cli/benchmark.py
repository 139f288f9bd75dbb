"""Commands that time."""

from typing import Any

import click

from fitroom.cli.base import main, missing_extra, reports_errors

weights_option = click.option(
    "--weights",
    multiple=True,
    default=["lite"],
    show_default=True,
    help="Shipped weights by name, or a weights folder; several are measured in one run.",
)
repeats_option = click.option(
    "--repeats", type=click.IntRange(3), default=50, show_default=True, help="Repetitions of what takes milliseconds."
)


@main.group(invoke_without_command=True)
@weights_option
@repeats_option
@click.option("--csv", "csv_file", help="CSV file to write, such as results/speed.csv.")
@click.option("--json", "as_json", is_flag=True, help="Print rows for machines, when all are measured.")
@click.pass_context
@reports_errors
def benchmark(
    context: click.Context, weights: tuple[str, ...], repeats: int, csv_file: str | None, as_json: bool
) -> None:
    """Time looks, commands from the shell, convolutions against the machine's limit, and PF-AFN beside them.

    Correlation and PF-AFN need the extra compress; without it they are left out, and the output says so.
    """
    if context.invoked_subcommand is not None:
        return
    from fitroom.benchmark import speed

    if csv_file:
        speed.check_csv(csv_file)

    def tell(row: speed.Row) -> None:
        click.echo(
            f"{row.figure:30} {row.value:9.2f} {row.unit:8} ({row.low:.2f} to {row.high:.2f}, {row.runs} runs) "
            f"{row.system} {row.precision}",
            err=as_json,
        )

    rows = speed.measure(list(weights), repeats, tell, notify=lambda line: click.echo(line, err=True))
    if as_json:
        click.echo(speed.as_json(rows))
    if csv_file:
        click.echo(f"wrote {speed.write_csv(csv_file, rows)}", err=as_json)


@benchmark.command("look")
@click.option("--weights", default="lite", show_default=True, help="Shipped weights by name, or a weights folder.")
@click.option("--backend", type=click.Choice(["openvino", "onnx", "torch"]), default="openvino", show_default=True)
@repeats_option
@reports_errors
def benchmark_look(weights: str, backend: str, repeats: int) -> None:
    """Time one look at 192x256, whole and in its steps."""
    from fitroom.benchmark.looks import time_looks
    from fitroom.tryon import TryOn

    for name, spread in time_looks(TryOn.load(weights, backend), repeats).items():
        click.echo(f"{name:18} {spread.median:8.2f} ms {1000 / spread.median:8.1f} per second")


@benchmark.command("correlation")
@repeats_option
@reports_errors
def benchmark_correlation(repeats: int) -> None:
    """Time correlation at PF-AFN's five sizes, in three forms and two runtimes (needs the extra train)."""
    with missing_extra("train", "benchmark correlation"):
        from fitroom.benchmark.correlation import time_correlation

    for name, spread in time_correlation(repeats).items():
        click.echo(f"{name:28} {spread.median:8.2f} ms ({spread.low:.2f} to {spread.high:.2f})")


@benchmark.command("profile")
@click.option("--weights", default="lite", show_default=True, help="Shipped weights by name, or a weights folder.")
@repeats_option
@reports_errors
def benchmark_profile(weights: str, repeats: int) -> None:
    """Where the time of the three graphs goes, by type of operation, and which run as reference kernels."""
    from fitroom.benchmark.ceiling import costliest
    from fitroom.store import open_weights

    totals, slow = costliest(open_weights(weights), repeats)
    everything = sum(milliseconds for _, milliseconds in totals)
    for kind, milliseconds in totals:
        click.echo(f"{kind:24} {milliseconds:8.3f} ms {milliseconds / everything:6.1%}")
    click.echo("reference kernels: " + ("; ".join(slow) if slow else "none"))


@benchmark.command("service")
@click.option("--weights", default="lite", show_default=True, help="Shipped weights by name, or a weights folder.")
@click.option(
    "--minutes", type=click.FloatRange(0), default=0, show_default=True, help="Time under more load than it can take."
)
@click.option(
    "--load",
    type=click.FloatRange(0, min_open=True),
    default=1.2,
    show_default=True,
    help="That load, in what it can take.",
)
@reports_errors
def benchmark_service(weights: str, minutes: float, load: float) -> None:
    """Time fitroom serve beside the library, compare every answer with it, and overload it (needs the extra serve)."""
    from fitroom.benchmark.service import benchmark_service as measure

    for name, value in measure(weights, 60 * minutes, load, lambda line: click.echo(line, err=True)).items():
        click.echo(f"{name:26} {value:10.3f}")


@benchmark.command("catalogue")
@click.option("--weights", default="lite", show_default=True, help="Shipped weights by name, or a weights folder.")
@click.option("--count", type=click.IntRange(8), default=100, show_default=True, help="Persons, and garments.")
@click.option("--data", help="Data folder or pack in VITON's layout: half of them are its validation list's.")
@reports_errors
def benchmark_catalogue(weights: str, count: int, data: str | None) -> None:
    """Time fitroom batch beside the library, in threads and in processes (needs the extra batch; Linux)."""
    from fitroom.benchmark.catalogue import benchmark_catalogue as measure

    for name, value in measure(weights, count, data, lambda line: click.echo(line, err=True)).items():
        click.echo(f"{name:20} {value:10.3f}")


@benchmark.command("schedule")
@click.option("--persons", type=click.IntRange(1), default=200, show_default=True)
@click.option("--garments", type=click.IntRange(1), default=50_000, show_default=True)
@click.option("--machines", type=click.IntRange(1), multiple=True, default=[1, 10, 1000], show_default=True)
@click.option("--cores", type=click.IntRange(1), default=2, show_default=True, help="Of a machine.")
@click.option("--person-ms", type=float, required=True, help="A core's milliseconds for encoding a person ...")
@click.option("--garment-ms", type=float, required=True, help="... for encoding a garment ...")
@click.option("--look-ms", type=float, required=True, help="... for a look of both, and its file.")
@reports_errors
def benchmark_schedule(
    persons: int,
    garments: int,
    machines: tuple[int, ...],
    cores: int,
    person_ms: float,
    garment_ms: float,
    look_ms: float,
) -> None:
    """Simulate a catalogue's run on machines, and run it here without its pictures (needs the extra batch)."""
    import resource

    from fitroom.batch.simulation import Costs
    from fitroom.batch.simulation import benchmark_schedule as measure

    figures = measure(persons, garments, list(machines), cores, Costs(person_ms, garment_ms, look_ms))
    figures["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    for name, value in figures.items():
        click.echo(f"{name:22} {value:14.3f}")


@benchmark.command("training")
@click.option(
    "--stage",
    type=click.Choice(["pb_warp", "pb_generator", "pf_warp", "pf_generator"]),
    default="pf_generator",
    show_default=True,
)
@click.option("--batch", type=click.IntRange(2, 16), default=16, show_default=True)
@click.option(
    "--precision", type=click.Choice(["32-true", "bf16-mixed", "16-mixed"]), default="32-true", show_default=True
)
@click.option("--repeats", type=click.IntRange(1), default=10, show_default=True, help="Steps to take the median of.")
@reports_errors
def benchmark_training(stage: Any, batch: int, precision: str, repeats: int) -> None:
    """Time a training step of lite, and the shares of data and correlation in it (needs the extra train)."""
    with missing_extra("train", "benchmark training"):
        from fitroom.benchmark.training import benchmark_training as measure
    for name, value in measure(stage, batch, precision, repeats).items():
        click.echo(f"{name:18} {value:8.3f}{' ms' if name == 'step' else ''}")
