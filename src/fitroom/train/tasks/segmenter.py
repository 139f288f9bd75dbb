"""The segmenter from a data folder or pack to weights: what `fitroom train segmenter` does."""

from dataclasses import dataclass, field
from pathlib import Path

from fitroom.data.garment_scenes import STUDIO, GarmentSceneConfig
from fitroom.nets.segmenter import Segmenter, SegmenterConfig
from fitroom.train.config import check_sizes
from fitroom.train.course import Course
from fitroom.train.loop import LoopConfig
from fitroom.train.settings import parse, read_values
from fitroom.train.tasks.segmenter_learner import (
    STAGE,
    GarmentSceneBatches,
    SegmenterTrainee,
    SegmentingLosses,
    measure_segmenter,
)

SEEN_ANYWHERE = 1  # seed of the scenes that the validation garments are shown in


@dataclass(frozen=True)
class SegmentingConfig:
    """Settings of the segmenter's training."""

    segmenter: SegmenterConfig = field(default_factory=SegmenterConfig)
    losses: SegmentingLosses = field(default_factory=SegmentingLosses)
    scenes: GarmentSceneConfig = field(default_factory=GarmentSceneConfig)
    loop: LoopConfig = field(default_factory=LoopConfig)
    height: int = 256  # of the pictures trained on
    width: int = 192


def read_segmenting_config(path: str | Path | None, overrides: tuple[str, ...] = ()) -> SegmentingConfig:
    """Settings from YAML, or the defaults, changed by `key=value` overrides. Raises InputError."""
    config = parse(SegmentingConfig, read_values(path, overrides), str(path or "--set"))
    check_sizes(config.height, config.width, config.loop, str(path or "--set"))
    return config


def segmenting_course(config: SegmentingConfig) -> Course:
    """The segmenter's training: on scenes, measured on product shots and in scenes."""
    scenes, loop = config.scenes, config.loop
    return Course(
        STAGE, config, config.segmenter,
        learner=lambda: SegmenterTrainee(Segmenter(config.segmenter), config.losses),
        batches=lambda samples: GarmentSceneBatches(samples, scenes, loop.batch, loop.seed),
        validation=lambda samples, size: {
            "studio": GarmentSceneBatches(samples, STUDIO, size),
            "scenes": GarmentSceneBatches(samples, scenes, size, SEEN_ANYWHERE),
        },
        figures=measure_segmenter,
    )  # fmt: skip
