"""Define tasks (a network, its training data and its measurements), and run them on a data folder."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fitroom.data.pack import open_reader
from fitroom.data.reader import Reader
from fitroom.data.viton import TRAIN_LIST, VALIDATION_LIST
from fitroom.train.batches import largest_divisor
from fitroom.train.checkpoint import Checkpoint, check_network, to_go_on
from fitroom.train.loop import Batches, Learner, Scalars
from fitroom.train.processes import Precision, launched
from fitroom.train.samples import Samples, check_enough, load_samples
from fitroom.train.session import SILENT, Faces, Finished, Measure, sit

THREADS = 2  # for reading pictures
MEASURED = 30  # maximum size of a validation batch


@dataclass(frozen=True)
class RunConfig:
    """Data, folders and hardware of a run."""

    data: str | Path  # data folder or pack
    work: str | Path  # folder of checkpoints, settings and scalars
    pairs: str = TRAIN_LIST
    devices: int = 1  # processes, or GPUs
    nodes: int = 1  # machines
    precision: Precision = "32-true"
    max_minutes: float | None = None  # stop after this time; the run can be resumed
    resume: bool = False  # continue from the checkpoint in `work`, if any; if false, there must be none


class Task(ABC):
    """A network to train, its data, and its measurements."""

    stage: str  # name of its folder and its checkpoints
    config: Any  # with `loop`, `height` and `width`; saved beside the checkpoint

    @abstractmethod
    def network(self, dense: bool) -> tuple[str, Any]:
        """Return the name and the settings of the network, for data with or without DensePose."""

    @abstractmethod
    def learner(self, run: RunConfig, dense: bool, kept: Checkpoint | None) -> Learner:
        """Make a learner. Raises WeightsError.

        With a checkpoint, the learner has the checkpoint's network; the loop loads its tensors.
        """

    @abstractmethod
    def batches(self, run: RunConfig, samples: Samples, faces: Faces) -> Batches:
        """Make training batches from samples, on the samples' device. Raises DataError, WeightsError."""

    @abstractmethod
    def validation(self, samples: Samples, size: int) -> Mapping[str, Batches]:
        """Make batches of `size` validation samples, keyed by the kind of picture."""

    @abstractmethod
    def figures(self, network: Any, batches: Any) -> Scalars:
        """Measure a network in evaluation mode on validation batches."""

    def sheet(self, network: nn.Module, batch: Any) -> Tensor | None:
        """Draw a batch, (3, H, W) in [0, 1], or return None if there is nothing to show."""
        return None


def run_task(task: Task, run: RunConfig, faces: Faces = SILENT) -> Finished:
    """Train a task and keep its files in `work`/STAGE. It is measured on val_pairs_paired.txt, if the data has it.

    Raises DataError, WeightsError or InputError before the first step, and FitroomError if a loss is not finite.
    """
    config, folder = task.config, Path(run.work) / task.stage
    kept = to_go_on(folder, run.resume)
    reader = open_reader(run.data)
    if kept is not None:
        check_network(kept.network, kept.config, *task.network(reader.dense), folder)
    torch.manual_seed(config.loop.seed)
    learner = task.learner(run, reader.dense, kept)
    samples = load_samples(reader, reader.pairs(run.pairs).pairs, config.height, config.width, THREADS, faces.preparing)
    check_enough(samples, config.loop.batch, run.data)
    fabric = launched(run.devices, run.nodes, run.precision, config.loop.batch, config.loop.lost_minutes)
    batches = task.batches(run, samples.to(fabric.device), faces)
    return sit(
        fabric,
        learner,
        batches,
        config,
        folder,
        kept,
        run.max_minutes,
        faces,
        lambda: measure_of(task, learner.network, validation_of(task, reader, faces)),
        task.sheet,
    )


def validation_of(task: Task, reader: Reader, faces: Faces) -> Mapping[str, Batches]:
    """Make a task's validation batches, always the same ones, or none if the data has no validation list."""
    if VALIDATION_LIST not in reader.lists():
        return {}
    pairs, config = reader.pairs(VALIDATION_LIST).pairs, task.config
    samples = load_samples(reader, pairs, config.height, config.width, THREADS, faces.preparing)
    return task.validation(samples, largest_divisor(len(samples), MEASURED))


def measure_of(task: Task, trained: nn.Module, validation: Mapping[str, Batches]) -> Measure:
    """Make a function from averaged tensors to a task's figures, whose names begin with the kind of picture."""

    def measure(average: dict[str, Tensor]) -> Scalars:
        network = deepcopy(trained).eval()
        network.load_state_dict(average)
        return {
            f"{kind}_{name}" if kind else name: value
            for kind, batches in validation.items()
            for name, value in task.figures(network, batches).items()
        }

    return measure
