"""Exports trained networks to weights folders: runs `fitroom train ... -o`."""

from pathlib import Path

from pydantic import TypeAdapter

from fitroom.data.pack import open_reader
from fitroom.export.cases import Cases, read_cases
from fitroom.export.parser import export_parser
from fitroom.export.segmenter import export_segmenter
from fitroom.export.single import COMPARED, Quantize
from fitroom.export.weights import ExportConfig, Origin, export_network
from fitroom.export.weights import Quantize as WholeQuantize
from fitroom.nets.graphs import to_bytes
from fitroom.nets.parser import Parser, ParserConfig
from fitroom.nets.segmenter import Segmenter, SegmenterConfig
from fitroom.store import Weights, check_weights_output
from fitroom.train.checkpoint import finished
from fitroom.train.samples import Samples, load_samples
from fitroom.train.session import Faces
from fitroom.train.tasks import parser_learner, segmenter_learner
from fitroom.train.tasks.guided import PainterConfig, assembled
from fitroom.train.tasks.parser import ParsingConfig, sets_of
from fitroom.train.tasks.parser_learner import SceneBatches, fitted_calibration
from fitroom.train.tasks.segmenter import SegmentingConfig
from fitroom.train.tasks.segmenter_learner import GarmentSceneBatches
from fitroom.train.tasks.stages import StageName
from fitroom.train.tasks.tryon import network_of

TERMS = (
    "The terms of the training data apply. No licence covers VITON's photographs: weights trained on them are for "
    "research use only, and convey no rights in the photographs or in the persons shown."
)
CALIBRATED = 128  # pairs or scenes for INT8's ranges
CALIBRATION_STEPS = 8  # batches of up to CALIBRATED scenes, for the confidence of key points


def export_student(work: str | Path, stage: StageName, output: str | Path, data: str, faces: Faces) -> Weights:
    """Export the weights of a student's stage. Raises WeightsError, ExportError, OutputError."""
    check_weights_output(output)
    checkpoint = finished(work, stage, "exporting a student")
    origin = Origin(checkpoint.network, version="0", training_data=data, terms=TERMS)
    config = ExportConfig(half_tensors=True)
    return export_network(network_of(checkpoint), output, origin, config, step=faces.report).weights


def export_guided(
    config: PainterConfig,
    work: str | Path,
    data: str | Path,
    pairs: str,
    output: str | Path,
    quantize: WholeQuantize | None,
    version: str = "0",
) -> Weights:
    """Export the guided network in `work`: INT8 with `quantize`, otherwise float32.

    INT8's ranges are calibrated on the first pairs of the list `pairs`.

    Raises DataError, WeightsError, ExportError, OutputError.
    """
    check_weights_output(output)
    network = assembled(work, config.parser)
    cases = Cases(calibrated=read_cases(str(data), pairs, CALIBRATED, config.height, config.width))
    export = ExportConfig(precision="fp32" if quantize is None else "int8", half_tensors=True)
    origin = Origin(network.name, version, pairs, TERMS)
    size = config.height, config.width
    return export_network(network, output, origin, export, cases, *size, quantize=quantize).weights


def export_trained_segmenter(
    config: SegmentingConfig, work: str | Path, data: str | Path, pairs: str, output: str | Path, version: str = "0"
) -> Weights:
    """Export float16 weights of the segmenter in `work`. INT8 would lower its IoU by half a point.

    Raises DataError, WeightsError, ExportError, OutputError.
    """
    check_weights_output(output)
    stage = segmenter_learner.STAGE
    checkpoint = finished(work, stage, "its export")
    segmenter = Segmenter(TypeAdapter(SegmenterConfig).validate_python(checkpoint.config))
    segmenter.load_state_dict(checkpoint.average)
    samples = first_samples(data, pairs, COMPARED, config.height, config.width)
    batches = GarmentSceneBatches(samples, config.scenes, len(samples))
    pictures = list(to_bytes(batches.of_step(0).picture).numpy())
    origin = Origin(stage, version, pairs, TERMS)
    return export_segmenter(segmenter, output, origin, pictures, "fp16", config.height, config.width)


def export_trained_parser(
    config: ParsingConfig,
    work: str | Path,
    data: str | Path,
    pairs: str,
    output: str | Path,
    quantize: Quantize,
    version: str = "0",
) -> Weights:
    """Export INT8 weights of the parser in `work`.

    INT8's ranges and the confidence of key points are calibrated on training scenes.

    Raises DataError, WeightsError, ExportError, OutputError.
    """
    check_weights_output(output)
    stage = parser_learner.STAGE
    checkpoint = finished(work, stage, "its export")
    parser = Parser(TypeAdapter(ParserConfig).validate_python(checkpoint.config))
    parser.load_state_dict(checkpoint.average)
    samples = first_samples(data, pairs, CALIBRATED, config.height, config.width)
    scenes = SceneBatches(samples, sets_of(samples), config.scenes, len(samples))
    parser.calibration = fitted_calibration(parser.eval(), scenes, CALIBRATION_STEPS)
    photos = list(to_bytes(scenes.of_step(0).photo).numpy())
    origin = Origin(stage, version, pairs, TERMS)
    return export_parser(parser, output, origin, photos, quantize, config.height, config.width)


def first_samples(data: str | Path, pairs: str, count: int, height: int, width: int) -> Samples:
    """Read the first `count` samples of a list. Raises DataError."""
    reader = open_reader(data)
    return load_samples(reader, reader.pairs(pairs).pairs[:count], height, width, 2, lambda items, total: items)
