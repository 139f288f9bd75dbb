"""Train the human parser: settings, data and task of `fitroom train parser`."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from fitroom.data.pack import open_reader
from fitroom.data.scenes import STUDIO, SceneConfig
from fitroom.data.street import open_labelled
from fitroom.data.street_samples import backgrounds, load_street
from fitroom.data.street_scenes import StreetConfig, StreetPhoto
from fitroom.data.viton import TRAIN_LIST
from fitroom.data.viton_sets import viton_sets
from fitroom.errors import WeightsError
from fitroom.evaluate.imagenet import imagenet_tensors
from fitroom.nets.parser import Parser, ParserConfig
from fitroom.nets.registry import tensors_of
from fitroom.store import open_weights
from fitroom.train.batches import largest_divisor
from fitroom.train.checkpoint import Checkpoint, untupled
from fitroom.train.loop import Batches, LoopConfig, Scalars
from fitroom.train.samples import Samples, load_samples
from fitroom.train.session import Faces
from fitroom.train.settings import check_sizes, parse, read_values
from fitroom.train.task import RunConfig, Task
from fitroom.train.tasks.parser_learner import (
    STAGE,
    MixedBatches,
    ParserTrainee,
    ParsingLosses,
    SceneBatches,
    StreetBatches,
    measure_parser,
    predict_with,
)
from fitroom.tryon import open_parser

SEEN_ANYWHERE = 1  # seed of the validation scenes
STREET_LIST, STREET_VALIDATION = "train.txt", "val.txt"
VALIDATED_STREET = 100  # maximum number of street photos to validate on


@dataclass(frozen=True)
class ParsingConfig:
    """Settings of the parser's training."""

    parser: ParserConfig = field(default_factory=ParserConfig)
    losses: ParsingLosses = field(default_factory=ParsingLosses)
    scenes: SceneConfig = field(default_factory=lambda: SceneConfig(near=0.35))
    drawn: str = ""  # data folder of drawn figures to add to the training pairs, see `fitroom data synth`
    street: str = ""  # folder of labelled street photos, see `data/street.py`; empty: studio photos only
    street_share: float = 0.4  # share of a batch's samples
    frames: StreetConfig = field(default_factory=StreetConfig)
    joints: str = "parser"  # weights of the parser that predicts the key points of street photos
    pretrained: bool = True  # whether the trunk starts from ImageNet weights
    start: str = ""  # weights of a parser, by name or folder, to start from instead
    loop: LoopConfig = field(default_factory=LoopConfig)
    height: int = 256  # of the training pictures
    width: int = 192


def read_parsing_config(path: str | Path | None, overrides: tuple[str, ...] = ()) -> ParsingConfig:
    """Read settings from YAML, or take the defaults, and apply `key=value` overrides. Raises InputError."""
    config = parse(ParsingConfig, read_values(path, overrides), str(path or "--set"))
    check_sizes(config.height, config.width, config.loop, str(path or "--set"))
    return config


def fresh_parser(config: ParsingConfig) -> Parser:
    """Make a parser to train.

    Raises MissingExtraError if the pretrained tensors are not installed, and WeightsError if the weights to start from
    belong to another network.
    """
    parser = Parser(config.parser)
    if config.start:
        weights = open_weights(config.start)
        found = weights.manifest.config
        if untupled(found) != untupled(asdict(config.parser)):
            raise WeightsError(
                f"{weights.folder}: found a parser with {found}; the settings need {asdict(config.parser)}."
            )
        parser.load_state_dict(tensors_of(weights))
        return parser
    if config.pretrained:
        parser.trunk.load_state_dict(parser.trunk.own_tensors(imagenet_tensors()))
    return parser


def sets_of(samples: Samples) -> Tensor:
    """Return the label sets of studio photos: uint8 (n, H, W) rows of `label_sets.TABLE`, on the samples' device."""

    def one(row: int) -> Tensor:
        photo, label, points = samples.photo[row].permute(1, 2, 0), samples.label[row], samples.key_points[row]
        return torch.from_numpy(viton_sets(*(value.cpu().contiguous().numpy() for value in (photo, label, points))))

    with ThreadPoolExecutor(2) as pool:
        return torch.stack(list(pool.map(one, range(len(samples))))).to(samples.photo.device)


def street_photos(config: ParsingConfig, listed: str) -> list[StreetPhoto]:
    """Read the street photos of a list. Raises DataError, WeightsError."""
    folder = open_labelled(config.street)
    return load_street(folder, folder.names(listed), open_parser(config.joints))


def training_batches(config: ParsingConfig, samples: Samples) -> Batches:
    """Make batches of studio scenes, and of street photos if configured. Raises DataError, WeightsError."""
    loop, scenes = config.loop, config.scenes
    if config.drawn:
        reader = open_reader(config.drawn)
        pairs = reader.pairs(TRAIN_LIST).pairs
        figures = load_samples(reader, pairs, config.height, config.width, 2, lambda items, total: items)
        samples = samples.joined(figures.to(samples.photo.device))
    sets = sets_of(samples)
    if not config.street:
        return SceneBatches(samples, sets, scenes, loop.batch, loop.seed)
    photos = street_photos(config, STREET_LIST)
    count = min(max(round(config.street_share * loop.batch), 1), loop.batch - 1)
    clear = backgrounds(photos, config.height, config.width)
    if clear is not None:
        clear = clear.to(samples.photo.device)
    return MixedBatches(
        SceneBatches(samples, sets, scenes, loop.batch - count, loop.seed, clear),
        StreetBatches(photos, config.frames, count, config.height, config.width, loop.seed),
    )


def validation_batches(
    config: ParsingConfig, samples: Samples, size: int
) -> Mapping[str, SceneBatches | StreetBatches]:
    """Make validation batches of persons in the studio and in scenes, and of whole street photos if configured.

    Raises DataError, WeightsError.
    """
    sets = sets_of(samples)
    batches: dict[str, SceneBatches | StreetBatches] = {
        "studio": SceneBatches(samples, sets, STUDIO, size),
        "scenes": SceneBatches(samples, sets, config.scenes, size, SEEN_ANYWHERE),
    }
    if config.street:
        photos = street_photos(config, STREET_VALIDATION)[:VALIDATED_STREET]
        batches["street"] = StreetBatches(photos, None, largest_divisor(len(photos), 30), config.height, config.width)
    return batches


class ParserTask(Task):
    """Training of the parser. It is measured on studio photos, scenes and street photos."""

    stage = STAGE

    def __init__(self, config: ParsingConfig) -> None:
        self.config = config

    def network(self, dense: bool) -> tuple[str, ParserConfig]:
        """See `Task`."""
        return STAGE, self.config.parser

    def learner(self, run: RunConfig, dense: bool, kept: Checkpoint | None) -> ParserTrainee:
        """See `Task`."""
        parser = fresh_parser(self.config) if kept is None else Parser(self.config.parser)
        return ParserTrainee(parser, self.config.losses)

    def batches(self, run: RunConfig, samples: Samples, faces: Faces) -> Batches:
        """See `Task`."""
        return training_batches(self.config, samples)

    def validation(self, samples: Samples, size: int) -> Mapping[str, Batches]:
        """See `Task`."""
        return validation_batches(self.config, samples, size)

    def figures(self, network: Parser, batches: SceneBatches | StreetBatches) -> Scalars:
        """See `Task`."""
        return measure_parser(predict_with(network.cpu()), batches)
