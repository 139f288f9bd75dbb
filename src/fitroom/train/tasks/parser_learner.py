"""Batches, losses and measurements of the parser's training on studio scenes and street photos."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from fitroom.body import LEFT_SHOULDER, PREDICTED, RIGHT_SHOULDER
from fitroom.data.augment import background_mask
from fitroom.data.label_sets import MIRRORED_ROWS, STREET, TABLE, VITON, Groups
from fitroom.data.scenes import (
    SceneConfig,
    draw_scenes,
    scene_grid,
    scene_labels,
    scene_photos,
    scene_points,
)
from fitroom.data.street_scenes import StreetConfig, StreetPhoto, drawn, framed, matrix_of, stacked
from fitroom.evaluate.parser import NEAR, ParserFigures, confusion_of
from fitroom.nets.parser import STRIDE, Parsed, Parser, key_points, likeliest
from fitroom.photo.frames import garment_frame
from fitroom.train.batches import chosen, generator_of, to_unit
from fitroom.train.loop import Batches, Learner
from fitroom.train.samples import Samples

STAGE = "parser"
SPREAD = 1.5  # standard deviation of a key point in its map, in pixels of the map
SETS = torch.from_numpy(TABLE[:, list(PREDICTED)])  # (sets, predicted labels)
Predict = Callable[[Tensor], tuple[Tensor, Tensor]]  # photos (N, 3, H, W) to labels (N, H, W), key points (N, 18, 3)


@dataclass(frozen=True)
class ParsingLosses:
    """Weights of the losses by name."""

    labels: float = 1.0  # -log of the probability of every pixel's set of labels
    points: float = 1.0  # binary cross-entropy of key point maps, divided by the sum of the target maps


class Scene(NamedTuple):
    """Tensors of one step on one device."""

    rows: Tensor  # (N,) rows of the samples; -1 - row for street photos
    photo: Tensor  # (N, 3, H, W) in [-1, 1]
    sets: Tensor  # (N, H, W) rows of `label_sets.TABLE`
    key_points: Tensor  # (N, 18, 3) pixels; confidence 0 where a point is not visible, negative where it is unknown


class SceneBatches:
    """Source of scenes with studio persons for any step; see `batches.Batches`."""

    groups: Groups = VITON

    def __init__(
        self,
        samples: Samples,
        sets: Tensor,
        config: SceneConfig,
        size: int,
        seed: int = 0,
        street: Tensor | None = None,
    ) -> None:
        """Set what scenes are made of; `size` samples per step, over all processes.

        `sets` (n, H, W) are the label sets of the samples. `street` are photos without people, uint8 (n, 3, H, W), that
        may serve as backgrounds.
        """
        self.samples, self.sets, self.config, self.size, self.seed = samples, sets, config, size, seed
        self.street = street
        self.count = len(samples)

    def of_step(self, step: int, rank: int = 0, world: int = 1) -> Scene:
        """See `loop.Batches`."""
        samples, (height, width) = self.samples, self.samples.photo.shape[-2:]
        scenes = draw_scenes(self.config, self.size, generator_of(self.seed, 4, step), width / height)
        numbers = chosen(step, self.size, self.count, self.seed)
        part = slice(rank * self.size // world, (rank + 1) * self.size // world)
        device = samples.photo.device
        garments = to_unit(samples.garment[numbers.to(device)])
        rows = numbers[part].to(device)
        scenes = scenes.rows(part, device)
        photo = to_unit(samples.photo[rows])
        grid = scene_grid(scenes, height, width)
        person = 1 - background_mask(photo, samples.label[rows])
        made, shown = scene_photos(scenes, grid, photo, person, garments, self.street)
        sets = scene_labels(scenes, grid, self.sets[rows], MIRRORED_ROWS)
        # pixels where the new background shows are certainly background
        sets = torch.where(shown.squeeze(1) < 0.5, 0, sets)
        return Scene(rows, made, sets, scene_points(scenes, samples.key_points[rows], height, width))

    def names(self, scene: Scene) -> list[str]:
        """See `loop.Batches`."""
        return [self.samples.pairs[row].person for row in scene.rows.tolist()]


class StreetBatches:
    """Source of framed, labelled street photos for any step; see `batches.Batches`. Without a config, whole photos."""

    groups: Groups = STREET

    def __init__(
        self, photos: list[StreetPhoto], config: StreetConfig | None, size: int, height: int, width: int, seed: int = 0
    ) -> None:
        self.photos, self.config, self.size, self.seed = photos, config, size, seed
        self.height, self.width = height, width
        self.count = len(photos)

    def of_step(self, step: int, rank: int = 0, world: int = 1) -> Scene:
        """See `loop.Batches`."""
        numbers = chosen(step, self.size, self.count, self.seed)
        seeds = torch.randint(2**31, (self.size,), generator=generator_of(self.seed, 5, step))
        part = slice(rank * self.size // world, (rank + 1) * self.size // world)
        samples = []
        for number, seed in zip(numbers[part].tolist(), seeds[part].tolist(), strict=True):
            photo = self.photos[number]
            if self.config is None:
                whole = garment_frame(photo.sets.shape[1], photo.sets.shape[0])
                samples.append(framed(photo, matrix_of(whole, self.height, self.width), self.height, self.width))
            else:
                samples.append(drawn(photo, self.config, seed, self.height, self.width))
        return Scene(-1 - numbers[part], *stacked(samples))

    def names(self, scene: Scene) -> list[str]:
        """See `loop.Batches`."""
        return [self.photos[-1 - row].name for row in scene.rows.tolist()]


class MixedBatches:
    """Source of batches of studio scenes followed by street photos; see `batches.Batches`."""

    def __init__(self, first: SceneBatches, second: StreetBatches) -> None:
        self.first, self.second = first, second

    def of_step(self, step: int, rank: int = 0, world: int = 1) -> Scene:
        """See `loop.Batches`."""
        first, second = (batches.of_step(step, rank, world) for batches in (self.first, self.second))
        device = first.photo.device
        return Scene(*(torch.cat([a, b.to(device)]) for a, b in zip(first, second, strict=True)))

    def names(self, scene: Scene) -> list[str]:
        """See `loop.Batches`."""
        first, second = (Scene(*(value[kind] for value in scene)) for kind in (scene.rows >= 0, scene.rows < 0))
        return self.first.names(first) + self.second.names(second)


class ParserTrainee(Learner):
    """The parser with its losses."""

    stage_name = STAGE

    def __init__(self, network: Parser, losses: ParsingLosses) -> None:
        super().__init__()
        self.network, self.losses, self.adversary = network, losses, None

    def forward(self, scene: Scene) -> dict[str, Tensor]:
        """Compute the unweighted losses of a batch by name."""
        parsed = self.network(scene.photo)
        return {
            "labels": set_loss(parsed.labels, scene.sets),
            "points": point_loss(parsed.points.float(), scene.key_points),
        }

    def total(self, values: dict[str, Tensor]) -> Tensor:
        """See `Learner`."""
        return torch.stack([getattr(self.losses, name) * value for name, value in values.items()]).sum()


def set_loss(logits: Tensor, sets: Tensor) -> Tensor:
    """Compute the mean of -log p(set): logits (N, labels, H, W) of `Parsed`, rows of `label_sets.TABLE` (N, H, W).

    Partially labelled learning (Jin and Ghahramani, NIPS 2002): the probabilities of a set's labels add up. Only one
    pixel of every 2x2 block is used, which quarters the cost. The batch determines which one.
    """
    corner = int(sets.sum()) % 4
    logits = logits[..., corner // 2 :: 2, corner % 2 :: 2].float()
    # a set without any predicted label carries no information, so it allows every label
    table = SETS | ~SETS.any(dim=1, keepdim=True)
    allowed = table.to(sets.device)[sets[..., corner // 2 :: 2, corner % 2 :: 2].long()].permute(0, 3, 1, 2)
    within = logits.masked_fill(~allowed, -torch.inf).logsumexp(dim=1)
    return (logits.logsumexp(dim=1) - within).mean()


def point_maps(points: Tensor, height: int, width: int) -> Tensor:
    """Draw key points (N, 18, 3), in pixels of the photo, as Gaussian blobs on maps (N, 18, H / STRIDE, W / STRIDE).

    `height` and `width` are the photo's. Maps of points without positive confidence are 0.
    """
    x = torch.arange(width // STRIDE, device=points.device)
    y = torch.arange(height // STRIDE, device=points.device)
    place = (points[..., :2] + 0.5) / STRIDE - 0.5
    across = torch.exp(-((x - place[..., :1]) ** 2) / (2 * SPREAD**2))
    down = torch.exp(-((y - place[..., 1:]) ** 2) / (2 * SPREAD**2)) * (points[..., 2:] > 0)
    return down.unsqueeze(-1) * across.unsqueeze(-2)


def point_loss(maps: Tensor, points: Tensor) -> Tensor:
    """Sum the binary cross-entropy of maps (N, 18, h, w), and divide it by the sum of the target maps.

    Points of negative confidence are unknown, so their maps do not count.
    """
    height, width = (STRIDE * size for size in maps.shape[-2:])
    wanted = point_maps(points, height, width)
    known = (points[..., 2] >= 0).float()[..., None, None]
    found = F.binary_cross_entropy_with_logits(maps, wanted, weight=known.expand_as(maps), reduction="sum")
    return found / wanted.sum().clamp(min=1)


def predict_with(network: Parser) -> Predict:
    """Make a function from photos to labels and key points with a network in evaluation mode."""

    def predict(photo: Tensor) -> tuple[Tensor, Tensor]:
        parsed: Parsed = network(photo)
        return likeliest(parsed.labels), key_points(parsed.points, network.calibration)

    return predict


@torch.no_grad()
def fitted_calibration(network: Parser, batches: Batches, steps: int) -> Tensor:
    """Fit scale and shift (2,) of the confidence on the visible key points of some steps.

    The fit is a logistic regression (Platt, 1999) on the highest value of a key point's map. It predicts whether the
    point is found; see `measure_parser`.
    """
    values, found = [], []
    for step in range(steps):
        scene = batches.of_step(step)
        maps = network(scene.photo).points
        points = key_points(maps)
        apart = (points[..., :2] - scene.key_points[..., :2]).norm(dim=2)
        known = scene.key_points[..., 2] > 0
        near = apart < NEAR * shoulder_widths(scene.key_points, scene.photo.shape[2])
        values.append(maps.flatten(2).amax(dim=2)[known])
        found.append(near[known].float())
    value, near = torch.cat(values), torch.cat(found)
    with torch.enable_grad():
        calibration = torch.tensor([1.0, 0.0], requires_grad=True)
        optimiser = torch.optim.LBFGS([calibration], max_iter=100, line_search_fn="strong_wolfe")

        def closure() -> Tensor:
            optimiser.zero_grad()
            loss = F.binary_cross_entropy_with_logits(value * calibration[0] + calibration[1], near)
            loss.backward()  # type: ignore[no-untyped-call]
            return loss

        optimiser.step(closure)  # type: ignore[no-untyped-call]
    return calibration.detach()


@torch.no_grad()
def measure_parser(predict: Predict, batches: SceneBatches | StreetBatches) -> dict[str, float]:
    """Measure a parser once over every sample. The batch size must divide the number of samples.

    iou_GROUP: labels are mapped to the groups that the data can tell apart; intersections and unions are summed over
    all pictures. mean_iou: their mean. points: share of visible key points found within NEAR of the shoulder width, or
    of a fifth of the picture's height if a shoulder is not visible.
    """
    groups = batches.groups
    table = np.zeros((len(groups.names), len(groups.names)), np.int64)
    found, shown = 0, 0
    for step in range(batches.count // batches.size):
        scene = batches.of_step(step)
        labels, points = predict(scene.photo)
        table += confusion_of(labels.byte().numpy(), scene.sets.byte().numpy(), groups)
        apart = (points[..., :2] - scene.key_points[..., :2]).norm(dim=2)
        known = scene.key_points[..., 2] > 0
        found += int(((apart < NEAR * shoulder_widths(scene.key_points, scene.photo.shape[2])) & known).sum())
        shown += int(known.sum())
    pooled = ParserFigures(groups, table, {}, {}).pooled()
    figures = {f"iou_{name}": value for name, value in pooled.items()}
    mean = sum(figures.values()) / max(len(figures), 1)
    return {"mean_iou": mean, "points": found / max(shown, 1)} | figures


def shoulder_widths(points: Tensor, height: int) -> Tensor:
    """Return the distance between the shoulders (N, 1) in pixels, or a fifth of the height if one is not visible."""
    across = (points[:, LEFT_SHOULDER, :2] - points[:, RIGHT_SHOULDER, :2]).norm(dim=1, keepdim=True)
    both = (points[:, [LEFT_SHOULDER, RIGHT_SHOULDER], 2] > 0).all(dim=1, keepdim=True)
    return torch.where(both, across, torch.full_like(across, height / 5))
