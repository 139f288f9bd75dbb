"""The parser from a data folder or pack to a checkpoint: what `fitroom train parser` does."""

from copy import deepcopy
from dataclasses import dataclass, field, fields
from itertools import islice
from pathlib import Path

import torch
from pydantic import TypeAdapter
from torch import Tensor

from fitroom.data.pack import open_reader
from fitroom.data.reader import Reader
from fitroom.data.scenes import SceneConfig
from fitroom.errors import WeightsError
from fitroom.export.parser import export_parser
from fitroom.export.weights import Origin
from fitroom.images import shrink
from fitroom.nets.parser import Parser, ParserConfig
from fitroom.store import Weights, check_weights_output
from fitroom.train.checkpoint import check_network, load, to_go_on
from fitroom.train.config import check_sizes
from fitroom.train.loop import LoopConfig, Scalars
from fitroom.train.parsing import STAGE, ParserTrainee, ParsingLosses, SceneBatches, measure_parser
from fitroom.train.processes import Precision, launched
from fitroom.train.run import TERMS, TRAIN_LIST, VALIDATION_LIST, largest_divisor
from fitroom.train.samples import check_enough, load_samples
from fitroom.train.settings import parse, read_values
from fitroom.train.sitting import SILENT, Faces, Finished, Measure, sit

CALIBRATED = 128  # photos that INT8's ranges come from
STUDIO = SceneConfig(*[0.0] * len(fields(SceneConfig)))
SEEN_ANYWHERE = 1  # seed of the scenes that the validation persons are shown in


@dataclass(frozen=True)
class ParsingConfig:
    """Settings of the parser's training."""

    parser: ParserConfig = field(default_factory=ParserConfig)
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


def run_parser(
    config: ParsingConfig,
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
    """Train the parser on the persons of a data folder or pack, keeping its files in `work`/parser.

    It is measured on val_pairs_paired.txt, where the data has it: as the studio shows them, and in scenes. Raises
    DataError, WeightsError, InputError before the first step; FitroomError where a loss is not finite.
    """
    folder = Path(work) / STAGE
    kept = to_go_on(folder, resume)
    if kept is not None:
        check_network(kept.network, kept.config, STAGE, config.parser, folder)
    reader = open_reader(data)
    samples = load_samples(reader, reader.pairs(pairs).pairs, config.height, config.width, 2, faces.preparing)
    check_enough(samples, config.loop.batch, data)
    fabric = launched(devices, nodes, precision, config.loop.batch, config.loop.lost_minutes)
    torch.manual_seed(config.loop.seed)
    trainee = ParserTrainee(Parser(config.parser), config.losses)
    batches = SceneBatches(samples.to(fabric.device), config.scenes, config.loop.batch, config.loop.seed)
    return sit(
        fabric, trainee, batches, config, folder, kept, max_minutes, faces,
        lambda: measure_of(trainee.network, validation_scenes(config, reader, faces)),
    )  # fmt: skip


def export_trained(work: str | Path, data: str | Path, pairs: str, output: str | Path) -> Weights:
    """INT8 weights of the parser in `work`, calibrated on photos of a list. Raises WeightsError, ExportError,
    OutputError; ImportError without the extra compress.
    """
    check_weights_output(output)
    checkpoint = load(Path(work) / STAGE)
    if checkpoint is None:
        raise WeightsError(f"{Path(work) / STAGE}: no checkpoint; train one with: fitroom train parser --work {work}")
    parser = Parser(TypeAdapter(ParserConfig).validate_python(checkpoint.config))
    parser.load_state_dict(checkpoint.average)
    reader = open_reader(data)
    photos = [shrink(reader.photo(pair.person)) for pair in islice(reader.pairs(pairs).pairs, CALIBRATED)]
    return export_parser(parser, output, Origin(STAGE, "0", pairs, TERMS), photos)


def validation_scenes(config: ParsingConfig, reader: Reader, faces: Faces) -> dict[str, SceneBatches]:
    """Validation persons in the studio and in scenes, always the same ones; nothing where the data has no list."""
    if VALIDATION_LIST not in reader.lists():
        return {}
    persons = load_samples(reader, reader.pairs(VALIDATION_LIST).pairs, config.height, config.width, 2, faces.preparing)
    size = largest_divisor(len(persons), 30)
    return {
        "studio": SceneBatches(persons, STUDIO, size),
        "scenes": SceneBatches(persons, config.scenes, size, SEEN_ANYWHERE),
    }


def measure_of(trained: Parser, validation: dict[str, SceneBatches]) -> Measure:
    """What `measure_parser` says of averaged tensors, by kind of picture."""

    def measure(average: dict[str, Tensor]) -> Scalars:
        network = deepcopy(trained).cpu().eval()
        network.load_state_dict({name: tensor.cpu() for name, tensor in average.items()})
        return {
            f"{kind}_{name}": value
            for kind, batches in validation.items()
            for name, value in measure_parser(network, batches).items()
        }

    return measure
