"""The painter of the guided network as a task: from the erased photo back to the photo, by a warp that is trained."""

from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from pydantic import TypeAdapter
from torch import Tensor, nn

from fitroom.body import ARMS, BELOW_HEM, HANDS, Label
from fitroom.data.augment import UNCHANGED, AugmentConfig
from fitroom.data.label_sets import MAYBE_NECK, ROW, SINGLE
from fitroom.data.street import open_labelled
from fitroom.data.street_samples import backgrounds, load_street
from fitroom.nets.guidance import body_template, hair_kept, paint_maps, warp_maps
from fitroom.nets.guided import GuidedWarp, Layout, PaintConfig, Painted, Painter, WarpConfig
from fitroom.nets.sampling import sample
from fitroom.train.batches import largest_divisor
from fitroom.train.checkpoint import Checkpoint, finished
from fitroom.train.loop import Learner, LoopConfig, Scalars
from fitroom.train.samples import Samples, check_enough
from fitroom.train.session import Faces
from fitroom.train.settings import check_sizes, parse, read_values
from fitroom.train.task import RunConfig, Task
from fitroom.train.tasks import guided_warp
from fitroom.train.tasks.guided_samples import GuidedBatch, GuidedBatches, halved, parsed
from fitroom.train.tasks.guided_warp import FeatureDistance
from fitroom.train.tasks.losses import gradient_difference
from fitroom.train.tasks.parser import STREET_LIST, sets_of
from fitroom.tryon import open_parser

STAGE = "guided"
NECK = 4.0  # how much the neck counts in layout and composition: few pixels, and the collar lies there
SOFT = 2  # pixels inside the region's outline over which the look goes over into the photo
UNKNOWN = -100  # a layout that says nothing; PyTorch's cross-entropy leaves it out


@dataclass(frozen=True)
class PaintLosses:
    """Weights of the losses by name; 0: it does not count."""

    look: float = 4.0  # L1 inside the region
    rendered: float = 1.0  # L1 of the rendered person inside the region, where no garment is worn
    gradients: float = 1.0  # of the look, at three scales
    features: float = 0.5  # of EfficientNet-Lite0, of the look
    layout: float = 0.5  # cross-entropy inside the region
    composition: float = 1.0  # L1 against the garment that shows


@dataclass(frozen=True)
class GuidedConfig:
    """Settings of the painter's training."""

    paint: PaintConfig = field(default_factory=PaintConfig)
    losses: PaintLosses = field(default_factory=PaintLosses)
    augment: AugmentConfig = field(default_factory=lambda: AugmentConfig(elsewhere=0.5))
    parser: str = "parser"  # weights of the parser that guides; those of the warp's training
    street: str = ""  # folder of labelled street photos, whose backgrounds stand behind persons
    half: bool = False  # train at half of the size, which is four times as fast
    roughness: float = 0.08  # largest standard deviation of a smooth disturbance of the flow, in [-1, 1]: 4 % of a side
    loop: LoopConfig = field(default_factory=LoopConfig)
    height: int = 256  # of the photos
    width: int = 192


def read_guided_config(path: str | Path | None, overrides: tuple[str, ...] = ()) -> GuidedConfig:
    """Read settings from a recipe, or the defaults, changed by `key=value` overrides. Raises InputError."""
    config = parse(GuidedConfig, read_values(path, overrides), str(path or "--set"))
    check_sizes(config.height, config.width, config.loop, str(path or "--set"), multiple=64)
    return config


def open_warp(work: str | Path) -> GuidedWarp:
    """Open the warp network that was trained in `work`. Raises WeightsError where there is none."""
    checkpoint = finished(work, guided_warp.STAGE, "the painter")
    network = GuidedWarp(TypeAdapter(WarpConfig).validate_python(checkpoint.config))
    network.load_state_dict(checkpoint.average)
    return network.eval().requires_grad_(False)


