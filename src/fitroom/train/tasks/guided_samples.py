"""Training samples of the guided network: what the parser says of every person, and regions varied at random."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from fitroom import body
from fitroom.arrays import Array, Picture
from fitroom.data.augment import AugmentConfig
from fitroom.errors import DataError, WeightsError
from fitroom.nets.guidance import body_template, edit_region, grow, kept_out
from fitroom.runtime.interface import FOUND, PersonParser
from fitroom.train.batches import Batch, Batches, generator_of
from fitroom.train.samples import Samples
from fitroom.train.session import Faces
from fitroom.train.task import THREADS

WIDER = 4  # 128ths of the height by which a region may be grown, at most
LOWER, LOWERED = 14, 0.3  # 128ths of the height by which a region may reach lower, and the share that does


def parsed(samples: Samples, parser: PersonParser, faces: Faces) -> Samples:
    """Add a parser's probabilities to samples, and replace their key points by the parser's.

    Errors of the parser are part of what is learned. Persons without shoulders are left out. Raises WeightsError for
    parsers from before 0.16.0, which give no probabilities; DataError where no photo shows shoulders.
    """
    photos = samples.photo.cpu()

    def one(row: int) -> tuple[Array, Picture]:
        parsing = parser.parse(photos[row].permute(1, 2, 0).contiguous().numpy())
        shares = parsing.shares
        if shares is None:
            raise WeightsError("the parser gives no probabilities: use the shipped one, or train one anew.")
        return parsing.key_points, np.rint(255 * shares).astype(np.uint8)

    with ThreadPoolExecutor(THREADS) as pool:
        found = list(faces.preparing(pool.map(one, range(len(samples))), len(samples)))
    points, soft = (np.stack(column) for column in zip(*found, strict=True))
    points[..., 2] = np.where(points[..., 2] >= FOUND, points[..., 2], 0)
    kept = np.flatnonzero((points[:, [body.RIGHT_SHOULDER, body.LEFT_SHOULDER], 2] > 0).all(axis=1))
    if not len(kept):
        raise DataError(f"the parser finds no shoulders in any of {len(samples)} photos; need persons from the front.")
    device = samples.photo.device
    rows = torch.from_numpy(kept).to(device)
    columns = {name: getattr(samples, name)[rows] for name in ("photo", "label", "garment", "garment_mask")}
    return Samples(
        [samples.pairs[row] for row in kept],
        key_points=torch.from_numpy(points[kept].astype(np.float32)).to(device),
        soft=torch.from_numpy(soft[kept]).to(device),
        **columns,
    )


def halved(samples: Samples) -> Samples:
    """Shrink samples to half of their size; probabilities keep theirs."""

    def smaller(pictures: Tensor) -> Tensor:
        means = (F.avg_pool2d(part.float(), 2).round().byte() for part in torch.split(pictures, 256))
        return torch.cat(list(means))

    points = samples.key_points.clone()
    points[..., :2] = (points[..., :2] + 0.5) / 2 - 0.5
    return replace(
        samples,
        photo=smaller(samples.photo),
        label=samples.label[:, ::2, ::2].contiguous(),
        garment=smaller(samples.garment),
        garment_mask=smaller(samples.garment_mask.unsqueeze(1)).squeeze(1),
        key_points=points,
    )


class GuidedBatch(NamedTuple):
    """Tensors of one step, and what guides the network; (N, ..., H, W)."""

    batch: Batch
    template: Tensor  # see `guidance.body_template`
    region: Tensor  # see `guidance.edit_region`; varied in training

    @property
    def soft(self) -> Tensor:
        """The parser's probabilities (N, labels, H, W)."""
        assert self.batch.soft is not None
        return self.batch.soft


class GuidedBatches:
    """Makes the batch of any step. With `varied` regions are grown and lowered at random, so that their outline tells
    nothing of the old garment.
    """

    def __init__(
        self,
        samples: Samples,
        config: AugmentConfig,
        size: int,
        varied: bool,
        seed: int = 0,
        street: Tensor | None = None,
    ) -> None:
        """`street` as of `Batches`."""
        self.inner = Batches(samples, None, config, size, seed=seed, street=street)
        self.varied, self.seed = varied, seed
        self.count, self.size = len(samples), size

    def of_step(self, step: int, rank: int = 0, world: int = 1) -> GuidedBatch:
        """The batch of a step, or the rank-th of `world` equal parts of it."""
        batch = self.inner.of_step(step, rank, world)
        assert batch.soft is not None
        height, width = batch.soft.shape[-2:]
        template = body_template(batch.key_points, height, width)
        region = edit_region(batch.soft, template)
        if self.varied:
            numbers = torch.rand(3, self.size, generator=generator_of(self.seed, 6, step))
            part = slice(rank * self.size // world, (rank + 1) * self.size // world)
            region = vary(region, kept_out(batch.soft), numbers[:, part].to(region.device))
        return GuidedBatch(batch, template, region)

    def names(self, batch: GuidedBatch) -> list[str]:
        """Files that a batch was made of."""
        return self.inner.names(batch.batch)


def vary(region: Tensor, kept: Tensor, numbers: Tensor) -> Tensor:
    """Grow and lower regions (N, 1, H, W) by numbers (3, N) in [0, 1], but never over what is `kept` (N, 1, H, W)."""
    height = region.shape[-2]
    wider = (numbers[0] * (WIDER * height / 128 + 1)).long().tolist()
    lower = (numbers[1] * LOWER * height / 128).long() * (numbers[2] < LOWERED)
    made = []
    for one, pixels, down in zip(torch.split(region, 1), wider, lower.tolist(), strict=True):
        grown = grow(one, pixels) if pixels else one
        made.append(torch.maximum(grown, F.pad(one, (0, 0, down, 0))[..., :height, :]) if down else grown)
    return torch.cat(made) * (1 - kept)
