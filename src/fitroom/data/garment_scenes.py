"""Garments as customers photograph them, made of product shots: turned, smaller, on floors and beds, in poor light.

Batches of tensors as in `augment.py`, and drawn beforehand as there. Pictures are (N, 3, H, W) in [-1, 1], masks
(N, 1, H, W) in [0, 1].
"""

from dataclasses import dataclass, field, fields
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from fitroom.data import augment
from fitroom.data.augment import uniform
from fitroom.data.grounds import GroundConfig, Grounds, compose_grounds, draw_grounds

BENDS = (5, 4)  # cells of the noise that bends garments
CREASES = ((9, 7), (24, 8), (8, 18))  # and of that which creases them


@dataclass(frozen=True)
class GarmentSceneConfig:
    """How far scenes are from product shots; 0 leaves out what it governs."""

    flip: float = 0.5  # share that is mirrored
    smaller: float = 0.5  # of the shot's size that is lost at most
    larger: float = 0.1  # that is gained at most
    aside: float = 0.5  # of the way to the picture's edge, at most
    turn: float = 30.0  # degrees, at most
    ground: float = 0.9  # share that lies on another ground
    grounds: GroundConfig = field(default_factory=GroundConfig)
    shadow: float = 0.6  # share of those that throw a shadow there
    bend: float = 0.08  # of the picture's size, how far parts of a garment lie from their place, at most
    creases: float = 0.35  # how dark or light they are, at most
    colour: float = 0.4  # share of garments in other colours
    light: float = 0.3  # brightness and contrast of the whole picture, at most
    slope: float = 0.35  # of light from one side of the picture to the other, at most
    tint: float = 0.2  # of each of its colours, at most
    blur: float = 0.3  # share that is unsharp


# nothing is drawn: pictures as they are
UNDRAWN: dict[str, Any] = {one.name: 0.0 for one in fields(GarmentSceneConfig) if one.name != "grounds"}
STUDIO = GarmentSceneConfig(**UNDRAWN)


@dataclass(frozen=True)
class GarmentScenes:
    """What was drawn for a batch, one row a sample, on the CPU."""

    flip: Tensor  # (N,) bool
    garment: Tensor  # (N, 2, 3) from target to source
    grounded: Tensor  # (N,) bool, where the ground is another
    grounds: Grounds
    bend: Tensor  # (N, 2, h, w) of BENDS, from target to source
    creases: tuple[Tensor, ...]  # (N, 1, h, w) each, of CREASES
    shadow: Tensor  # (N, 3) shift by x and y in units of the picture, darkness
    colour: Tensor  # (N, 3, 4 + SHADES) see `augment.recolour`
    recoloured: Tensor  # (N,) bool
    light: Tensor  # (N, 2) contrast and brightness
    slope: Tensor  # (N, 2) of light, along x and y
    tint: Tensor  # (N, 3, 1, 1) factors
    blur: Tensor  # (N,) bool

    def rows(self, rows: slice, device: torch.device) -> "GarmentScenes":
        """Some rows of it, on a device."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        moved = {name: value[rows].to(device) for name, value in values.items() if isinstance(value, Tensor)}
        creases = tuple(level[rows].to(device) for level in self.creases)
        return GarmentScenes(**moved, grounds=self.grounds.rows(rows, device), creases=creases)


def draw_garment_scenes(
    config: GarmentSceneConfig, count: int, generator: torch.Generator, aspect: float = 0.75
) -> GarmentScenes:
    """Draw scenes for `count` garments in pictures of width by height `aspect`."""

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
    """Pictures and garment masks of scenes; `fabrics` as of `compose_grounds`."""
    height, width = garment.shape[-2:]
    tinted = scenes.recoloured
    garment = creased(scenes, garment, mask)
    garment[tinted] = augment.recolour(garment[tinted], mask[tinted], scenes.colour[tinted])
    bend = F.interpolate(scenes.bend, size=(height, width), mode="bicubic", align_corners=False)
    grid = augment.grid_of(augment.mirrored(scenes.garment, scenes.flip), height, width) + bend.permute(0, 2, 3, 1)
    seen = augment.move(mask, grid, padding="zeros")
    # the outermost pixels of a product shot's garment hold some of its white
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
    """Garments lighter and darker in places, as cloth is that lies or hangs."""
    size = garment.shape[-2:]
    light = torch.stack(
        [F.interpolate(level, size=size, mode="bicubic", align_corners=False) for level in scenes.creases]
    ).mean(dim=0)
    return garment + mask * (((garment + 1) * (1 + light) - 1).clamp(-1, 1) - garment)


def shaded(scenes: GarmentScenes, ground: Tensor, mask: Tensor) -> Tensor:
    """A ground with the shadow that a garment throws on it."""
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
    """Light from one side, (N, 1, H, W) of factors around 1."""
    x = torch.linspace(-1, 1, width, device=scenes.slope.device).view(1, 1, -1)
    y = torch.linspace(-1, 1, height, device=scenes.slope.device).view(1, -1, 1)
    return (1 + scenes.slope[:, :1, None] * x + scenes.slope[:, 1:, None] * y).unsqueeze(1)
