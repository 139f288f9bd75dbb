"""The warp network of the guided network as a task: trained from pairs alone, on what the parser says of persons."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import Tensor, nn

from fitroom import body
from fitroom.body import Label
from fitroom.data.augment import UNCHANGED, AugmentConfig
from fitroom.errors import WeightsError
from fitroom.evaluate.imagenet import imagenet_tensors
from fitroom.nets.body_warp import GuidedWarp, WarpConfig
from fitroom.nets.efficientnet import EfficientNetLite0
from fitroom.nets.guidance import Group, body_maps, of, warp_maps
from fitroom.nets.registry import TENSORS
from fitroom.nets.sampling import sample
from fitroom.store import open_weights
from fitroom.train.batches import largest_divisor, to_unit
from fitroom.train.checkpoint import Checkpoint
from fitroom.train.loop import Learner, LoopConfig, Scalars
from fitroom.train.samples import Samples, check_enough
from fitroom.train.session import Faces
from fitroom.train.settings import check_sizes, parse, read_values
from fitroom.train.task import RunConfig, Task
from fitroom.train.tasks.guided_samples import GuidedBatch, GuidedBatches, halved, mended, parsed
from fitroom.train.tasks.losses import colour_means_difference, warp_losses
from fitroom.train.tasks.teacher_input import is_label
from fitroom.tryon import open_parser

STAGE = "guided_warp"
COVERED = 0.2  # how much a pixel counts that something may lie over the garment at
UNTOLD = (Label.HAIR, Label.NOISE)  # labels that do not say whether the garment lies there
FEATURE_BLOCKS = (0, 1, 2, 3, 4)  # of EfficientNet-Lite0; the first, third and fifth end at strides 2, 4 and 8
FREE_SCALE = 0.08  # logarithm by which the trunk's scales across and along may differ for nothing


@dataclass(frozen=True)
class WarpLosses:
    """Weights of the losses by name; 0 leaves one out."""

    garment: float = 1.0  # L1 of the warped garment, every level
    mask: float = 4.0  # L1 of the warped garment mask, every level
    smoothness: float = 0.06  # second-order, of the flow, every level
    colour_means: float = 3.0  # L1 of the garment in means over windows: keeps prints
    features: float = 0.15  # of EfficientNet-Lite0, of the garment inside the worn one
    squeeze: float = 0.06  # of the trunk's scale across against along


@dataclass(frozen=True)
class GuidedWarpConfig:
    """Settings of the warp network's training."""

    warp: WarpConfig = field(default_factory=WarpConfig)
    losses: WarpLosses = field(default_factory=WarpLosses)
    augment: AugmentConfig = field(default_factory=lambda: AugmentConfig(elsewhere=0.0, background=0.0))
    parser: str = "parser"  # weights of the parser that guides; others need a training of their own
    start: str = ""  # tensors to begin with: a file of `torch.save`
    loop: LoopConfig = field(default_factory=LoopConfig)
    height: int = 256  # of the photos; the network works at half of it
    width: int = 192


def read_guided_warp_config(path: str | Path | None, overrides: tuple[str, ...] = ()) -> GuidedWarpConfig:
    """Read settings from a recipe, or the defaults, changed by `key=value` overrides. Raises InputError."""
    config = parse(GuidedWarpConfig, read_values(path, overrides), str(path or "--set"))
    check_sizes(config.height, config.width, config.loop, str(path or "--set"), multiple=64)
    return config


def checksum_of(parser: str) -> str:
    """Return the sha256 of a parser's tensors. Raises WeightsError where the weights have none."""
    weights = open_weights(parser)
    weights.file(TENSORS)
    return weights.manifest.files[TENSORS].sha256


def begin_with(network: nn.Module, path: str) -> None:
    """Load the tensors of a file of `torch.save` into a network. Raises WeightsError."""
    try:
        tensors = torch.load(path, map_location="cpu", weights_only=True)
        network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    except (OSError, RuntimeError, EOFError, UnpicklingError, AttributeError) as error:
        raise WeightsError(f"{path}: can't be loaded into this network ({error}).") from error


