"""Garments as customers photograph them, made of product shots: turned, smaller, on floors and beds, in poor light.

Batches of tensors as in `augment.py`, and drawn beforehand as there. Pictures are (N, 3, H, W) in [-1, 1], masks
(N, 1, H, W) in [0, 1].
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from fitroom.data import augment
from fitroom.data.augment import uniform

# cells of the noise that grounds are made of, rows and columns: patches, folds, boards, grain
CELLS = ((2, 2), (7, 5), (3, 24), (48, 6), (96, 72))


@dataclass(frozen=True)
class GarmentSceneConfig:
    """How far scenes are from product shots; 0 leaves out what it governs."""

    flip: float = 0.5  # share that is mirrored
    smaller: float = 0.5  # of the shot's size that is lost at most
    larger: float = 0.1  # that is gained at most
    aside: float = 0.5  # of the way to the picture's edge, at most
    turn: float = 30.0  # degrees, at most
    ground: float = 0.9  # share that lies on another ground
    joints: float = 0.4  # share of those grounds that have boards or tiles
    shadow: float = 0.6  # share of those that throw a shadow there
    colour: float = 0.4  # share of garments in other colours
    light: float = 0.3  # brightness and contrast of the whole picture, at most
    slope: float = 0.35  # of light from one side of the picture to the other, at most
    tint: float = 0.2  # of each of its colours, at most
    blur: float = 0.3  # share that is unsharp


@dataclass(frozen=True)
class GarmentScenes:
    """What was drawn for a batch, one row a sample, on the CPU."""

    flip: Tensor  # (N,) bool
    garment: Tensor  # (N, 2, 3) from target to source
    grounded: Tensor  # (N,) bool, where the ground is another
    base: Tensor  # (N, 3, 1, 1) colour of the ground
    noise: tuple[Tensor, ...]  # (N, 3, h, w) each, of CELLS, by how much it counts
    ground: Tensor  # (N, 2, 3) from target to source, of the ground
    joints: Tensor  # (N, 2) period along and across, in units of the picture; 0: none
    depth: Tensor  # (N, 1, 1, 1) how dark joints are
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
        return GarmentScenes(**moved, noise=tuple(level[rows].to(device) for level in self.noise))


def draw_garment_scenes(
    config: GarmentSceneConfig, count: int, generator: torch.Generator, aspect: float = 0.75
) -> GarmentScenes:
    """Draw scenes for `count` garments in pictures of width by height `aspect`."""

    def random(*shape: int) -> Tensor:
        return torch.rand(count, *shape, generator=generator)

    size = 1 - config.smaller + random() * (config.smaller + config.larger)
    centre = uniform(generator, config.aside, count, 2) * ((1 - size).abs() + 0.1).unsqueeze(1)
    # greys and browns mostly, and every brightness
    base = uniform(generator, 0.9, count, 1, 1, 1) + uniform(generator, 0.25, count, 3, 1, 1)
    strength = random(len(CELLS)) ** 2
    noise = tuple(
        strength[:, level, None, None, None]
        * (uniform(generator, 0.5, count, 1, *cells) + uniform(generator, 0.06, count, 3, *cells))
        for level, cells in enumerate(CELLS)
    )
    joined = random() < config.joints
    dark = torch.where(random() < config.shadow, 0.2 + 0.5 * random(), torch.zeros(()))
    return GarmentScenes(
        flip=random() < config.flip,
        garment=augment.affine(
            1 / size, uniform(generator, config.turn, count), -centre / size.unsqueeze(1), aspect
        ),
        grounded=random() < config.ground,
        base=base,
        noise=noise,
        ground=augment.affine(0.5 + random(), uniform(generator, 180.0, count), torch.zeros(count, 2), aspect),
        joints=torch.where(joined.unsqueeze(1), 0.15 + 0.6 * random(2), torch.zeros(())),
        depth=0.2 + 0.5 * random(1, 1, 1),
        shadow=torch.cat([uniform(generator, 0.04, count, 2), dark.unsqueeze(1)], dim=1),
        colour=augment.drawn_colours(count, generator),
        recoloured=random() < config.colour,
        light=torch.stack([1 + uniform(generator, config.light, count), uniform(generator, config.light, count)], 1),
        slope=uniform(generator, config.slope, count, 2),
        tint=1 + uniform(generator, config.tint, count, 3, 1, 1),
        blur=random() < config.blur,
    )  # fmt: skip


def compose_garment_scenes(scenes: GarmentScenes, garment: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Pictures and garment masks of scenes."""
    height, width = garment.shape[-2:]
    tinted = scenes.recoloured
    garment = garment.clone()
    garment[tinted] = augment.recolour(garment[tinted], mask[tinted], scenes.colour[tinted])
    grid = augment.grid_of(augment.mirrored(scenes.garment, scenes.flip), height, width)
    seen = augment.move(mask, grid, padding="zeros")
    # the outermost pixels of a product shot's garment hold some of its white
    inner = augment.move(-F.max_pool2d(-mask, 3, 1, 1), grid, padding="zeros")
    grounded = scenes.grounded.view(-1, 1, 1, 1)
    under = torch.where(grounded, shaded(scenes, grounds(scenes, height, width), seen), augment.move(garment, grid))
    worn = torch.where(grounded, F.avg_pool2d(inner, 3, 1, 1), seen)
    made = augment.move(garment, grid) * worn + under * (1 - worn)
    made = augment.relight(((made + 1) * scenes.tint * sloped(scenes, height, width) - 1).clamp(-1, 1), scenes.light)
    soft = F.interpolate(F.avg_pool2d(made, 2), size=(height, width), mode="bilinear", align_corners=False)
    made = torch.where(scenes.blur.view(-1, 1, 1, 1), soft, made)
    return made, (torch.where(grounded, worn, seen) > 0.5).float()


