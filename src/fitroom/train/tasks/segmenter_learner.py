"""Batches, losses and measurements of the segmenter's training on scenes made of product shots."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from fitroom.data.garment_scenes import GarmentSceneConfig, compose_garment_scenes, draw_garment_scenes
from fitroom.nets.segmenter import Segmenter
from fitroom.train.batches import chosen, generator_of, to_unit
from fitroom.train.loop import Learner
from fitroom.train.samples import Samples

STAGE = "segmenter"


@dataclass(frozen=True)
class SegmentingLosses:
    """Weights of the losses by name."""

    pixels: float = 1.0  # binary cross-entropy of every pixel
    overlap: float = 0.5  # 1 - the soft Dice coefficient of every picture


class GarmentScene(NamedTuple):
    """Tensors of one step on one device."""

    rows: Tensor  # (N,) rows of the samples
    picture: Tensor  # (N, 3, H, W) in [-1, 1]
    mask: Tensor  # (N, 1, H, W) of 0 and 1


class GarmentSceneBatches:
    """Source of garment scenes for any step; see `batches.Batches`."""

    def __init__(self, samples: Samples, config: GarmentSceneConfig, size: int, seed: int = 0) -> None:
        """Set what scenes are made of; `size` samples per step, over all processes."""
        self.samples, self.config, self.size, self.seed = samples, config, size, seed
        self.count = len(samples)

    def of_step(self, step: int, rank: int = 0, world: int = 1) -> GarmentScene:
        """See `loop.Batches`."""
        samples, (height, width) = self.samples, self.samples.garment.shape[-2:]
        scenes = draw_garment_scenes(self.config, self.size, generator_of(self.seed, 5, step), width / height)
        part = slice(rank * self.size // world, (rank + 1) * self.size // world)
        device = samples.garment.device
        numbers = chosen(step, self.size, self.count, self.seed).to(device)
        fabrics, rows = to_unit(samples.garment[numbers]), numbers[part]
        mask = samples.garment_mask[rows].unsqueeze(1) / 255
        made = compose_garment_scenes(scenes.rows(part, device), fabrics[part], mask, fabrics)
        return GarmentScene(rows, *made)

    def names(self, scene: GarmentScene) -> list[str]:
        """See `loop.Batches`."""
        return [self.samples.pairs[row].garment for row in scene.rows.tolist()]


class SegmenterTrainee(Learner):
    """The segmenter with its losses."""

    stage_name = STAGE

    def __init__(self, network: Segmenter, losses: SegmentingLosses) -> None:
        super().__init__()
        self.network, self.losses, self.adversary = network, losses, None

    def forward(self, scene: GarmentScene) -> dict[str, Tensor]:
        """Compute the unweighted losses of a batch by name."""
        said = self.network(scene.picture).float()
        likely = said.sigmoid()
        shared = (likely * scene.mask).sum(dim=(1, 2, 3))
        dice = (2 * shared + 1) / (likely.sum(dim=(1, 2, 3)) + scene.mask.sum(dim=(1, 2, 3)) + 1)
        return {
            "pixels": F.binary_cross_entropy_with_logits(said, scene.mask),
            "overlap": (1 - dice).mean(),
        }

    def total(self, values: dict[str, Tensor]) -> Tensor:
        """See `Learner`."""
        return torch.stack([getattr(self.losses, name) * value for name, value in values.items()]).sum()


@torch.no_grad()
def measure_segmenter(network: Segmenter, batches: GarmentSceneBatches) -> dict[str, float]:
    """Measure a network in evaluation mode once over every sample. The batch size must divide the number of samples.

    iou: mean over pictures of intersection over union. found: share of pictures where it is at least 0.9.
    """
    scores = []
    for step in range(batches.count // batches.size):
        scene = batches.of_step(step)
        mine, true = network(scene.picture) > 0, scene.mask > 0.5
        either = (mine | true).sum(dim=(1, 2, 3)).clamp(min=1)
        scores.append((mine & true).sum(dim=(1, 2, 3)) / either)
    score = torch.cat(scores)
    return {"iou": float(score.mean()), "found": float((score >= 0.9).float().mean())}
