"""Commands that train."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
from tqdm import tqdm

from fitroom.cli.base import bar, main, missing_extra, reports_errors
from fitroom.errors import InputError

STAGES = {
    "pb_warp": "Train the teacher, stage 1: the appearance flow, from parsing and pose.",
    "pb_generator": "Train the teacher, stage 2: flow and generator. Continues pb_warp.",
    "pf_warp": "Train the student, stage 1: the appearance flow, from fakes.",
    "pf_generator": "Train the student, stage 2: flow and generator. Continues pf_warp; -o exports the weights.",
    "finetune": "Fine-tune a pruned student from the weights `start`, distilled from the weights `teacher`; both are "
    "settings. -o exports the weights.",
}


@main.group()
def train() -> None:
    """Train networks, one stage at a time (needs the extra train)."""


precision_option = click.option(
    "--precision",
    type=click.Choice(["32-true", "bf16-mixed", "16-mixed"]),
    default="32-true",
    show_default=True,
    help="Numeric precision. bf16-mixed is faster on processors with bfloat16 support.",
)


class Lines:
    """What a bar says, as a line a minute: for logs."""

    def __init__(self, total: int, done: int) -> None:
        self.total, self.done, self.before = total, done, done
        self.begun = self.told = time.monotonic()

    def update(self, images: int) -> None:
        """Count images."""
        self.done += images
        now = time.monotonic()
        if now - self.told > 60:
            self.told = now
            rate = (self.done - self.before) / (now - self.begun)
            left = (self.total - self.done) / rate / 60
            click.echo(f"{self.done} of {self.total} images, {rate:.1f} images/s, {left:.0f} min left", err=True)


@contextmanager
def training_bar(total: int, done: int) -> Iterator[Any]:
    """Show images, rate and time left as a bar on a terminal, as lines elsewhere."""
    if not sys.stderr.isatty():
        yield Lines(total, done)
        return
    with tqdm(total=total, initial=done, unit=" images") as progress:
        yield progress


def run_options(command: Callable[..., None]) -> Callable[..., None]:
    """Options of every run that trains."""
    options = (
        click.option("--data", required=True, help="Data folder in the VITON training layout, or a pack."),
        click.option(
            "--pairs",
            default="train_pairs.txt",
            show_default=True,
            help="Pair list: a file, or the name of a list in --data.",
        ),
        click.option("--work", required=True, help="Folder for checkpoints, settings, logs and fakes."),
        click.option(
            "--config",
            help="Settings: a YAML file, or the name of a packaged recipe.  [default: the built-in defaults]",
        ),
        click.option(
            "--set",
            "overrides",
            multiple=True,
            metavar="KEY=VALUE",
            help="Override one setting, e.g. loop.batch=8. Repeatable.",
        ),
        click.option(
            "--devices",
            type=click.IntRange(1),
            default=1,
            show_default=True,
            help="GPUs, or CPU processes, per machine.",
        ),
        click.option(
            "--nodes",
            type=click.IntRange(1),
            default=1,
            show_default=True,
            help="Number of machines; start each with torchrun.",
        ),
        precision_option,
        click.option(
            "--max-minutes",
            type=click.FloatRange(0, min_open=True),
            help="Stop after this many minutes; continue later with --resume.",
        ),
        click.option("--resume", is_flag=True, help="Continue from the checkpoint in --work, if there is one."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def stage_command(stage: str, summary: str) -> Callable[..., None]:
    """Make the command of one stage; all stages take the same options."""

    @train.command(stage, help=f"{summary} All stages of a network share one --work folder.")
    @run_options
    @click.option("-o", "--output", help="Weights folder to export to. Only pf_generator and finetune export.")
    @reports_errors
    def command(config: str | None, overrides: tuple[str, ...], output: str | None, **request: Any) -> None:
        with missing_extra("train", f"train {stage}"):
            from fitroom.train.session import Faces
            from fitroom.train.task import RunConfig, run_task
            from fitroom.train.tasks.config import read_config
            from fitroom.train.tasks.tryon import TryOnTask
        faces = Faces(
            preparing=lambda items, total: bar(items, "reading", total),
            training=training_bar,
            report=lambda line: click.echo(line, err=True),
        )
        settings = read_config(stage, config, overrides)  # type: ignore[arg-type]
        run = RunConfig(**request)
        done = run_task(TryOnTask(settings), run, faces)
        if not done.leads:
            return
        minutes = done.checkpoint.seconds / 60
        click.echo(f"{stage}: {done.checkpoint.step} of {settings.loop.steps} steps, {minutes:.1f} minutes")
        for name, value in done.figures.items():
            click.echo(f"{name:10} {value:.4f}")
        if stage in ("pf_generator", "finetune"):
            finish(stage, run, output, faces)

    return command  # type: ignore[no-any-return]


def finish(stage: Any, run: Any, output: str | None, faces: Any) -> None:
    """Export a student, for a moment where no output is asked for, and say what `fitroom evaluate` says of it."""
    from fitroom.evaluate.measures import table
    from fitroom.export.trained import export_student
    from fitroom.train.tasks.tryon import evaluate_student

    with TemporaryDirectory() as scratch:
        weights = export_student(run.work, stage, output or Path(scratch) / "weights", run.pairs, faces)
        if output:
            click.echo(f"wrote {weights.folder}")
        result = evaluate_student(weights, run.data, bar)
    if result is None:
        click.echo("no val_pairs_paired.txt and val_pairs_unpaired.txt in the data; skipped the evaluation")
        return
    for line in table(result.figures, result.not_measured):
        click.echo(line)


for name, summary in STAGES.items():
    stage_command(name, summary)


def train_alone(task: Any, output: str | None, export: Callable[[], Any], request: dict[str, Any]) -> None:
    """Train a network that stands alone, print its figures, and export it where that is asked for."""
    from fitroom.store import check_weights_output
    from fitroom.train.session import Faces
    from fitroom.train.task import RunConfig, run_task

    if output:
        check_weights_output(output)
    faces = Faces(preparing=lambda items, total: bar(items, "reading", total), training=training_bar)
    done = run_task(task, RunConfig(**request), faces)
    if not done.leads:
        return
    minutes = done.checkpoint.seconds / 60
    click.echo(f"{task.stage}: {done.checkpoint.step} of {task.config.loop.steps} steps, {minutes:.1f} minutes")
    for name, value in done.figures.items():
        click.echo(f"{name:20} {value:.4f}")
    if output:
        click.echo(f"wrote {export().folder}")


@train.command("parser")
@run_options
@click.option("-o", "--output", help="Weights folder to export to, as INT8 (needs the extra compress).")
@reports_errors
def train_parser(config: str | None, overrides: tuple[str, ...], output: str | None, **request: Any) -> None:
    """Train the human parser, which labels persons in any photo and finds their joints."""
    with missing_extra("train", "train parser"):
        from fitroom.export.trained import export_trained_parser
        from fitroom.train.tasks.parser import ParserTask, read_parsing_config
    quantize: Any = None
    if output:
        with missing_extra("compress", "train parser -o"):
            from fitroom.compress.quantize import of_inputs as quantize
    settings = read_parsing_config(config, overrides)
    places = request["work"], request["data"], request["pairs"]
    train_alone(
        ParserTask(settings), output, lambda: export_trained_parser(settings, *places, str(output), quantize), request
    )


@train.command("segmenter")
@run_options
@click.option("-o", "--output", help="Weights folder to export to.")
@reports_errors
def train_segmenter(config: str | None, overrides: tuple[str, ...], output: str | None, **request: Any) -> None:
    """Train the garment segmenter, which finds garment masks on any background."""
    with missing_extra("train", "train segmenter"):
        from fitroom.export.trained import export_trained_segmenter
        from fitroom.train.tasks.segmenter import SegmenterTask, read_segmenting_config
    settings = read_segmenting_config(config, overrides)
    places = request["work"], request["data"], request["pairs"]
    train_alone(
        SegmenterTask(settings), output, lambda: export_trained_segmenter(settings, *places, str(output)), request
    )


@train.command("guided_warp")
@run_options
@reports_errors
def train_guided_warp(config: str | None, overrides: tuple[str, ...], **request: Any) -> None:
    """Train the warp network of the guided network. It needs neither a teacher nor fakes."""
    with missing_extra("train", "train guided_warp"):
        from fitroom.train.tasks.guided_warp import GuidedWarpTask, read_guided_warp_config
    task = GuidedWarpTask(read_guided_warp_config(config, overrides))
    train_alone(task, None, lambda: None, request)


@train.command("guided")
@run_options
@click.option(
    "-o", "--output", help="Weights folder to export the whole guided network to, as INT8 (needs the extra compress)."
)
@reports_errors
def train_guided(config: str | None, overrides: tuple[str, ...], output: str | None, **request: Any) -> None:
    """Train the painter of the guided network. It needs the checkpoint of guided_warp in --work."""
    with missing_extra("train", "train guided"):
        from fitroom.export.trained import export_guided
        from fitroom.train.tasks.guided import PainterTask, read_painter_config
    quantize: Any = None
    if output:
        with missing_extra("compress", "train guided -o"):
            from fitroom.compress.quantize import quantizer
        quantize = quantizer()
    settings = read_painter_config(config, overrides)
    places = request["work"], request["data"], request["pairs"]
    train_alone(PainterTask(settings), output, lambda: export_guided(settings, *places, str(output), quantize), request)


@train.command("render-fakes")
@click.option("--data", required=True, help="Data folder in the VITON training layout, or a pack.")
@click.option(
    "--pairs", default="train_pairs.txt", show_default=True, help="Pair list: a file, or the name of a list in --data."
)
@click.option(
    "--work",
    required=True,
    help="Folder of the stages. Fakes are written to a subfolder: fakes, cut-fakes or student-fakes.",
)
@click.option("--each", type=click.IntRange(1), default=2, show_default=True, help="Number of fakes per person.")
@click.option("--seed", type=int, default=0, show_default=True, help="Random seed of the choice of garments.")
@click.option(
    "--cut",
    is_flag=True,
    help="Make fakes by cutting garments out of other photos and pasting them, without a network.",
)
@click.option("--weights", help="Render with a student: name of shipped weights, or a weights folder.")
@precision_option
@reports_errors
def render_fakes(
    data: str, pairs: str, work: str, each: int, seed: int, cut: bool, weights: str | None, precision: Any
) -> None:
    """Render fakes: persons in garments other than their own.

    Students are trained to restore the original photo from them. By default the teacher of --work renders them; see
    --cut and --weights. Existing fakes are kept.
    """
    with missing_extra("train", "train render-fakes"):
        from fitroom.train.tasks.render import render_cut, render_student, render_teacher
    if cut and weights:
        raise InputError(
            "--cut and --weights are two ways to make fakes; give only one, and run the command again for the other."
        )

    def progress(items: Any, total: int) -> Any:
        return bar(items, "rendering", total)

    if cut:
        count, folder = render_cut(data, work, pairs, each, seed, progress)
    elif weights:
        count, folder = render_student(weights, data, work, pairs, each, seed, precision, progress)
    else:
        count, folder = render_teacher(data, work, pairs, each, seed, precision, progress)
    click.echo(f"{count} new fakes in {folder}")
