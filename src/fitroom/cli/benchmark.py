"""Commands that time."""

from typing import Any

import click

from fitroom.cli.base import backend_option, main, missing_extra, reports_errors, weights_option

several_weights_option = click.option(
    "--weights",
    multiple=True,
    default=["lite"],
    show_default=True,
    help="Name of shipped weights, or a weights folder. Repeat the option to measure several.",
)
repeats_option = click.option(
    "--repeats",
    type=click.IntRange(3),
    default=50,
    show_default=True,
    help="Number of repetitions; slow measurements use fewer.",
)


@main.group(invoke_without_command=True)
@several_weights_option
@repeats_option
@click.option(
    "--csv",
    "csv_file",
    help="CSV file for the results, such as results/speed.csv. The rows of an existing file are replaced.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON, after the last measurement.")
@click.pass_context
@reports_errors
def benchmark(
    context: click.Context, weights: tuple[str, ...], repeats: int, csv_file: str | None, as_json: bool
) -> None:
    """Measure latency, throughput and memory of weights, or run one benchmark by name.

    Without a command, also measures two references: PF-AFN, and a matrix product as the peak of the machine.
    Correlation needs the extra train, PF-AFN the extra compress; without its extra, each is skipped with a notice.
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
@weights_option
@backend_option
@repeats_option
@reports_errors
def benchmark_look(weights: str, backend: str, repeats: int) -> None:
    """Time one look at the network's size, 192x256.

    Times new inputs, inputs that are encoded already, encoding alone, files, and pictures of 16 megapixels.
    """
    from fitroom.benchmark.looks import time_looks
    from fitroom.tryon import TryOn

    for name, spread in time_looks(TryOn.load(weights, backend), repeats).items():
        click.echo(f"{name:18} {spread.median:8.2f} ms {1000 / spread.median:8.1f} per second")


@benchmark.command("correlation")
@repeats_option
@reports_errors
def benchmark_correlation(repeats: int) -> None:
    """Time three implementations of correlation in two runtimes (needs the extra train).

    Each figure is the time of all five feature map sizes of PF-AFN in sequence.
    """
    with missing_extra("train", "benchmark correlation"):
        from fitroom.benchmark.correlation import time_correlation

    for name, spread in time_correlation(repeats).items():
        click.echo(f"{name:28} {spread.median:8.2f} ms ({spread.low:.2f} to {spread.high:.2f})")


@benchmark.command("profile")
@weights_option
@repeats_option
@reports_errors
def benchmark_profile(weights: str, repeats: int) -> None:
    """Profile the three graphs by operation type.

    Also lists the operations that run as OpenVINO's slow reference kernels.
    """
    from fitroom.benchmark.ceiling import costliest
    from fitroom.store import open_weights

    totals, slow = costliest(open_weights(weights), repeats)
    everything = sum(milliseconds for _, milliseconds in totals)
    for kind, milliseconds in totals:
        click.echo(f"{kind:24} {milliseconds:8.3f} ms {milliseconds / everything:6.1%}")
    click.echo("reference kernels: " + ("; ".join(slow) if slow else "none"))


@benchmark.command("service")
@weights_option
@click.option(
    "--minutes",
    type=click.FloatRange(0),
    default=0,
    show_default=True,
    help="Duration of the overload test, in minutes; 0: no test.",
)
@click.option(
    "--load",
    type=click.FloatRange(0, min_open=True),
    default=1.2,
    show_default=True,
    help="Offered load in the overload test, as a multiple of the measured capacity.",
)
@reports_errors
def benchmark_service(weights: str, minutes: float, load: float) -> None:
    """Measure throughput and latency of fitroom serve (needs the extra serve).

    Compares its throughput and every response with the library's. With --minutes, also measures it under overload.
    """
    from fitroom.benchmark.service import benchmark_service as measure

    for name, value in measure(weights, 60 * minutes, load, lambda line: click.echo(line, err=True)).items():
        click.echo(f"{name:26} {value:10.3f}")


@benchmark.command("catalogue")
@weights_option
@click.option(
    "--count", type=click.IntRange(8), default=100, show_default=True, help="Number of persons, and of garments."
)
@click.option(
    "--data",
    help="Data folder in a VITON layout, or a pack. Half of the persons and garments come from its validation list; "
    "by default all are drawn.",
)
@reports_errors
def benchmark_catalogue(weights: str, count: int, data: str | None) -> None:
    """Measure the throughput of fitroom batch (needs the extra batch; Linux only).

    Compares it with the library in threads, and with one process per core.
    """
    from fitroom.benchmark.catalogue import benchmark_catalogue as measure

    for name, value in measure(weights, count, data, lambda line: click.echo(line, err=True)).items():
        click.echo(f"{name:20} {value:10.3f}")


@benchmark.command("schedule")
@click.option("--persons", type=click.IntRange(1), default=200, show_default=True, help="Number of persons.")
@click.option("--garments", type=click.IntRange(1), default=50_000, show_default=True, help="Number of garments.")
@click.option(
    "--machines",
    type=click.IntRange(1),
    multiple=True,
    default=[1, 10, 1000],
    show_default=True,
    help="Number of machines. Repeat the option to simulate several numbers.",
)
@click.option("--cores", type=click.IntRange(1), default=2, show_default=True, help="Cores per machine.")
@click.option("--person-ms", type=float, required=True, help="Milliseconds to encode one person, on one core.")
@click.option("--garment-ms", type=float, required=True, help="Milliseconds to encode one garment, on one core.")
@click.option(
    "--look-ms",
    type=float,
    required=True,
    help="Milliseconds to make and write one look of an encoded person and garment, on one core.",
)
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
    """Simulate a batch of every person in every garment (needs the extra batch).

    Prints the hours for each number of machines, and measures the cost of scheduling and journal on this machine. No
    picture is read or written.
    """
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
    help="Stage to measure; see fitroom train.",
)
@click.option("--batch", type=click.IntRange(2, 16), default=16, show_default=True, help="Samples per step.")
@click.option(
    "--precision",
    type=click.Choice(["32-true", "bf16-mixed", "16-mixed"]),
    default="32-true",
    show_default=True,
    help="Numeric precision.",
)
@click.option(
    "--repeats",
    type=click.IntRange(1),
    default=10,
    show_default=True,
    help="Number of timed steps; the output is their median.",
)
@reports_errors
def benchmark_training(stage: Any, batch: int, precision: str, repeats: int) -> None:
    """Time a training step of the network lite (needs the extra train).

    Also prints the shares of data loading and correlation.
    """
    with missing_extra("train", "benchmark training"):
        from fitroom.benchmark.training import benchmark_training as measure
    for name, value in measure(stage, batch, precision, repeats).items():
        click.echo(f"{name:18} {value:8.3f}{' ms' if name == 'step' else ''}")
