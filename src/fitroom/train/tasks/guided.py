"""The painter of the guided network as a task: from the erased photo back to the photo, by a warp that is trained."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from pydantic import TypeAdapter
from torch import Tensor

from fitroom.data.augment import UNCHANGED, AugmentConfig
from fitroom.data.street import open_labelled
from fitroom.data.street_samples import backgrounds, load_street
from fitroom.errors import WeightsError
from fitroom.nets.body_warp import GuidedWarp, WarpConfig
from fitroom.nets.guided import Guided, GuidedConfig
from fitroom.nets.interface import compose
from fitroom.nets.painter import PaintConfig, Painter
from fitroom.nets.parser import ParserConfig
from fitroom.nets.registry import tensors_of
from fitroom.store import open_weights
from fitroom.train.adversary import Adversary
from fitroom.train.batches import largest_divisor
from fitroom.train.checkpoint import Checkpoint, finished
from fitroom.train.loop import Learner, LoopConfig, Scalars
from fitroom.train.samples import Samples, check_enough
from fitroom.train.session import Faces
from fitroom.train.settings import check_sizes, parse, read_values
from fitroom.train.task import RunConfig, Task
from fitroom.train.tasks import guided_warp
from fitroom.train.tasks.guided_samples import GuidedBatches, halved, mended, parsed
from fitroom.train.tasks.guided_warp import FeatureDistance, begin_with, checksum_of
from fitroom.train.tasks.losses import gradient_difference
from fitroom.train.tasks.paint_samples import UNKNOWN, PaintBatch, PaintBatches, StreetPaint, StudioPaint
from fitroom.train.tasks.parser import STREET_LIST
from fitroom.tryon import open_parser

STAGE = "guided"
NECK = 4.0  # how much the neck counts in layout and composition: few pixels, and the collar lies there


@dataclass(frozen=True)
class PaintLosses:
    """Weights of the losses by name; 0: it does not count."""

    look: float = 4.0  # L1 inside the region
    rendered: float = 1.0  # L1 of the rendered person inside the region, where no garment is worn
    gradients: float = 1.0  # of the look, at three scales
    features: float = 0.5  # of EfficientNet-Lite0, of the look
    layout: float = 0.5  # cross-entropy inside the region
    composition: float = 1.0  # L1 against the garment that shows
    adversarial: float = 0.0  # of a patch discriminator, inside the region
    matching: float = 0.0  # of the discriminator's features
    discriminator: float = 1.0  # what teaches it


@dataclass(frozen=True)
class PainterConfig:
    """Settings of the painter's training."""

    paint: PaintConfig = field(default_factory=PaintConfig)
    losses: PaintLosses = field(default_factory=PaintLosses)
    augment: AugmentConfig = field(default_factory=lambda: AugmentConfig(elsewhere=0.5))
    parser: str = "parser"  # weights of the parser that guides; those of the warp's training
    start: str = ""  # tensors to begin with: a file of `torch.save`
    street: str = ""  # folder of labelled street photos: samples, and backgrounds behind studio persons
    street_share: float = 0.2  # of a batch
    half: bool = False  # train at half of the size, which is four times as fast
    crop: tuple[int, int] | None = None  # height and width of crops to train on, multiples of 64; null: whole pictures
    roughness: float = 0.08  # largest standard deviation of a smooth disturbance of the flow, in [-1, 1]: 4 % of a side
    loop: LoopConfig = field(default_factory=LoopConfig)
    height: int = 256  # of the photos
    width: int = 192


def read_painter_config(path: str | Path | None, overrides: tuple[str, ...] = ()) -> PainterConfig:
    """Read settings from a recipe, or the defaults, changed by `key=value` overrides. Raises InputError."""
    config = parse(PainterConfig, read_values(path, overrides), str(path or "--set"))
    check_sizes(config.height, config.width, config.loop, str(path or "--set"), multiple=64)
    return config


def open_warp(work: str | Path, parser: str) -> GuidedWarp:
    """Open the warp network that was trained in `work`.

    Raises WeightsError where there is none, or where it was trained with another parser.
    """
    checkpoint = finished(work, guided_warp.STAGE, "the painter")
    network = GuidedWarp(TypeAdapter(WarpConfig).validate_python(checkpoint.config))
    wanted, found = checksum_of(parser), network.config.parser
    if found != wanted:
        raise WeightsError(
            f"{work}: its warp network was trained with another parser ({found[:12] or 'unknown'}...) than {parser} "
            f"({wanted[:12]}...); name that parser, or continue the warp network's training: "
            "fitroom train guided_warp --resume."
        )
    network.load_state_dict(checkpoint.average)
    return network.eval().requires_grad_(False)


def assembled(work: str | Path, parser: str) -> Guided:
    """Put the guided network together: a parser, and the warp network and painter that were trained with it in `work`.

    Raises WeightsError where one is missing, or was trained with another parser.
    """
    warp, weights = open_warp(work, parser), open_weights(parser)
    checkpoint = finished(work, STAGE, "the guided network")
    config = GuidedConfig(
        TypeAdapter(ParserConfig).validate_python(weights.manifest.config),
        warp.config,
        TypeAdapter(PaintConfig).validate_python(checkpoint.config),
    )
    network = Guided(config)
    network.parser.load_state_dict(tensors_of(weights))
    network.warp.load_state_dict(warp.state_dict())
    network.painter.load_state_dict(checkpoint.average)
    return network.eval()


