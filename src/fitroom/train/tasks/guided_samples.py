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
from fitroom.body import PREDICTED, Label
from fitroom.data.augment import SHADES, AugmentConfig, drawn_colours, recolour, uniform
from fitroom.errors import DataError, WeightsError
from fitroom.nets.guidance import (
    body_template,
    edit_region,
    grouped,
    grow,
    kept_out,
    lower_clothes,
    old_garment,
    skin,
)
from fitroom.nets.guided import halved_points, known_points
from fitroom.runtime.interface import Parsing, PersonParser
from fitroom.train.batches import Batch, Batches, generator_of
from fitroom.train.samples import Samples
from fitroom.train.session import Faces
from fitroom.train.task import THREADS

WIDER = 4  # 128ths of the height by which a region may be grown, at most
LOWER, LOWERED = 14, 0.3  # 128ths of the height by which a region may reach lower, and the share that does
ALONE, COVERED = 0.33, 0.99  # share of regions that are the body template alone, of those that cover so much of the old
MISLABELLED = (Label.NOISE, Label.BACKGROUND, *body.ARMS)  # what VITON's labels may call the garment
SURE_TOP = 0.6  # the parser's probability of a top, from which such a pixel counts as the garment's
LOWER_CHANGED = 0.5  # share of persons whose lower clothes have other colours, so that these are copied from what shows
SKIN_CHANGED = 0.4  # share of persons whose skin has another colour


def shares_of(parsing: Parsing) -> Array:
    """Return a parser's probabilities (labels, h, w). Raises WeightsError for parsers from before 0.16.0."""
    shares = parsing.shares
    if shares is None:
        raise WeightsError("the parser outputs no probabilities; use the shipped parser, or train a new one.")
    return shares


def parsed(samples: Samples, parser: PersonParser, faces: Faces) -> Samples:
    """Add a parser's probabilities to samples, and replace their key points by the parser's.

    Errors of the parser are part of what is learned. Persons without shoulders are left out. Raises WeightsError for
    parsers from before 0.16.0, which give no probabilities; DataError where no photo shows shoulders.
    """
    photos = samples.photo.cpu()

    def one(row: int) -> tuple[Array, Picture]:
        parsing = parser.parse(photos[row].permute(1, 2, 0).contiguous().numpy())
        return parsing.key_points, np.rint(255 * shares_of(parsing)).astype(np.uint8)

    with ThreadPoolExecutor(THREADS) as pool:
        found = list(faces.preparing(pool.map(one, range(len(samples))), len(samples)))
    points, soft = (np.stack(column) for column in zip(*found, strict=True))
    points = known_points(torch.from_numpy(points.astype(np.float32))).numpy()
    kept = np.flatnonzero((points[:, [body.RIGHT_SHOULDER, body.LEFT_SHOULDER], 2] > 0).all(axis=1))
    if not len(kept):
        raise DataError(f"the parser found no shoulders in {len(samples)} photos; need persons seen from the front.")
    device = samples.photo.device
    rows = torch.from_numpy(kept).to(device)
    columns = {name: getattr(samples, name)[rows] for name in ("photo", "label", "garment", "garment_mask")}
    return Samples(
        [samples.pairs[row] for row in kept],
        key_points=torch.from_numpy(points[kept]).to(device),
        soft=torch.from_numpy(soft[kept]).to(device),
        **columns,
    )


def mended(samples: Samples) -> Samples:
    """Correct labels: where VITON's call the garment noise, background or an arm, and the parser surely sees a top.

    The labels of many persons miss a sleeve or another part of the garment; experiments/guided.md counts the pixels.
    """
    row, label = PREDICTED.index(Label.UPPER_CLOTHES), samples.label.clone()
    assert samples.soft is not None
    for part, soft in zip(torch.split(label, 256), torch.split(samples.soft, 256), strict=True):
        top = F.interpolate(soft[:, row, None].float(), size=part.shape[-2:], mode="bilinear", align_corners=False)
        doubtful = torch.isin(part, torch.tensor(MISLABELLED, dtype=part.dtype, device=part.device))
        part[doubtful & (top.squeeze(1) > 255 * SURE_TOP)] = int(Label.UPPER_CLOTHES)
    return replace(samples, label=label)


