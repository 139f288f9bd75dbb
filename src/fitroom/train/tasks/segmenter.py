"""Train the garment segmenter: settings, data and task of `fitroom train segmenter`."""

from dataclasses import dataclass, field
from pathlib import Path

from fitroom.data.garment_scenes import STUDIO, GarmentSceneConfig
from fitroom.nets.segmenter import Segmenter, SegmenterConfig
from fitroom.train.checkpoint import Checkpoint
from fitroom.train.loop import Batches, LoopConfig, Scalars
from fitroom.train.samples import Samples
from fitroom.train.session import Faces
from fitroom.train.settings import check_sizes, parse, read_values
from fitroom.train.task import RunConfig, Task
from fitroom.train.tasks.segmenter_learner import (
    STAGE,
    GarmentSceneBatches,
    SegmenterTrainee,
    SegmentingLosses,
    measure_segmenter,
)

SEEN_ANYWHERE = 1  # seed of the validation scenes


@dataclass(frozen=True)
class SegmentingConfig:
    """Settings of the segmenter's training."""

    segmenter: SegmenterConfig = field(default_factory=SegmenterConfig)
    losses: SegmentingLosses = field(default_factory=SegmentingLosses)
    scenes: GarmentSceneConfig = field(default_factory=GarmentSceneConfig)
    loop: LoopConfig = field(default_factory=LoopConfig)
    height: int = 256  # of the training pictures
    width: int = 192


def read_segmenting_config(path: str | Path | None, overrides: tuple[str, ...] = ()) -> SegmentingConfig:
    """Read settings from YAML, or take the defaults, and apply `key=value` overrides. Raises InputError."""
    config = parse(SegmentingConfig, read_values(path, overrides), str(path or "--set"))
    check_sizes(config.height, config.width, config.loop, str(path or "--set"))
    return config


class SegmenterTask(Task):
    """Training of the segmenter on scenes. It is measured on product shots and on scenes."""

    stage = STAGE

    def __init__(self, config: SegmentingConfig) -> None:
        self.config = config

    def network(self, dense: bool) -> tuple[str, SegmenterConfig]:
        """See `Task`."""
        return STAGE, self.config.segmenter

    def learner(self, run: RunConfig, dense: bool, kept: Checkpoint | None) -> SegmenterTrainee:
        """See `Task`."""
        return SegmenterTrainee(Segmenter(self.config.segmenter), self.config.losses)

    def batches(self, run: RunConfig, samples: Samples, faces: Faces) -> GarmentSceneBatches:
        """See `Task`."""
        return GarmentSceneBatches(samples, self.config.scenes, self.config.loop.batch, self.config.loop.seed)

    def validation(self, samples: Samples, size: int) -> dict[str, Batches]:
        """See `Task`."""
        return {
            "studio": GarmentSceneBatches(samples, STUDIO, size),
            "scenes": GarmentSceneBatches(samples, self.config.scenes, size, SEEN_ANYWHERE),
        }

    def figures(self, network: Segmenter, batches: GarmentSceneBatches) -> Scalars:
        """See `Task`."""
        return measure_segmenter(network.cpu(), batches)
