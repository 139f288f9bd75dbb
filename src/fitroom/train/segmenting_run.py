"""The segmenter from a data folder or pack to weights: what `fitroom train segmenter` does."""

from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter

from fitroom.data.garment_scenes import STUDIO, GarmentSceneConfig
from fitroom.data.pack import open_reader
from fitroom.errors import WeightsError
from fitroom.export.alone import COMPARED
from fitroom.export.segmenter import export_segmenter
from fitroom.export.weights import Origin
from fitroom.nets.graphs import to_bytes
from fitroom.nets.segmenter import Segmenter, SegmenterConfig
from fitroom.store import Weights, check_weights_output
from fitroom.train.alone import Course
from fitroom.train.checkpoint import load
from fitroom.train.config import check_sizes
from fitroom.train.loop import LoopConfig
from fitroom.train.run import TERMS
from fitroom.train.samples import load_samples
from fitroom.train.segmenting import (
    STAGE,
    GarmentSceneBatches,
    SegmenterTrainee,
    SegmentingLosses,
    measure_segmenter,
)
from fitroom.train.settings import parse, read_values

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


def export_trained(
    config: SegmentingConfig,
    work: str | Path,
    data: str | Path,
    pairs: str,
    output: str | Path,
    version: str = "0",
) -> Weights:
    """Weights of the segmenter in `work`: INT8 would cost it half a point of IoU. Raises WeightsError, ExportError,
    OutputError.
    """
    check_weights_output(output)
    checkpoint = load(Path(work) / STAGE)
    if checkpoint is None:
        raise WeightsError(
            f"{Path(work) / STAGE}: no checkpoint; train one with: fitroom train segmenter --work {work}"
        )
    segmenter = Segmenter(TypeAdapter(SegmenterConfig).validate_python(checkpoint.config))
    segmenter.load_state_dict(checkpoint.average)
    reader = open_reader(data)
    listed = reader.pairs(pairs).pairs[:COMPARED]
    samples = load_samples(reader, listed, config.height, config.width, 2, lambda items, total: items)
    batches = GarmentSceneBatches(samples, config.scenes, len(listed))
    pictures = list(to_bytes(batches.of_step(0).picture).numpy())
    origin = Origin(STAGE, version, pairs, TERMS)
    return export_segmenter(segmenter, output, origin, pictures, "fp16", config.height, config.width)
