"""The parser from a data folder or pack to a checkpoint: what `fitroom train parser` does."""

from copy import deepcopy
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import torch
import yaml
from tensorboardX import SummaryWriter
from torch import Tensor

from fitroom.data.pack import open_reader
from fitroom.data.reader import Reader
from fitroom.data.scenes import SceneConfig
from fitroom.errors import DataError, InputError
from fitroom.nets.parser import Parser, ParserConfig
from fitroom.train.checkpoint import check_network, load, untupled
from fitroom.train.curve import Curve
from fitroom.train.loop import LoopConfig, Scalars, Watch, train
from fitroom.train.parsing import STAGE, ParserTrainee, ParsingLosses, SceneBatches, measure_parser
from fitroom.train.processes import Precision, loss_told, make_fabric
from fitroom.train.run import TRAIN_LIST, VALIDATION_LIST, Faces, Finished, largest_divisor
from fitroom.train.samples import load_samples
from fitroom.train.settings import parse, read_values

STUDIO = SceneConfig(*[0.0] * len(fields(SceneConfig)))
SILENT = Faces()
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
    if config.height % 32 or config.width % 32:
        raise InputError(f"{path or '--set'}: height {config.height}, width {config.width}; need multiples of 32.")
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
    kept = load(folder)
    if kept is not None and not resume:
        raise InputError(
            f"{folder}: holds a checkpoint of {kept.step} steps; go on with --resume, or name a new --work."
        )
    if kept is not None:
        check_network(kept.network, kept.config, STAGE, config.parser, folder)
    reader = open_reader(data)
    samples = load_samples(reader, reader.pairs(pairs).pairs, config.height, config.width, 2, faces.preparing)
    if len(samples) < config.loop.batch:
        raise DataError(f"{data}: {len(samples)} pairs; a batch needs {config.loop.batch}: lower loop.batch.")
    fabric = make_fabric(devices, nodes, precision, config.loop.lost_minutes)
    fabric.launch()
    if config.loop.batch % fabric.world_size:
        raise InputError(f"loop.batch {config.loop.batch} does not divide among {fabric.world_size} processes.")
    torch.manual_seed(config.loop.seed)
    trainee = ParserTrainee(Parser(config.parser), config.losses)
    batches = SceneBatches(samples.to(fabric.device), config.scenes, config.loop.batch, config.loop.seed)
    if not fabric.is_global_zero:
        with loss_told(folder):
            checkpoint = train(fabric, trainee, batches, config.loop, folder, Watch(), max_minutes, kept)
        return Finished(checkpoint, {}, False)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "settings.yaml").write_text(yaml.safe_dump(untupled(asdict(config)), sort_keys=False))
    validation = validation_scenes(config, reader, faces)
    curve = Curve(folder, STAGE, *((kept.step, kept.seconds) if kept is not None else ()))
    done, total = (0 if kept is None else kept.step) * config.loop.batch, config.loop.steps * config.loop.batch
    with SummaryWriter(str(folder / "tensorboard")) as writer, faces.training(total, done) as bar:

        def told(step: int, scalars: Scalars) -> None:
            curve.add(step, scalars)
            for name, value in scalars.items():
                writer.add_scalar(f"{STAGE}/{name}", value, step)

        def measure(step: int, average: dict[str, Tensor]) -> None:
            told(step, measured(trainee.network, average, validation))

        watch = Watch(told, measure=measure, advance=lambda images: bar.update(images) if bar is not None else None)
        with loss_told(folder):
            checkpoint = train(fabric, trainee, batches, config.loop, folder, watch, max_minutes, kept)
        figures = measured(trainee.network, checkpoint.average, validation)
        told(checkpoint.step, figures)
    return Finished(checkpoint, figures, True)


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


def measured(trained: Parser, average: dict[str, Tensor], validation: dict[str, SceneBatches]) -> Scalars:
    """What `measure_parser` says of averaged tensors, by kind of picture."""
    network = deepcopy(trained).cpu().eval()
    network.load_state_dict({name: tensor.cpu() for name, tensor in average.items()})
    return {
        f"{kind}_{name}": value
        for kind, batches in validation.items()
        for name, value in measure_parser(network, batches).items()
    }