def grounds(scenes: GarmentScenes, height: int, width: int) -> Tensor:
    """What garments lie on, (N, 3, H, W): noise of several shapes, with joints as of boards and tiles."""
    ground = scenes.base + torch.stack([
        F.interpolate(level, size=(height, width), mode="bicubic", align_corners=False) for level in scenes.noise
    ]).sum(dim=0)  # fmt: skip
    grid = augment.grid_of(scenes.ground, height, width)
    # where the grid leaves the ground, the ground goes on mirrored
    turned = F.grid_sample(ground, grid, padding_mode="reflection", align_corners=False)
    period = scenes.joints[:, None, None, :]
    place = (grid / period.clamp(min=1e-3)) % 1.0
    joint = ((place < 0.05) & (period > 0)).any(dim=3).float().unsqueeze(1)
    return (turned - scenes.depth * joint).clamp(-1, 1)


def shaded(scenes: GarmentScenes, ground: Tensor, mask: Tensor) -> Tensor:
    """A ground with the shadow that a garment throws on it."""
    height, width = ground.shape[-2:]
    still = augment.affine(
        torch.ones(len(mask), device=mask.device), torch.zeros(len(mask), device=mask.device),
        -2 * scenes.shadow[:, :2], width / height,
    )  # fmt: skip
    shadow = augment.move(mask, augment.grid_of(still, height, width), padding="zeros")
    shadow = F.avg_pool2d(F.avg_pool2d(shadow, 7, 1, 3), 7, 1, 3) * scenes.shadow[:, 2, None, None, None]
    return (ground + 1) * (1 - shadow) - 1


def sloped(scenes: GarmentScenes, height: int, width: int) -> Tensor:
    """Light from one side, (N, 1, H, W) of factors around 1."""
    x = torch.linspace(-1, 1, width, device=scenes.slope.device).view(1, 1, -1)
    y = torch.linspace(-1, 1, height, device=scenes.slope.device).view(1, -1, 1)
    return (1 + scenes.slope[:, :1, None] * x + scenes.slope[:, 1:, None] * y).unsqueeze(1)