class FeatureDistance(nn.Module):
    """Distance of pictures in EfficientNet-Lite0's features at strides 2, 4 and 8, each by its root mean square."""

    def __init__(self) -> None:
        super().__init__()
        self.network = EfficientNetLite0(FEATURE_BLOCKS)
        self.network.load_state_dict(self.network.own_tensors(imagenet_tensors()))
        self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> "FeatureDistance":
        """Stay in evaluation mode."""
        return super().train(False)

    def forward(self, made: Tensor, wanted: Tensor) -> Tensor:
        """Compute the mean distance of pictures (N, 3, H, W) in [-1, 1]; gradients reach `made` alone."""
        with torch.no_grad():
            targets = self.network.maps(wanted)[::2]
        found = self.network.maps(made)[::2]
        scales = [target.square().mean(dim=(0, 2, 3), keepdim=True).sqrt() + 1e-3 for target in targets]
        differences = [
            ((one - target) / scale).abs().mean() for one, target, scale in zip(found, targets, scales, strict=True)
        ]
        return torch.stack(differences).mean()


def trunk_of(points: Tensor, height: int, width: int) -> Tensor:
    """Mark the trunk between shoulders and hips, clear of the arms, (N, 1, H, W); empty where hips are unknown."""
    x, y = torch.arange(width, device=points.device), torch.arange(height, device=points.device).unsqueeze(1)
    shoulders = points[:, [body.RIGHT_SHOULDER, body.LEFT_SHOULDER]]
    hips = points[:, [body.RIGHT_HIP, body.LEFT_HIP]]
    left, right = shoulders[..., 0].amin(1), shoulders[..., 0].amax(1)
    aside = 0.12 * (right - left)
    known = (torch.cat([shoulders, hips], dim=1)[..., 2] > 0).all(dim=1)

    def each(values: Tensor) -> Tensor:
        return values.view(-1, 1, 1)

    across = (x > each(left + aside)) & (x < each(right - aside))
    down = (y > each(shoulders[..., 1].amax(1))) & (y < each(hips[..., 1].amin(1)))
    return (across & down & each(known)).float().unsqueeze(1)


def scales_of(flow: Tensor) -> tuple[Tensor, Tensor]:
    """Compute a flow's scales across and along, garment by person, (N, 1, h - 1, w - 1) each."""
    height, width = flow.shape[-2:]
    across = (flow[:, :1, 1:, 1:] - flow[:, :1, 1:, :-1]) * width / 2
    along = (flow[:, 1:, 1:, 1:] - flow[:, 1:, :-1, 1:]) * height / 2
    return across.clamp(0.2, 5), along.clamp(0.2, 5)


def squeeze(flow: Tensor, trunk: Tensor) -> Tensor:
    """Penalize scales of the trunk (N, 1, h, w) that differ across and along: squared logarithm beyond FREE_SCALE."""
    across, along = scales_of(flow)
    counted = trunk[..., 1:, 1:]
    beyond = ((across / along).log().abs() - FREE_SCALE).clamp(min=0)
    return (beyond.square() * counted).sum() / counted.sum().clamp(min=1)


def may_be_covered(label: Tensor, shares: Tensor) -> Tensor:
    """Mark where something may lie over the garment, (N, 1, H, W): lower clothes, arms, what is carried."""
    labelled = is_label(label, *body.BELOW_HEM, *body.ARMS)
    return torch.maximum(labelled, (of(shares, Group.OTHER) > 0.5).float())


def maps_of(guided: GuidedBatch) -> Tensor:
    """Make the maps that show the persons of a batch, which has half of the photos' size, to the warp network."""
    height, width = (int(side) for side in guided.shares.shape[-2:])
    return warp_maps(guided.shares, body_maps(guided.batch.key_points, height, width), guided.region)


class GuidedWarpTrainee(Learner):
    """The warp network and the losses of a batch."""

    stage_name = STAGE

    def __init__(self, network: GuidedWarp, losses: WarpLosses) -> None:
        super().__init__()
        self.network, self.losses, self.adversary = network, losses, None
        self.distance = FeatureDistance() if losses.features else None

    def forward(self, guided: GuidedBatch) -> dict[str, Tensor]:
        """Losses of a batch by name."""
        batch, shares = guided.batch, guided.shares
        maps = maps_of(guided)
        flows = self.network(maps, batch.garment, batch.garment_mask)
        trunk = trunk_of(batch.key_points, *batch.photo.shape[-2:])
        # nobody knows whether the garment goes on under hair, or folds under arms that cross the trunk
        hidden = torch.maximum(is_label(batch.label, *UNTOLD), is_label(batch.label, *body.ARMS) * trunk)
        known = (1 - (1 - COVERED) * may_be_covered(batch.label, shares)) * (1 - hidden)
        pictures = batch.garment, batch.garment_mask, batch.photo, batch.worn
        values: dict[str, Tensor] = {}
        total = len(flows) * (len(flows) + 1) / 2
        for number, flow in enumerate(flows, 1):
            for name, value in warp_losses(flow, *pictures, known=known).items():
                values[name] = values.get(name, torch.zeros(())) + number / total * value
        finest = flows[-1]
        values["colour_means"] = colour_means_difference(finest, *pictures, known=known)
        if self.distance is not None:
            inside = batch.worn * known
            values["features"] = self.distance(sample(batch.garment, finest, False) * inside, batch.photo * inside)
        values["squeeze"] = squeeze(finest, trunk)
        return values

    def total(self, values: dict[str, Tensor]) -> Tensor:
        """Compute the weighted sum of losses."""
        return torch.stack([getattr(self.losses, name) * value.float() for name, value in values.items()]).sum()


