"""The parser from a data folder or pack to weights: what `fitroom train parser` does."""

from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter

from fitroom.data.pack import open_reader
from fitroom.data.scenes import STUDIO, SceneConfig
from fitroom.errors import WeightsError
from fitroom.export.parser import export_parser
from fitroom.export.weights import Origin
from fitroom.nets.graphs import to_bytes
from fitroom.nets.parser import Parser
from fitroom.nets.trunk import TrunkConfig
from fitroom.store import Weights, check_weights_output
from fitroom.train.alone import Course
from fitroom.train.checkpoint import load
from fitroom.train.config import check_sizes
from fitroom.train.loop import LoopConfig
from fitroom.train.parsing import STAGE, ParserTrainee, ParsingLosses, SceneBatches, measure_parser, told_by
from fitroom.train.run import TERMS
from fitroom.train.samples import load_samples
from fitroom.train.settings import parse, read_values

CALIBRATED = 128  # scenes that INT8's ranges come from
SEEN_ANYWHERE = 1  # seed of the scenes that the validation persons are shown in


@dataclass(frozen=True)
class ParsingConfig:
    """Settings of the parser's training."""

    parser: TrunkConfig = field(default_factory=TrunkConfig)
    losses: ParsingLosses = field(default_factory=ParsingLosses)
    scenes: SceneConfig = field(default_factory=SceneConfig)
    loop: LoopConfig = field(default_factory=LoopConfig)
    height: int = 256  # of the pictures trained on
    width: int = 192


def read_parsing_config(path: str | Path | None, overrides: tuple[str, ...] = ()) -> ParsingConfig:
    """Settings from YAML, or the defaults, changed by `key=value` overrides. Raises InputError."""
    config = parse(ParsingConfig, read_values(path, overrides), str(path or "--set"))
    check_sizes(config.height, config.width, config.loop, str(path or "--set"))
    return config


def parsing_course(config: ParsingConfig) -> Course:
    """The parser's training: on scenes, measured in the studio and in scenes."""
    scenes, loop = config.scenes, config.loop
    return Course(
        STAGE, config, config.parser,
        learner=lambda: ParserTrainee(Parser(config.parser), config.losses),
        batches=lambda samples: SceneBatches(samples, scenes, loop.batch, loop.seed),
        validation=lambda samples, size: {
            "studio": SceneBatches(samples, STUDIO, size),
            "scenes": SceneBatches(samples, scenes, size, SEEN_ANYWHERE),
        },
        figures=lambda network, batches: measure_parser(told_by(network), batches),
    )  # fmt: skip


def export_trained(
    config: ParsingConfig, work: str | Path, data: str | Path, pairs: str, output: str | Path, version: str = "0"
) -> Weights:
    """INT8 weights of the parser in `work`, calibrated on scenes. Raises WeightsError, ExportError, OutputError;
    ImportError without the extra compress.
    """
    check_weights_output(output)
    checkpoint = load(Path(work) / STAGE)
    if checkpoint is None:
        raise WeightsError(f"{Path(work) / STAGE}: no checkpoint; train one with: fitroom train parser --work {work}")
    parser = Parser(TypeAdapter(TrunkConfig).validate_python(checkpoint.config))
    parser.load_state_dict(checkpoint.average)
    reader = open_reader(data)
    listed = reader.pairs(pairs).pairs[:CALIBRATED]
    samples = load_samples(reader, listed, config.height, config.width, 2, lambda items, total: items)
    photos = list(to_bytes(SceneBatches(samples, config.scenes, len(listed)).of_step(0).photo).numpy())
    origin = Origin(STAGE, version, pairs, TERMS)
    return export_parser(parser, output, origin, photos, height=config.height, width=config.width)