def halved(samples: Samples) -> Samples:
    """Shrink samples to half of their size; probabilities keep theirs."""

    def smaller(pictures: Tensor) -> Tensor:
        means = (F.avg_pool2d(part.float(), 2).round().byte() for part in torch.split(pictures, 256))
        return torch.cat(list(means))

    return replace(
        samples,
        photo=smaller(samples.photo),
        label=samples.label[:, ::2, ::2].contiguous(),
        garment=smaller(samples.garment),
        garment_mask=smaller(samples.garment_mask.unsqueeze(1)).squeeze(1),
        key_points=halved_points(samples.key_points),
    )


class GuidedBatch(NamedTuple):
    """Tensors of one step, and what guides the network; (N, ..., H, W)."""

    batch: Batch
    shares: Tensor  # (N, GROUPS, H, W) the parser's probabilities of `guidance.Group`
    region: Tensor  # see `guidance.edit_region`; varied in training


class GuidedBatches:
    """Makes the batch of any step.

    With `varied`, regions are grown and lowered at random, so that their outline does not show the old garment. Some
    are the body template alone. Some persons get another skin colour.
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
        """Make the batch of a step, or the rank-th of `world` equal parts of it."""
        batch = self.inner.of_step(step, rank, world)
        assert batch.soft is not None
        shares = grouped(batch.soft)
        template = body_template(batch.key_points, *shares.shape[-2:])
        old = old_garment(shares, batch.key_points)
        if not self.varied:
            return GuidedBatch(batch, shares, edit_region(shares, old, template))
        generator = generator_of(self.seed, 6, step)
        part = slice(rank * self.size // world, (rank + 1) * self.size // world)
        numbers = torch.rand(4, self.size, generator=generator)[:, part].to(shares.device)
        covers = (old * template.amax(dim=1, keepdim=True)).sum((1, 2, 3)) >= COVERED * old.sum((1, 2, 3))
        shown = 1 - (covers & (numbers[3] < ALONE)).float().view(-1, 1, 1, 1)
        region = vary(edit_region(shares, old * shown, template), kept_out(shares, old), numbers)
        skins = skin_colours(self.size, generator)[part].to(shares.device)
        photo = recolour(batch.photo, skin(shares), skins)
        lower = lower_colours(self.size, generator)[part].to(shares.device)
        batch = batch._replace(photo=recolour(photo, lower_clothes(shares), lower))
        return GuidedBatch(batch, shares, region)

    def names(self, batch: GuidedBatch) -> list[str]:
        """Files that a batch was made of."""
        return self.inner.names(batch.batch)


def lower_colours(count: int, generator: torch.Generator) -> Tensor:
    """Draw maps (count, 3, 4 + SHADES) for `recolour` that give lower clothes other colours, or change nothing."""
    same = torch.eye(3, 4 + SHADES).expand(count, 3, 4 + SHADES)
    changed = torch.rand(count, 1, 1, generator=generator) < LOWER_CHANGED
    return torch.where(changed, drawn_colours(count, generator), same)


def skin_colours(count: int, generator: torch.Generator) -> Tensor:
    """Draw maps (count, 3, 4 + SHADES) for `recolour` that change the brightness and tone of skin, or nothing."""
    tone = 1 + uniform(generator, 0.25, count, 3) * 0.5 + uniform(generator, 0.25, count, 1)
    shift = uniform(generator, 0.25, count, 1) + uniform(generator, 0.08, count, 3)
    changed = (torch.rand(count, 1, generator=generator) < SKIN_CHANGED).float()
    scales = torch.diag_embed(1 + changed * (tone - 1))
    return torch.cat([scales, (changed * shift).unsqueeze(2), torch.zeros(count, 3, SHADES)], dim=2)


def vary(region: Tensor, kept: Tensor, numbers: Tensor) -> Tensor:
    """Grow and lower regions (N, 1, H, W), but never over what is `kept` (N, 1, H, W).

    The first three of `numbers` (3 or more, N) in [0, 1] say how far.
    """
    height = region.shape[-2]
    wider = (numbers[0] * (WIDER * height / 128 + 1)).long().tolist()
    lower = (numbers[1] * LOWER * height / 128).long() * (numbers[2] < LOWERED)
    made = []
    for one, pixels, down in zip(torch.split(region, 1), wider, lower.tolist(), strict=True):
        grown = grow(one, pixels) if pixels else one
        made.append(torch.maximum(grown, F.pad(one, (0, 0, down, 0))[..., :height, :]) if down else grown)
    return torch.cat(made) * (1 - kept)
