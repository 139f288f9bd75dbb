"""Turn product shots into garment photos like those of customers: turned, smaller, on floors and beds, in poor light.

As in `augment.py`, functions work on batches of tensors, and random parameters are drawn beforehand on the CPU.
Pictures are (N, 3, H, W) in [-1, 1], masks (N, 1, H, W) in [0, 1].
"""

from dataclasses import dataclass, field, fields
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from fitroom.data import augment
from fitroom.data.augment import uniform
from fitroom.data.grounds import GroundConfig, Grounds, compose_grounds, draw_grounds

BENDS = (5, 4)  # rows and columns of the noise that bends garments
CREASES = ((9, 7), (24, 8), (8, 18))  # rows and columns of each noise that creases garments


@dataclass(frozen=True)
class GarmentSceneConfig:
    """How much scenes differ from product shots. 0 switches a change off."""

    flip: float = 0.5  # share that is mirrored
    smaller: float = 0.5  # largest relative reduction of the shot's size
    larger: float = 0.1  # largest relative enlargement
    aside: float = 0.5  # largest shift, as a share of the way to the picture's edge
    turn: float = 30.0  # largest rotation, in degrees
    ground: float = 0.9  # share on a new ground
    grounds: GroundConfig = field(default_factory=GroundConfig)
    shadow: float = 0.6  # share of those with a shadow on the ground
    bend: float = 0.08  # largest displacement of parts of a garment, in [-1, 1] coordinates
    creases: float = 0.35  # largest relative change of brightness by creases
    colour: float = 0.4  # share of garments in new colours
    light: float = 0.3  # largest change of brightness and contrast of the whole picture
    slope: float = 0.35  # largest relative change of brightness at the picture's edges: light from one side
    tint: float = 0.2  # largest relative change of each colour channel
    blur: float = 0.3  # share that is blurred


# settings that leave pictures unchanged
UNDRAWN: dict[str, Any] = {one.name: 0.0 for one in fields(GarmentSceneConfig) if one.name != "grounds"}
STUDIO = GarmentSceneConfig(**UNDRAWN)


@dataclass(frozen=True)
class GarmentScenes:
    """Random parameters of a batch, one row per sample, on the CPU."""

    flip: Tensor  # (N,) bool
    garment: Tensor  # (N, 2, 3) matrices from target to source
    grounded: Tensor  # (N,) bool, samples on a new ground
    grounds: Grounds
    bend: Tensor  # (N, 2, h, w) noise of BENDS cells: offsets from target to source
    creases: tuple[Tensor, ...]  # one (N, 1, h, w) for each of CREASES
    shadow: Tensor  # (N, 3) shift in x and y as shares of the picture's size, and darkness
    colour: Tensor  # (N, 3, 4 + SHADES) see `augment.recolour`
    recoloured: Tensor  # (N,) bool
    light: Tensor  # (N, 2) contrast and brightness
    slope: Tensor  # (N, 2) slope of the light along x and y
    tint: Tensor  # (N, 3, 1, 1) factors
    blur: Tensor  # (N,) bool

    def rows(self, rows: slice, device: torch.device) -> "GarmentScenes":
        """Return some rows, moved to a device."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        moved = {name: value[rows].to(device) for name, value in values.items() if isinstance(value, Tensor)}
        creases = tuple(level[rows].to(device) for level in self.creases)
        return GarmentScenes(**moved, grounds=self.grounds.rows(rows, device), creases=creases)


def draw_garment_scenes(
    config: GarmentSceneConfig, count: int, generator: torch.Generator, aspect: float = 0.75
) -> GarmentScenes:
    """Draw random scenes for `count` garments. `aspect` is the pictures' width divided by their height."""

    def random(*shape: int) -> Tensor:
        return torch.rand(count, *shape, generator=generator)

    size = 1 - config.smaller + random() * (config.smaller + config.larger)
    centre = uniform(generator, config.aside, count, 2) * ((1 - size).abs() + 0.1).unsqueeze(1)
    strength = config.creases * random(1, 1, 1) ** 2
    dark = torch.where(random() < config.shadow, 0.2 + 0.5 * random(), torch.zeros(()))
    return GarmentScenes(
        flip=random() < config.flip,
        garment=augment.affine(1 / size, uniform(generator, config.turn, count), -centre / size.unsqueeze(1), aspect),
        grounded=random() < config.ground,
        grounds=draw_grounds(config.grounds, count, generator, aspect),
        bend=uniform(generator, config.bend, count, 2, *BENDS) * random(1, 1, 1),
        creases=tuple(uniform(generator, 1.0, count, 1, *cells) * strength for cells in CREASES),
        shadow=torch.cat([uniform(generator, 0.04, count, 2), dark.unsqueeze(1)], dim=1),
        colour=augment.drawn_colours(count, generator),
        recoloured=random() < config.colour,
        light=torch.stack([1 + uniform(generator, config.light, count), uniform(generator, config.light, count)], 1),
        slope=uniform(generator, config.slope, count, 2),
        tint=1 + uniform(generator, config.tint, count, 3, 1, 1),
        blur=random() < config.blur,
    )


