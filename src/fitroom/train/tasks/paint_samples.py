"""Training samples of the painter: an erased photo, a garment warped into it, and what must come back.

Studio persons wear their own garment, warped by the warp network that is trained. A person in a street photo wears what
is cut out of the photo itself, so that the warp is known.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from fitroom.body import ARMS, BELOW_HEM, HANDS, Label
from fitroom.data import augment
from fitroom.data.label_sets import ANY, BELT, NOT_PERSON, ROW, SINGLE, SKIN, TOP, UPPER_SKIN
from fitroom.data.street_scenes import StreetConfig, StreetPhoto, drawn, stacked
from fitroom.nets.body_warp import GuidedWarp
from fitroom.nets.guidance import (
    Group,
    body_maps,
    body_template,
    edit_region,
    grouped,
    grow,
    hair_kept,
    kept_out,
    of,
    old_garment,
    paint_maps,
    scaled,
    warp_maps,
)
from fitroom.nets.guided import halved_points, known_points
from fitroom.nets.lite import identity_grid
from fitroom.nets.painter import Layout, carried_on, softened
from fitroom.nets.sampling import sample
from fitroom.runtime.interface import PersonParser
from fitroom.train.batches import generator_of
from fitroom.train.tasks.guided_samples import GuidedBatch, GuidedBatches, shares_of, vary
from fitroom.train.tasks.guided_warp import maps_of

UNKNOWN = 255  # a layout that says nothing
HOLES = 10  # 256ths of the height: narrower holes of a cut-out garment are filled
SURE_NECK = 0.5  # the parser's probability of a neck, from which it counts as one
OFF_MASK = 3  # pixels by which a cut-out's mask is too large or too small, at most
CLOSEST, FARTHEST = 0.85, 1.3  # heights of a street photo's frame, by that of the frame that is dressed
STREET = StreetConfig(farther=0.0, aside=0.06, lower=0.0, turn=5.0, light=0.2, tint=0.1, grey=0.0, blur=0.05)
SKIN_LABELS = (Label.FACE, Label.NECK, *ARMS, *HANDS)


class PaintBatch(NamedTuple):
    """What the painter sees and what it should give; (N, ..., H, W)."""

    photo: Tensor  # (N, 3, H, W) in [-1, 1]
    layout: Tensor  # (N, H, W) of `Layout`, or UNKNOWN
    neck: Tensor  # (N, 1, H, W) of 0 and 1
    region: Tensor  # (N, 1, H, W) of 0 and 1 that is painted
    maps: Tensor  # (N, PAINT_CHANNELS, H, W), see `guidance.paint_maps`
    drawn: Tensor  # (N, BODY_CHANNELS, H/2, W/2), see `guidance.body_maps`
    warped: Tensor  # (N, 3, H, W) the garment's colours, carried on beyond its outline
    warped_mask: Tensor  # (N, 1, H, W)

    @property
    def worn(self) -> Tensor:
        """Where the garment is seen, (N, 1, H, W) of 0 and 1."""
        return (self.layout == Layout.GARMENT).float().unsqueeze(1)

    @property
    def change(self) -> Tensor:
        """The region with a soft edge, (N, 1, H, W)."""
        return softened(self.region)


def label_table() -> Tensor:
    """Layout of every label (256,)."""
    table = torch.full((256,), UNKNOWN, dtype=torch.uint8)
    table[Label.BACKGROUND], table[Label.HAIR], table[Label.UPPER_CLOTHES] = (
        int(Layout.BACKGROUND),
        int(Layout.HAIR),
        int(Layout.GARMENT),
    )
    table[list(SKIN_LABELS)] = int(Layout.SKIN)
    table[list(BELOW_HEM)] = int(Layout.LOWER_CLOTHES)
    return table


def set_table() -> Tensor:
    """Layout of every row of `label_sets.TABLE` (256,); what belts and bags are part of nobody knows."""
    table = torch.full((256,), UNKNOWN, dtype=torch.uint8)
    labels = label_table()
    for label in Label:
        table[ROW[SINGLE[label]]] = labels[label]
    for row, layout in (
        (ROW[SINGLE[Label.DRESS]], Layout.GARMENT),
        (ROW[TOP], Layout.GARMENT),
        (ROW[SKIN], Layout.SKIN),
        (ROW[UPPER_SKIN], Layout.SKIN),
        (ROW[NOT_PERSON], Layout.BACKGROUND),
    ):
        table[row] = int(layout)
    table[[ROW[BELT], ROW[ANY]]] = UNKNOWN
    return table


def with_necks(layout: Tensor, label: Tensor, shares: Tensor) -> tuple[Tensor, Tensor]:
    """Add the necks that the parser sees to layouts (N, H, W), where VITON's labels call them background or nothing.

    Returns the layouts, and where necks are, (N, 1, H, W) of 0 and 1.
    """
    seen = (of(shares, Group.NECK).squeeze(1) > SURE_NECK) & ((layout == Layout.BACKGROUND) | (layout == UNKNOWN))
    neck = seen | (label == Label.NECK)
    return torch.where(seen, int(Layout.SKIN), layout).to(torch.uint8), neck.float().unsqueeze(1)


def smooth_noise(count: int, roughness: float, height: int, width: int, generator: torch.Generator) -> Tensor:
    """Smooth disturbances of flows (count, 2, height, width) in [-1, 1], some larger, some smaller."""
    noise = torch.randn(count, 2, 4, 3, generator=generator) * torch.rand(count, 1, 1, 1, generator=generator)
    return F.interpolate(roughness * noise, size=(height, width), mode="bicubic", align_corners=False)


class StudioPaint:
    """Studio persons in their own garments, warped by a warp network."""

    def __init__(self, guided: GuidedBatches, warp: GuidedWarp, half: bool, roughness: float) -> None:
        """`half` says that samples have half of the size, at which the warp network works."""
        self.guided, self.warp, self.at_half, self.roughness = guided, warp, half, roughness
        self.table = label_table()

    @torch.no_grad()
    def of_step(self, step: int, rank: int = 0, world: int = 1) -> PaintBatch:
        """See `Batches`."""
        guided = self.guided.of_step(step, rank, world)
        batch, shares = guided.batch, guided.shares
        region = guided.region * (1 - hair_kept(shares))
        height, width = (int(side) for side in batch.photo.shape[-2:])
        drawn = body_maps(halved_points(batch.key_points), height // 2, width // 2)
        flow = self.flow(guided, drawn)
        if self.roughness:
            generator = generator_of(self.guided.seed, 8, step)
            flow = flow + smooth_noise(len(flow), self.roughness, *sizes(flow), generator).to(flow.device)
        flow = F.interpolate(flow, size=(height, width), mode="bilinear", align_corners=False)
        garment = carried_on(batch.garment, batch.garment_mask)
        layout, neck = with_necks(self.table.to(batch.label.device)[batch.label.long()], batch.label, shares)
        return PaintBatch(
            batch.photo,
            layout,
            neck,
            region,
            paint_maps(batch.photo, shares, region),
            drawn,
            sample(garment, flow, False),
            sample(batch.garment_mask, flow, False, padding="zeros"),
        )

    def flow(self, guided: GuidedBatch, drawn: Tensor) -> Tensor:
        """Compute the flow of a batch, at the warp network's size; `drawn` are body maps of half the batch's size."""
        batch = guided.batch
        if self.at_half:
            flows = self.warp(maps_of(guided), batch.garment, batch.garment_mask)
        else:
            shares, garment, mask = (F.avg_pool2d(x, 2) for x in (guided.shares, batch.garment, batch.garment_mask))
            flows = self.warp(warp_maps(shares, drawn, F.max_pool2d(guided.region, 2)), garment, mask)
        return flows[-1]  # type: ignore[no-any-return]


def sizes(x: Tensor) -> tuple[int, int]:
    """Height and width of a tensor (..., H, W)."""
    return int(x.shape[-2]), int(x.shape[-1])


class StreetPaint:
    """Persons of labelled street photos, in what is cut out of the photo and put back slightly displaced."""

    def __init__(
        self,
        photos: list[StreetPhoto],
        parser: PersonParser,
        size: int,
        height: int,
        width: int,
        half: bool,
        roughness: float,
        seed: int,
    ) -> None:
        """`size` samples a step of `height` and `width`, which the parser reads; `half` of that size with `half`."""
        self.photos, self.parser, self.size, self.seed = photos, parser, size, seed
        self.height, self.width, self.at_half, self.roughness = height, width, half, roughness
        self.table = set_table()

    @torch.no_grad()
    def of_step(self, step: int, rank: int = 0, world: int = 1) -> PaintBatch:
        """See `Batches`."""
        generator = generator_of(self.seed, 9, step)
        rows = torch.randint(len(self.photos), (self.size,), generator=generator).tolist()
        sizes = torch.rand(self.size, generator=generator).tolist()
        seeds = torch.randint(2**31, (self.size,), generator=generator).tolist()
        samples = [
            drawn(
                self.photos[row],
                replace(STREET, closer=CLOSEST + (FARTHEST - CLOSEST) * size),
                seed,
                self.height,
                self.width,
            )
            for row, size, seed in zip(rows, sizes, seeds, strict=True)
        ]
        found = [self.parser.parse(picture) for picture, _, _ in samples]
        points = known_points(torch.from_numpy(np.stack([one.key_points for one in found])).float())
        coarse = grouped(torch.from_numpy(np.stack([shares_of(one) for one in found])))
        photo, sets, _ = stacked(samples)
        layout = self.table[sets.long()]
        if self.at_half:
            photo, points, layout = F.avg_pool2d(photo, 2), halved_points(points), layout[:, ::2, ::2]
        return self.painted(photo, layout, points, coarse, generator)

    def painted(
        self, photo: Tensor, layout: Tensor, points: Tensor, coarse: Tensor, generator: torch.Generator
    ) -> PaintBatch:
        """Cut garments out of photos (N, 3, H, W) and put them back, by key points and shares (N, GROUPS, h, w)."""
        height, width = photo.shape[-2:]
        shares = F.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=False)
        template = body_template(points, height, width)
        old = old_garment(shares, points)
        numbers = torch.rand(3, len(photo), generator=generator)
        region = vary(edit_region(shares, old, template), kept_out(shares, old), numbers)
        region = region * (1 - hair_kept(shares))
        maps = paint_maps(photo, shares, region)
        drawn = body_maps(halved_points(points), height // 2, width // 2)
        mask = (layout == Layout.GARMENT).float().unsqueeze(1)
        colours = augment.drawn_colours(len(photo), generator)
        changed = torch.rand(len(photo), generator=generator) < 0.4
        photo[changed] = augment.recolour(photo[changed], mask[changed], colours[changed])
        # nothing around the cut-out may be seen of the photo
        garment = carried_on(torch.where(mask > 0, photo, 1.0), mask, steps=8)
        reach = scaled(HOLES, height)
        filled = 1 - grow(1 - grow(mask, reach), reach)
        flow = identity_grid(photo) + smooth_noise(len(photo), self.roughness, height, width, generator)
        off = torch.randint(-OFF_MASK, OFF_MASK + 1, (len(photo),), generator=generator).tolist()
        wrong = torch.cat([resized(*pair) for pair in zip(torch.split(filled, 1), off, strict=True)])
        warped_mask = sample(wrong, flow, False, padding="zeros")
        neck = of(shares, Group.NECK) * (layout == Layout.SKIN).unsqueeze(1)
        return PaintBatch(
            photo, layout, (neck > 0.5).float(), region, maps, drawn, sample(garment, flow, False), warped_mask
        )


def resized(mask: Tensor, pixels: int) -> Tensor:
    """Grow a mask (1, 1, H, W) by so many pixels, or shrink it by so many below 0."""
    return grow(mask, pixels) if pixels >= 0 else 1 - grow(1 - mask, -pixels)


def cropped(batch: PaintBatch, height: int, width: int, places: Tensor) -> PaintBatch:
    """Crop every sample to a height and a width.

    `places` (N, 2) in [0, 1] give the position of each crop, from top to bottom and from left to right.
    """
    full_height, full_width = batch.photo.shape[-2:]
    # even: some tensors have half of the size
    tops = (2 * (places[:, 0] * (full_height - height) / 2).round().long()).tolist()
    lefts = (2 * (places[:, 1] * (full_width - width) / 2).round().long()).tolist()

    def part(values: Tensor) -> Tensor:
        rows = zip(values, tops, lefts, strict=True)
        by = full_height // values.shape[-2]
        return torch.stack(
            [one[..., top // by : (top + height) // by, left // by : (left + width) // by] for one, top, left in rows]
        )

    return PaintBatch(*(part(values) for values in batch))


class PaintBatches:
    """Makes batches of the painter: studio persons, and behind them street photos where there are some."""

    def __init__(
        self, studio: StudioPaint, street: StreetPaint | None = None, crop: tuple[int, int] | None = None
    ) -> None:
        """`crop` is the height and the width of what is kept of every sample; None: all of it."""
        self.studio, self.street, self.crop = studio, street, crop
        self.count, self.size = studio.guided.count, studio.guided.size

    def of_step(self, step: int, rank: int = 0, world: int = 1) -> PaintBatch:
        """See `Batches`."""
        made = self.studio.of_step(step, rank, world)
        if self.street is not None:
            parts = zip(made, self.street.of_step(step, rank, world), strict=True)
            made = PaintBatch(*(torch.cat([one, other.to(one.device)]) for one, other in parts))
        if self.crop is None:
            return made
        places = torch.rand(len(made.photo), 2, generator=generator_of(self.studio.guided.seed, 10, step, rank))
        return cropped(made, *self.crop, places)

    def names(self, batch: PaintBatch) -> list[str]:
        """See `Batches`."""
        return [f"{len(batch.photo)} samples"]