class PainterTrainee(Learner):
    """The painter and the losses of a batch."""

    stage_name = STAGE

    def __init__(self, network: Painter, losses: PaintLosses) -> None:
        super().__init__()
        self.network, self.losses = network, losses
        self.adversary = Adversary() if losses.adversarial or losses.matching else None
        self.distance = FeatureDistance() if losses.features else None

    def forward(self, batch: PaintBatch) -> dict[str, Tensor]:
        """Losses of a batch by name."""
        photo, region, worn, change = batch.photo, batch.region, batch.worn, batch.change
        painted = self.network(self.network.person_features(batch.maps, batch.drawn), batch.warped, batch.warped_mask)
        look = compose(photo, batch.warped, painted.rendered, painted.composition, change)
        known = (batch.layout != UNKNOWN).float().unsqueeze(1)
        counts = region * known * (1 + (NECK - 1) * batch.neck)
        share, changed = region.sum().clamp(min=1), change.sum().clamp(min=1)
        bare = change * (1 - worn) * known
        target = torch.where(batch.layout == UNKNOWN, 0, batch.layout).long()
        values = {
            "look": ((look - photo).abs() * change).sum() / (3 * changed),
            "rendered": ((painted.rendered - photo).abs() * bare).sum() / (3 * bare.sum().clamp(min=1)),
            "gradients": gradient_difference(look, photo),
            "layout": (F.cross_entropy(painted.layout.float(), target, reduction="none") * counts.squeeze(1)).sum()
            / share,
            "composition": ((painted.composition - worn).abs() * counts).sum() / share,
        }
        if self.distance is not None:
            values["features"] = self.distance(look, photo)
        if self.adversary is not None:
            values |= self.adversary(look, photo, region)
        return values

    def total(self, values: dict[str, Tensor]) -> Tensor:
        """Compute the weighted sum of losses."""
        return torch.stack([getattr(self.losses, name) * value.float() for name, value in values.items()]).sum()


class PainterTask(Task):
    """The painter of the guided network."""

    stage = STAGE

    def __init__(self, config: PainterConfig) -> None:
        self.config = config
        self.parser = open_parser(config.parser)

    def network(self, dense: bool) -> tuple[str, PaintConfig]:
        """See `Task`."""
        return Painter.name, self.config.paint

    def learner(self, run: RunConfig, dense: bool, kept: Checkpoint | None) -> PainterTrainee:
        """See `Task`. Raises WeightsError where no warp network is trained."""
        self.warp = open_warp(run.work, self.config.parser)
        network = Painter(self.config.paint)
        if self.config.start and kept is None:
            begin_with(network, self.config.start)
        return PainterTrainee(network, self.config.losses)

    def prepared(self, samples: Samples, faces: Faces) -> Samples:
        """Add what the parser says, at the size that is trained."""
        guided = parsed(samples, self.parser, faces)
        return halved(guided) if self.config.half else guided

    def batches(self, run: RunConfig, samples: Samples, faces: Faces) -> PaintBatches:
        """See `Task`."""
        config, loop = self.config, self.config.loop
        height, width = config.height, config.width
        street, behind, count = None, None, 0
        if config.street:
            folder = open_labelled(config.street)
            photos = load_street(folder, folder.names(STREET_LIST), self.parser)
            behind = backgrounds(photos, *((height // 2, width // 2) if config.half else (height, width)))
            behind = None if behind is None else behind.to(samples.photo.device)
            count = min(max(round(config.street_share * loop.batch), 1), loop.batch - 1)
            street = StreetPaint(photos, self.parser, count, height, width, config.half, config.roughness, loop.seed)
        made = mended(self.prepared(samples, faces))
        check_enough(made, loop.batch, run.data)
        guided = GuidedBatches(made, config.augment, loop.batch - count, True, loop.seed, behind)
        return PaintBatches(StudioPaint(guided, self.warp, config.half, config.roughness), street, config.crop)

    def validation(self, samples: Samples, size: int) -> dict[str, PaintBatches]:
        """See `Task`."""
        made = self.prepared(samples, Faces())
        guided = GuidedBatches(made, UNCHANGED, largest_divisor(len(made), size), False)
        return {"": PaintBatches(StudioPaint(guided, self.warp, self.config.half, 0.0))}

    @torch.no_grad()
    def figures(self, network: Painter, batches: PaintBatches) -> Scalars:
        """See `Task`: the losses on validation persons, in their own garments."""
        trainee = PainterTrainee(network.cpu(), replace(self.config.losses, adversarial=0.0, matching=0.0)).eval()
        totals: dict[str, float] = {}
        steps = batches.count // batches.size
        for step in range(steps):
            for name, value in trainee(batches.of_step(step)).items():
                totals[name] = totals.get(name, 0.0) + float(value) / steps
        return totals
