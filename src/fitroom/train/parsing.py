"""What the parser learns: labels and key points of scenes made of training photos, and how well it does on others."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from fitroom.data.limbs import LEFT_SHOULDER, RIGHT_SHOULDER
from fitroom.data.scenes import SceneConfig, compose_scenes, draw_scenes
from fitroom.nets.parser import LABELS, STRIDE, Parsed, Parser, key_points
from fitroom.train.batches import chosen, generator_of, to_unit
from fitroom.train.loop import Learner
from fitroom.train.samples import Samples

STAGE = "parser"
SPREAD = 1.5  # standard deviation of a key point in its map, pixels of the map
Told = Callable[[Tensor], tuple[Tensor, Tensor]]  # of photos (N, 3, H, W): labels (N, H, W), key points (N, 18, 3)
NEAR = 0.25  # of the shoulders' width: so near a key point counts as found


@dataclass(frozen=True)
class ParsingLosses:
    """Weights of the losses by name."""

    labels: float = 1.0  # cross-entropy of every pixel's label
    points: float = 1.0  # binary cross-entropy of key points' maps, in proportion to the points shown


class Scene(NamedTuple):
    """Tensors of one step on one device."""

    rows: Tensor  # (N,) rows of the samples
    photo: Tensor  # (N, 3, H, W) in [-1, 1]
    label: Tensor  # (N, H, W)
    key_points: Tensor  # (N, 18, 3) pixels; confidence 0 where a point is not shown


class SceneBatches:
    """Makes the scenes of any step, decided by its number alone; see `batches.Batches`."""

    def __init__(self, samples: Samples, config: SceneConfig, size: int, seed: int = 0) -> None:
        """`size` samples a step, over all processes."""
        self.samples, self.config, self.size, self.seed = samples, config, size, seed
        self.count = len(samples)

    def of_step(self, step: int, rank: int = 0, world: int = 1) -> Scene:
        """The scenes of a step, or the rank-th of `world` equal parts of them."""
        samples, (height, width) = self.samples, self.samples.photo.shape[-2:]
        scenes = draw_scenes(self.config, self.size, generator_of(self.seed, 4, step), width / height)
        numbers = chosen(step, self.size, self.count, self.seed)
        part = slice(rank * self.size // world, (rank + 1) * self.size // world)
        device = samples.photo.device
        garments = to_unit(samples.garment[numbers.to(device)])
        rows = numbers[part].to(device)
        made = compose_scenes(
            scenes.rows(part, device), to_unit(samples.photo[rows]), samples.label[rows], samples.key_points[rows],
            garments,
        )  # fmt: skip
        return Scene(rows, *made)

    def names(self, scene: Scene) -> list[str]:
        """Files that a batch was made of."""
        return [self.samples.pairs[row].person for row in scene.rows.tolist()]


class ParserTrainee(Learner):
    """The parser, and the losses of a batch; see `stages.Trainee`."""

    stage_name = STAGE

    def __init__(self, network: Parser, losses: ParsingLosses) -> None:
        super().__init__()
        self.network, self.losses, self.adversary = network, losses, None

    def forward(self, scene: Scene) -> dict[str, Tensor]:
        """Losses of a batch by name."""
        parsed = self.network(scene.photo)
        return {
            "labels": F.cross_entropy(parsed.labels.float(), scene.label.long()),
            "points": point_loss(parsed.points.float(), scene.key_points),
        }

    def total(self, values: dict[str, Tensor]) -> Tensor:
        """The weighted sum of losses."""
        return torch.stack([getattr(self.losses, name) * value for name, value in values.items()]).sum()


def point_maps(points: Tensor, height: int, width: int) -> Tensor:
    """Key points (N, 18, 3), pixels of the photo, as Gaussian blobs on maps of a photo's size by STRIDE."""
    x = torch.arange(width // STRIDE, device=points.device)
    y = torch.arange(height // STRIDE, device=points.device)
    place = (points[..., :2] + 0.5) / STRIDE - 0.5
    across = torch.exp(-((x - place[..., :1]) ** 2) / (2 * SPREAD**2))
    down = torch.exp(-((y - place[..., 1:]) ** 2) / (2 * SPREAD**2)) * (points[..., 2:] > 0)
    return down.unsqueeze(-1) * across.unsqueeze(-2)


def point_loss(maps: Tensor, points: Tensor) -> Tensor:
    """Binary cross-entropy of maps (N, 18, h, w), summed, by the sum of what they should show."""
    height, width = (STRIDE * size for size in maps.shape[-2:])
    wanted = point_maps(points, height, width)
    return F.binary_cross_entropy_with_logits(maps, wanted, reduction="sum") / wanted.sum().clamp(min=1)


def told_by(network: Parser) -> Told:
    """What a network tells; in evaluation mode."""

    def told(photo: Tensor) -> tuple[Tensor, Tensor]:
        parsed: Parsed = network(photo)
        return parsed.labels.argmax(dim=1), key_points(parsed.points)

    return told


@torch.no_grad()
def measure_parser(told: Told, batches: SceneBatches) -> dict[str, float]:
    """Over every sample once, whose number the batch must divide. `told` says what a parser tells of photos.

    iou_LABEL and their mean over the labels that occur: intersections and unions are summed over all pictures.
    points: share of the key points shown that are found within NEAR of the shoulders' width, or of a fifth of the
    picture's height where a shoulder is not shown.
    """
    shared, either = torch.zeros(LABELS, dtype=torch.float64), torch.zeros(LABELS, dtype=torch.float64)
    found, shown = 0, 0
    for step in range(batches.count // batches.size):
        scene = batches.of_step(step)
        labels, points = told(scene.photo)
        for label in range(LABELS):
            mine, true = labels == label, scene.label == label
            shared[label] += (mine & true).sum().cpu()
            either[label] += (mine | true).sum().cpu()
        apart = (points[..., :2] - scene.key_points[..., :2]).norm(dim=2)
        known = scene.key_points[..., 2] > 0
        found += int(((apart < NEAR * shoulder_widths(scene.key_points, scene.photo.shape[2])) & known).sum())
        shown += int(known.sum())
    scores = (shared / either.clamp(min=1)).numpy()
    occurring = np.flatnonzero(either.numpy() > 0)
    figures = {f"iou_{label}": float(scores[label]) for label in occurring}
    return {"mean_iou": float(scores[occurring].mean()), "points": found / max(shown, 1)} | figures


def shoulder_widths(points: Tensor, height: int) -> Tensor:
    """Distance of the shoulders (N, 1), pixels; a fifth of the height where one is not shown."""
    across = (points[:, LEFT_SHOULDER, :2] - points[:, RIGHT_SHOULDER, :2]).norm(dim=1, keepdim=True)
    both = (points[:, [LEFT_SHOULDER, RIGHT_SHOULDER], 2] > 0).all(dim=1, keepdim=True)
    return torch.where(both, across, torch.full_like(across, height / 5))