def with_necks(samples: Samples) -> Samples:
    """Label necks in VITON's labels: NECK where one surely is, NOISE where one may be."""
    sets = sets_of(samples)
    label = torch.where(sets == ROW[SINGLE[Label.NECK]], int(Label.NECK), samples.label)
    return replace(samples, label=torch.where(sets == ROW[MAYBE_NECK], int(Label.NOISE), label).to(torch.uint8))


def layout_of(label: Tensor) -> Tensor:
    """Layout classes (N, H, W) of labels with necks (N, H, W); UNKNOWN where they say nothing."""
    table = torch.full((256,), UNKNOWN, device=label.device)
    table[Label.BACKGROUND], table[Label.HAIR], table[Label.UPPER_CLOTHES] = (
        int(Layout.BACKGROUND),
        int(Layout.HAIR),
        int(Layout.GARMENT),
    )
    table[[Label.FACE, Label.NECK, *ARMS, *HANDS]] = int(Layout.SKIN)
    table[list(BELOW_HEM)] = int(Layout.LOWER_CLOTHES)
    return table[label.long()]


def softened(region: Tensor) -> Tensor:
    """Make a region (N, 1, H, W) soft over SOFT pixels inside its outline."""
    around = F.pad(region, (SOFT,) * 4, mode="replicate")
    return (2 * F.avg_pool2d(around, 2 * SOFT + 1, 1) - 1).clamp(0, 1)


def composed(photo: Tensor, region: Tensor, painted: Painted, warped: Tensor) -> Tensor:
    """Compose looks (N, 3, H, W): the photo outside the region; inside, the warped garment over the rendered person."""
    inside = painted.rendered + painted.composition * (warped - painted.rendered)
    return photo + softened(region) * (inside - photo)


class GuidedTrainee(Learner):
    """The painter and the losses of a batch; the warp network gives flows, and learns nothing."""

    stage_name = STAGE

    def __init__(self, network: Painter, warp: GuidedWarp, losses: PaintLosses, half: bool, roughness: float) -> None:
        super().__init__()
        self.network, self.warp, self.losses, self.adversary = network, warp, losses, None
        self.at_half, self.roughness = half, roughness
        self.distance = FeatureDistance() if losses.features else None

    def frozen(self) -> list[nn.Module]:
        """See `Learner`."""
        return [self.warp]

    def train(self, mode: bool = True) -> "GuidedTrainee":
        """Keep the warp network in evaluation mode."""
        super().train(mode)
        self.warp.eval()
        return self

    def forward(self, guided: GuidedBatch) -> dict[str, Tensor]:
        """Losses of a batch by name."""
        batch, soft = guided.batch, guided.soft
        warped, mask = warp_garments(self.warp, guided, self.at_half, self.roughness)
        region = guided.region * (1 - hair_kept(soft))
        maps = paint_maps(batch.photo, soft, warp_maps(soft, batch.key_points, guided.template, region), region)
        painted = self.network(maps, warped, mask)
        look = composed(batch.photo, region, painted, warped)
        layout = layout_of(batch.label)
        neck = (batch.label == Label.NECK).float().unsqueeze(1)
        counts = region * (1 + (NECK - 1) * neck)
        share = region.sum().clamp(min=1)
        bare = region * (1 - batch.worn)
        values = {
            "look": ((look - batch.photo).abs() * region).sum() / (3 * share),
            "rendered": ((painted.rendered - batch.photo).abs() * bare).sum() / (3 * bare.sum().clamp(min=1)),
            "gradients": gradient_difference(look, batch.photo),
            "layout": (
                F.cross_entropy(painted.layout.float(), layout, reduction="none", ignore_index=UNKNOWN)
                * counts.squeeze(1)
            ).sum()
            / share,
            "composition": ((painted.composition - batch.worn).abs() * counts).sum() / share,
        }
        if self.distance is not None:
            values["features"] = self.distance(look, batch.photo)
        return values

    def total(self, values: dict[str, Tensor]) -> Tensor:
        """The weighted sum of losses."""
        return torch.stack([getattr(self.losses, name) * value.float() for name, value in values.items()]).sum()


