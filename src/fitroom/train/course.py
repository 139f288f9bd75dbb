"""Training of a network that stands alone, outside the try-on's stages: the parser, the segmenter."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fitroom.data.pack import open_reader
from fitroom.data.reader import Reader
from fitroom.train.checkpoint import check_network, to_go_on
from fitroom.train.loop import Batches, Learner, Scalars
from fitroom.train.processes import Precision, launched
from fitroom.train.samples import Samples, check_enough, load_samples
from fitroom.train.session import SILENT, Faces, Finished, Measure, sit
from fitroom.train.tasks.tryon import TRAIN_LIST, VALIDATION_LIST, largest_divisor


@dataclass(frozen=True)
class Course:
    """What is trained, on what, and how it is measured."""

    stage: str  # names its folder and its checkpoints
    config: Any  # with `loop`, `height` and `width`; saved beside the checkpoint
    network_config: Any
    learner: Callable[[], Learner]  # with fresh weights, made after the seed is set
    batches: Callable[[Samples], Batches]
    # validation samples, and how many make a batch, to batches by kind of picture
    validation: Callable[[Samples, int], Mapping[str, Batches]]
    figures: Callable[[Any, Any], Scalars]  # of a network in evaluation mode and such batches


def run_alone(
    course: Course,
    data: str | Path,
    work: str | Path,
    pairs: str = TRAIN_LIST,
    devices: int = 1,
    nodes: int = 1,
    precision: Precision = "32-true",
    max_minutes: float | None = None,
    resume: bool = False,
    faces: Faces = SILENT,
) -> Finished:
    """Train on a data folder or pack, keeping files in `work`/STAGE; measured on val_pairs_paired.txt, where that is.

    Raises DataError, WeightsError, InputError before the first step; FitroomError where a loss is not finite.
    """
    config, folder = course.config, Path(work) / course.stage
    kept = to_go_on(folder, resume)
    if kept is not None:
        check_network(kept.network, kept.config, course.stage, course.network_config, folder)
    reader = open_reader(data)
    samples = load_samples(reader, reader.pairs(pairs).pairs, config.height, config.width, 2, faces.preparing)
    check_enough(samples, config.loop.batch, data)
    fabric = launched(devices, nodes, precision, config.loop.batch, config.loop.lost_minutes)
    torch.manual_seed(config.loop.seed)
    learner = course.learner()
    batches = course.batches(samples.to(fabric.device))
    return sit(
        fabric, learner, batches, config, folder, kept, max_minutes, faces,
        lambda: measure_of(learner.network, course, validation_batches(course, reader, faces)),
    )  # fmt: skip


def validation_batches(course: Course, reader: Reader, faces: Faces) -> Mapping[str, Batches]:
    """Batches of the validation pairs, always the same ones; none where the data has no list."""
    if VALIDATION_LIST not in reader.lists():
        return {}
    config, pairs = course.config, reader.pairs(VALIDATION_LIST).pairs
    samples = load_samples(reader, pairs, config.height, config.width, 2, faces.preparing)
    return course.validation(samples, largest_divisor(len(samples), 30))


def measure_of(trained: nn.Module, course: Course, validation: Mapping[str, Batches]) -> Measure:
    """The course's figures of averaged tensors, by kind of picture."""

    def measure(average: dict[str, Tensor]) -> Scalars:
        network = deepcopy(trained).cpu().eval()
        network.load_state_dict({name: tensor.cpu() for name, tensor in average.items()})
        return {
            f"{kind}_{name}": value
            for kind, batches in validation.items()
            for name, value in course.figures(network, batches).items()
        }

    return measure