@torch.no_grad()
def measure_warp(network: GuidedWarp, batches: GuidedBatches) -> Scalars:
    """Measure a warp network, in evaluation mode, over every sample once, whose number the batch must divide.

    warp_iou: of the warped mask with the label, mean over persons; warp_iou_clear: the same without pixels whose true
    label is hair, lower clothes or arm, or that show something carried. squeeze: the trunk's scale along by that
    across in somebody else's garment, median over persons, 1 for a garment that keeps its proportions.
    """
    every: list[Tensor] = []
    clear: list[Tensor] = []
    squeezed: list[Tensor] = []
    for step in range(batches.count // batches.size):
        guided = batches.of_step(step)
        batch = guided.batch
        maps = maps_of(guided)
        features = network.person_features(maps)
        flow = network.flows(features, network.garment_features(batch.garment, batch.garment_mask))[-1]
        mask = sample(batch.garment_mask, flow, False, padding="zeros") > 0.5
        worn = batch.worn > 0.5
        covered = torch.maximum(may_be_covered(batch.label, guided.shares), is_label(batch.label, *UNTOLD)) > 0
        for found, counted in ((every, torch.ones_like(covered)), (clear, ~covered)):
            both, either = ((mask & worn) & counted).sum((1, 2, 3)), ((mask | worn) & counted).sum((1, 2, 3))
            found.append(both / either.clamp(min=1))
        others = garments_of(batches, (batch.rows + 1) % batches.count)
        flow = network.flows(features, network.garment_features(*others))[-1]
        across, along = scales_of(flow)
        trunk = trunk_of(batch.key_points, *batch.photo.shape[-2:])[..., 1:, 1:]
        means = [(scale * trunk).sum((1, 2, 3)) / trunk.sum((1, 2, 3)) for scale in (along, across)]
        squeezed.append(means[0] / means[1])
    return {
        "warp_iou": float(torch.cat(every).mean()),
        "warp_iou_clear": float(torch.cat(clear).mean()),
        "squeeze": float(torch.cat(squeezed).nanmedian()),
    }


def garments_of(batches: GuidedBatches, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Read garments (N, 3, H, W) and their masks (N, 1, H, W) of some rows of the samples."""
    samples = batches.inner.samples
    return to_unit(samples.garment[rows]), (samples.garment_mask[rows].unsqueeze(1) > 127).float()


class GuidedWarpTask(Task):
    """The warp network of the guided network."""

    stage = STAGE

    def __init__(self, config: GuidedWarpConfig) -> None:
        self.config = replace(config, warp=replace(config.warp, parser=checksum_of(config.parser)))
        self.parser = open_parser(config.parser)

    def network(self, dense: bool) -> tuple[str, WarpConfig]:
        """See `Task`."""
        return STAGE, self.config.warp

    def learner(self, run: RunConfig, dense: bool, kept: Checkpoint | None) -> GuidedWarpTrainee:
        """See `Task`."""
        network = GuidedWarp(self.config.warp)
        if self.config.start and kept is None:
            begin_with(network, self.config.start)
        return GuidedWarpTrainee(network, self.config.losses)

    def batches(self, run: RunConfig, samples: Samples, faces: Faces) -> GuidedBatches:
        """See `Task`."""
        loop = self.config.loop
        guided = halved(mended(parsed(samples, self.parser, faces)))
        check_enough(guided, loop.batch, run.data)
        return GuidedBatches(guided, self.config.augment, loop.batch, True, loop.seed)

    def validation(self, samples: Samples, size: int) -> dict[str, GuidedBatches]:
        """See `Task`."""
        made = halved(parsed(samples, self.parser, Faces()))
        return {"": GuidedBatches(made, UNCHANGED, largest_divisor(len(made), size), False)}

    def figures(self, network: GuidedWarp, batches: GuidedBatches) -> Scalars:
        """See `Task`."""
        return measure_warp(network.cpu(), batches)
