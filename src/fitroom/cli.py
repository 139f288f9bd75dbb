"""The command line: thin callers of the library, one clear sentence for every error."""

import functools
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click
from tqdm import tqdm

import fitroom
from fitroom.errors import DataError, FitroomError, InputError, MissingExtraError

Item = TypeVar("Item")
Command = TypeVar("Command", bound=Callable[..., Any])

PICTURES = "PNG, JPEG or WebP, by its ending"


def reports_errors(command: Command) -> Command:
    """Print what went wrong, alone, and exit: 2 for bad input, 1 for a failure."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except FitroomError as error:
            click.echo(f"fitroom: {error}", err=True)
            sys.exit(error.exit_code)
        except KeyboardInterrupt:
            click.echo("fitroom: stopped.", err=True)
            sys.exit(1)

    return run  # type: ignore[return-value]


def bar(items: Iterable[Item], description: str, total: int | None = None) -> Iterable[Item]:
    """A progress bar on a terminal that appears after half a second; silent elsewhere."""
    progress: Iterable[Item] = tqdm(items, desc=description, total=total, delay=0.5, leave=False, disable=None)
    return progress


@contextmanager
def missing_extra(extra: str, what: str) -> Iterator[None]:
    """Turn an ImportError into the sentence that says what to install."""
    try:
        yield
    except ImportError as error:
        raise MissingExtraError(
            f"{what} needs packages that are not installed ({error.name}); "
            f"install them with: pip install -c constraints.txt '.[{extra}]'"
        ) from error


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(fitroom.__version__, prog_name="fitroom")
def main() -> None:
    """Virtual try-on on an ordinary CPU: a person's photo and a garment's photo in, the person wearing it out."""


@main.command("try")
@click.argument("person")
@click.argument("garment")
@click.option("-o", "--output", required=True, help=f"Where to write the look: {PICTURES}.")
@click.option("--mask", "garment_mask", help="Garment mask of the garment picture's size, white inside. Without "
              "it the garment is found on its plain, light background.")  # fmt: skip
@click.option("--weights", default="lite", show_default=True, help="Shipped weights by name, or a weights folder.")
@click.option("--backend", type=click.Choice(["openvino", "torch"]), default="openvino", show_default=True)
@click.option("--size", type=click.Choice(["photo", "model"]), default="photo", show_default=True,
              help="photo: the photo's own size; model: the network's 192x256 picture.")  # fmt: skip
@reports_errors
def try_on(
    person: str, garment: str, output: str, garment_mask: str | None, weights: str, backend: str, size: str
) -> None:
    """Dress the PERSON of one photo in the GARMENT of another.

    PERSON shows one upright person from the front, upper body; GARMENT shows a top on a plain, light background.
    """
    from fitroom.output import check_output
    from fitroom.tryon import TryOn

    check_output(output)
    tryon = TryOn.load(weights, backend)
    look = tryon(person, garment, garment_mask, size)  # type: ignore[arg-type]
    click.echo(f"wrote {look.save(output)}")


@main.command()
@click.option("-o", "--output", default="fitroom-demo.png", show_default=True, help=f"The grid to write: {PICTURES}.")
@click.option("--weights", default="lite", show_default=True, help="Shipped weights by name, or a weights folder.")
@reports_errors
def demo(output: str, weights: str) -> None:
    """Dress three shipped figures in four shipped garments and write one picture of all twelve looks."""
    from fitroom.demo import draw_grid, sample_names
    from fitroom.output import check_output, save_picture
    from fitroom.tryon import TryOn

    check_output(output)
    names = sample_names()
    tryon = TryOn.load(weights)
    grid = draw_grid(tryon, *names, progress=lambda items: bar(items, "dressing", len(names[0]) * len(names[1])))
    path = save_picture(grid, output)
    click.echo(f"wrote {path.absolute()}: {len(names[0])} figures in {len(names[1])} garments")


@main.command("import-weights")
@click.option("--warp", required=True, help="Published warp checkpoint (.pth).")
@click.option("--gen", "generator", required=True, help="Published generator checkpoint (.pth).")
@click.option("--dialect", type=click.Choice(["official", "lzhms"]), required=True,
              help="Whose code trained them. official: PF-AFN's own; lzhms: the 2023 system built on it.")  # fmt: skip
@click.option("-o", "--output", required=True, help="Weights folder to write.")
@reports_errors
def import_weights(warp: str, generator: str, dialect: str, output: str) -> None:
    """Turn published PF-AFN checkpoints into weights that every command accepts (needs the extra train)."""
    with missing_extra("train", "import-weights"):
        from fitroom.import_weights import import_published
    with tqdm(total=3, bar_format="{desc}", leave=False, disable=None) as status:
        weights, dropped = import_published(warp, generator, dialect, output, step=status.set_description)  # type: ignore[arg-type]
    for name in dropped:
        click.echo(f"notice: dropped {name}, a smoothness filter that only training uses", err=True)
    click.echo(f"wrote {weights.folder}")


@main.group()
def data() -> None:
    """Check data folders, and draw synthetic ones."""


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
@click.option("--height", type=click.IntRange(128, 2048), default=256, show_default=True,
              help="Of the pictures; their width is three quarters of it.")  # fmt: skip
@reports_errors
def data_synth(output: str, count: int, seed: int, height: int) -> None:
    """Draw figures in garments, with parsing, pose, garment masks, and each figure in another garment as truth."""
    from fitroom.data.synthetic import write_dataset

    if height % 4:
        raise InputError(f"--height {height}: need a multiple of 4, so that the width is whole.")
    root = write_dataset(output, count, seed, height, height * 3 // 4, lambda numbers: bar(numbers, "drawing"))
    click.echo(f"wrote {root}: {count} figures")


@main.command()
@click.argument("stage", type=click.Choice(["restore"]))
@click.option("--data", "data_folder", required=True, help="Data folder in the VITON training layout.")
@click.option("--pairs", help="Pair list to train on.  [default: train_pairs.txt in the data folder]")
@click.option("--config", required=True, help="Settings, YAML; see configs/.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change a setting, e.g. restore.batch=8.")
@click.option("--work", required=True, help="Folder for decoded pictures and the checkpoint; continues from there.")
@click.option("-o", "--output", required=True, help="Weights folder to write.")
@reports_errors
def train(
    stage: str, data_folder: str, pairs: str | None, config: str, overrides: tuple[str, ...], work: str, output: str
) -> None:
    """Train a network (needs the extra train). STAGE restore: lite, from cut-and-paste fakes of photographs."""
    with missing_extra("train", "train"):
        from fitroom.train.run import RunConfig, run_restore
        from fitroom.train.settings import read_settings
    settings = read_settings(RunConfig, config, overrides)
    weights = run_restore(
        data_folder, pairs or f"{data_folder}/train_pairs.txt", work, output, settings,
        progress=lambda items, total: bar(items, "preparing", total), report=lambda line: click.echo(line, err=True),
    )  # fmt: skip
    click.echo(f"wrote {weights.folder}")


@main.command()
@click.option("--data", "data_folder", required=True, help="Data folder in a VITON layout.")
@click.option("--pairs", required=True, help="Pair list: persons, each with another's garment.")
@click.option("--paired", help="Pair list: persons, each with the garment they wear; for the warp.")
@click.option("--weights", default="lite", show_default=True, help="Shipped weights by name, or a weights folder.")
@click.option("--backend", type=click.Choice(["openvino", "torch"]), default="openvino", show_default=True)
@click.option("--baseline", type=click.Choice(["copy", "paste"]), help="Measure this in place of weights. copy: the "
              "person unchanged; paste: the garment scaled onto the torso.")  # fmt: skip
@click.option("--inception", metavar="PATH|download", help="TorchScript Inception, for FID and KID.")
@click.option("--lpips", metavar="PATH|download", help="TorchScript VGG-16 with LPIPS weights.")
@click.option("-o", "--output", help="Where to write all figures, of every pair too: JSON.")
@click.option("--csv", "csv_file", help="CSV file to append a row of figures to, with what made them.")
@click.option("--grid", help=f"Contact sheet to draw, worst cases first: {PICTURES}.")
@click.option("--worst", default="swap_back_ssim", show_default=True, metavar="MEASURE", help="What worst means.")
@click.option("--cases", type=click.IntRange(1, 300), default=24, show_default=True, help="Cases on the sheet.")
@reports_errors
def evaluate(
    data_folder: str, pairs: str, paired: str | None, weights: str, backend: str, baseline: str | None,
    inception: str | None, lpips: str | None, output: str | None, csv_file: str | None, grid: str | None, worst: str,
    cases: int,
) -> None:  # fmt: skip
    """Measure weights or a baseline on lists of pairs (needs the extra evaluate)."""
    with missing_extra("evaluate", "evaluate"):
        from fitroom.evaluate import evaluate as evaluating
        from fitroom.evaluate import grid as sheet
        from fitroom.evaluate import record
        from fitroom.evaluate.measures import table
        from fitroom.evaluate.plan import make_plan
        from fitroom.evaluate.systems import open_system
    from fitroom.output import check_output, save_picture

    if output:
        record.check_file(output)
    if csv_file:
        record.check_csv(csv_file)
    if grid:
        check_output(grid)
        sheet.check_measure(worst, paired is not None)
    system = open_system(weights, backend, baseline)
    plan = make_plan(data_folder, pairs, paired, bar)
    result = evaluating.evaluate(
        system, plan, inception, lpips, bar, notify=lambda line: click.echo(f"warning: {line}", err=True)
    )
    for line in table(result.figures, result.not_measured):
        click.echo(line)
    came_from = record.origin(system, plan, shlex.join(["fitroom", *sys.argv[1:]]))
    if output:
        click.echo(f"wrote {record.write_json(output, result, came_from)}")
    if csv_file:
        click.echo(f"added a row to {record.append_csv(csv_file, result, came_from)}")
    if grid:
        listed = sheet.worst_cases(result, worst, cases)
        click.echo(f"wrote {save_picture(sheet.contact_sheet(system, plan, listed, worst, bar), grid)}")


@main.command()
@click.option("--results", default="results", show_default=True, help="Folder with measured CSV files, and original/.")
@click.option(
    "-o", "--output", default="docs/results.md", show_default=True, help="Markdown page; plots lie beside it."
)
@reports_errors
def report(results: str, output: str) -> None:
    """Write measured figures beside the original system's as one page with plots (needs the extra evaluate)."""
    with missing_extra("evaluate", "report"):
        from fitroom.evaluate.report import write_report
    click.echo(f"wrote {write_report(results, output)}")


@main.command()
@click.option("--weights", default="lite", show_default=True, help="Shipped weights by name, or a weights folder.")
@click.option("--backend", type=click.Choice(["openvino", "torch"]), default="openvino", show_default=True)
@click.option("--repeats", type=click.IntRange(1), default=50, show_default=True, help="Looks to take the median of.")
@reports_errors
def benchmark(weights: str, backend: str, repeats: int) -> None:
    """Time one look at 192x256, whole and in its steps."""
    from fitroom.evaluate.benchmark import benchmark as measure
    from fitroom.tryon import TryOn

    for name, value in measure(TryOn.load(weights, backend), repeats).items():
        click.echo(f"{name:18} {value:8.2f} ms {1000 / value:8.1f} per second")