@torch.no_grad()
def warp_garments(warp: GuidedWarp, guided: GuidedBatch, half: bool, roughness: float) -> tuple[Tensor, Tensor]:
    """Warp the garments of a batch and their masks by the warp network, which works at half of the photo's size.

    `half` says that the batch has that size already. Flows are disturbed at random by `roughness`. Both are returned at
    the batch's size.
    """
    batch, soft = guided.batch, guided.soft
    points, garment, mask, template, region = (
        batch.key_points,
        batch.garment,
        batch.garment_mask,
        guided.template,
        guided.region,
    )
    if not half:
        soft, garment, mask = (F.avg_pool2d(x, 2) for x in (soft, garment, mask))
        points = torch.cat([(points[..., :2] + 0.5) / 2 - 0.5, points[..., 2:]], dim=2)
        template = body_template(points, *soft.shape[-2:])
        region = F.max_pool2d(region, 2)
    flow = warp(warp_maps(soft, points, template, region), garment, mask)[-1]
    if roughness:
        # the batch determines it, so that a run can be repeated
        generator = torch.Generator().manual_seed(int(batch.rows.sum()))
        noise = torch.randn(len(flow), 2, 4, 3, generator=generator) * torch.rand(
            len(flow), 1, 1, 1, generator=generator
        )
        flow = flow + F.interpolate(roughness * noise.to(flow.device), size=flow.shape[-2:], mode="bicubic")
    flow = F.interpolate(flow, size=batch.photo.shape[-2:], mode="bilinear", align_corners=False)
    return sample(batch.garment, flow, False), sample(batch.garment_mask, flow, False, padding="zeros")


class GuidedTask(Task):
    """The painter of the guided network."""

    stage = STAGE

    def __init__(self, config: GuidedConfig) -> None:
        self.config = config
        self.parser = open_parser(config.parser)

    def network(self, dense: bool) -> tuple[str, PaintConfig]:
        """See `Task`."""
        return STAGE, self.config.paint

    def learner(self, run: RunConfig, dense: bool, kept: Checkpoint | None) -> GuidedTrainee:
        """See `Task`. Raises WeightsError where no warp network is trained."""
        config = self.config
        self.warp = open_warp(run.work)
        return GuidedTrainee(Painter(config.paint), self.warp, config.losses, config.half, config.roughness)

    def prepared(self, samples: Samples, faces: Faces) -> Samples:
        """Add what the parser says and necks, at the size that is trained."""
        guided = parsed(with_necks(samples), self.parser, faces)
        return halved(guided) if self.config.half else guided

    def batches(self, run: RunConfig, samples: Samples, faces: Faces) -> GuidedBatches:
        """See `Task`."""
        config = self.config
        street = None
        if config.street:
            folder = open_labelled(config.street)
            size = (config.height // 2, config.width // 2) if config.half else (config.height, config.width)
            street = backgrounds(load_street(folder, folder.names(STREET_LIST), self.parser), *size)
            street = None if street is None else street.to(samples.photo.device)
        made = self.prepared(samples, faces)
        check_enough(made, config.loop.batch, run.data)
        return GuidedBatches(made, config.augment, config.loop.batch, True, config.loop.seed, street)

    def validation(self, samples: Samples, size: int) -> dict[str, GuidedBatches]:
        """See `Task`."""
        made = self.prepared(samples, Faces())
        return {"": GuidedBatches(made, UNCHANGED, largest_divisor(len(made), size), False)}

    @torch.no_grad()
    def figures(self, network: Painter, batches: GuidedBatches) -> Scalars:
        """See `Task`: the losses on validation persons, in their own garments."""
        warp = deepcopy(self.warp).cpu()
        trainee = GuidedTrainee(network.cpu(), warp, self.config.losses, self.config.half, 0.0).eval()
        totals: dict[str, float] = {}
        steps = batches.count // batches.size
        for step in range(steps):
            for name, value in trainee(batches.of_step(step)).items():
                totals[name] = totals.get(name, 0.0) + float(value) / steps
        return totals
