"""Run one training session: the loop with its logs, pictures, checkpoints and measurements."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from lightning_fabric import Fabric
from tensorboardX import SummaryWriter
from torch import Tensor, nn

from fitroom.train.checkpoint import Checkpoint
from fitroom.train.curve import Curve
from fitroom.train.loop import Batches, Learner, Scalars, Watch, train
from fitroom.train.processes import loss_told
from fitroom.train.settings import save_config

Measure = Callable[[dict[str, Tensor]], Scalars]  # from averaged tensors to figures
Sheet = Callable[[nn.Module, Any], Tensor | None]  # from network and batch to a picture (3, H, W) in [0, 1]


class Bar(Protocol):
    """Progress bar that counts images."""

    def update(self, images: int) -> Any:
        """Advance the bar."""
        ...


@dataclass(frozen=True)
class Faces:
    """Callbacks that report the progress of a run. They are silent by default."""

    preparing: Callable[[Iterable[Any], int], Iterable[Any]] = lambda items, total: items
    training: Callable[[int, int], AbstractContextManager[Bar | None]] = lambda total, done: nullcontext()
    report: Callable[[str], None] = lambda line: None


SILENT = Faces()


@dataclass(frozen=True)
class Finished:
    """Result of a run, in every process."""

    checkpoint: Checkpoint
    figures: Scalars  # on the validation list; empty without a list, and in all processes but the first
    network: nn.Module  # in its last state; the trained network is the checkpoint's average
    leads: bool  # whether this is the process that reports and exports


def sit(
    fabric: Fabric,
    learner: Learner,
    batches: Batches,
    config: Any,
    folder: Path,
    kept: Checkpoint | None,
    max_minutes: float | None,
    faces: Faces,
    measuring: Callable[[], Measure],
    sheet: Sheet,
) -> Finished:
    """Train until the steps of `config.loop` are done or `max_minutes` have passed. Keep all files in `folder`.

    Training continues from `kept` if given. Only the first process reports, and only it calls `measuring`, which may
    read the validation data.
    """
    if not fabric.is_global_zero:
        with loss_told(folder):
            checkpoint = train(fabric, learner, batches, config.loop, folder, Watch(), max_minutes, kept)
        return Finished(checkpoint, {}, learner.network, False)
    save_config(config, folder)
    stage, loop = learner.stage_name, config.loop
    step, seconds = (0, 0.0) if kept is None else (kept.step, kept.seconds)
    curve, measure = Curve(folder, stage, step, seconds), measuring()
    with (
        SummaryWriter(str(folder / "tensorboard")) as writer,
        faces.training(loop.steps * loop.batch, step * loop.batch) as bar,
    ):

        def told(step: int, scalars: Scalars) -> None:
            curve.add(step, scalars)
            for name, value in scalars.items():
                writer.add_scalar(f"{stage}/{name}", value, step)

        def look(step: int, network: nn.Module, batch: Any) -> None:
            # frozen modules are in evaluation mode already, and must stay in it
            modes = [(module, module.training) for module in network.modules()]
            network.eval()
            shown = sheet(network, batch)
            if shown is not None:
                writer.add_image(f"{stage}/looks", shown.numpy(), step)
            for module, training in modes:
                module.training = training

        watch = Watch(
            told,
            look,
            lambda step, average: told(step, measure(average)),
            lambda images: bar.update(images) if bar is not None else None,
        )
        with loss_told(folder):
            checkpoint = train(fabric, learner, batches, loop, folder, watch, max_minutes, kept)
        figures = measure(checkpoint.average)
        told(checkpoint.step, figures)
    return Finished(checkpoint, figures, learner.network, True)