def compose_garment_scenes(
    scenes: GarmentScenes, garment: Tensor, mask: Tensor, fabrics: Tensor
) -> tuple[Tensor, Tensor]:
    """Render scenes. Returns pictures and binary garment masks.

    `fabrics` are the product shots passed to `compose_grounds`.
    """
    height, width = garment.shape[-2:]
    tinted = scenes.recoloured
    garment = creased(scenes, garment, mask)
    garment[tinted] = augment.recolour(garment[tinted], mask[tinted], scenes.colour[tinted])
    bend = F.interpolate(scenes.bend, size=(height, width), mode="bicubic", align_corners=False)
    grid = augment.grid_of(augment.mirrored(scenes.garment, scenes.flip), height, width) + bend.permute(0, 2, 3, 1)
    seen = augment.move(mask, grid, padding="zeros")
    # the outermost pixels of a garment contain some of the product shot's white background
    inner = augment.move(-F.max_pool2d(-mask, 3, 1, 1), grid, padding="zeros")
    grounded = scenes.grounded.view(-1, 1, 1, 1)
    under = torch.where(
        grounded,
        shaded(scenes, compose_grounds(scenes.grounds, height, width, fabrics), seen),
        augment.move(garment, grid),
    )
    worn = torch.where(grounded, F.avg_pool2d(inner, 3, 1, 1), seen)
    made = augment.move(garment, grid) * worn + under * (1 - worn)
    made = augment.relight(((made + 1) * scenes.tint * sloped(scenes, height, width) - 1).clamp(-1, 1), scenes.light)
    soft = F.interpolate(F.avg_pool2d(made, 2), size=(height, width), mode="bilinear", align_corners=False)
    made = torch.where(scenes.blur.view(-1, 1, 1, 1), soft, made)
    return made, (torch.where(grounded, worn, seen) > 0.5).float()


def creased(scenes: GarmentScenes, garment: Tensor, mask: Tensor) -> Tensor:
    """Add creases: make parts of the garments lighter and darker."""
    size = garment.shape[-2:]
    light = torch.stack(
        [F.interpolate(level, size=size, mode="bicubic", align_corners=False) for level in scenes.creases]
    ).mean(dim=0)
    return garment + mask * (((garment + 1) * (1 + light) - 1).clamp(-1, 1) - garment)


def shaded(scenes: GarmentScenes, ground: Tensor, mask: Tensor) -> Tensor:
    """Draw the shadow of a garment on a ground."""
    height, width = ground.shape[-2:]
    still = augment.affine(
        torch.ones(len(mask), device=mask.device),
        torch.zeros(len(mask), device=mask.device),
        -2 * scenes.shadow[:, :2],
        width / height,
    )
    shadow = augment.move(mask, augment.grid_of(still, height, width), padding="zeros")
    shadow = F.avg_pool2d(F.avg_pool2d(shadow, 7, 1, 3), 7, 1, 3) * scenes.shadow[:, 2, None, None, None]
    return (ground + 1) * (1 - shadow) - 1


def sloped(scenes: GarmentScenes, height: int, width: int) -> Tensor:
    """Return the light from one side as factors around 1, (N, 1, H, W)."""
    x = torch.linspace(-1, 1, width, device=scenes.slope.device).view(1, 1, -1)
    y = torch.linspace(-1, 1, height, device=scenes.slope.device).view(1, -1, 1)
    return (1 + scenes.slope[:, :1, None] * x + scenes.slope[:, 1:, None] * y).unsqueeze(1)
