"""Draw random backgrounds like those of people's photos: walls, floors, fabrics and simple objects.

As in `augment.py`, functions work on batches of tensors, and random parameters are drawn beforehand on the CPU.
Pictures are (N, 3, H, W) in [-1, 1].
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from fitroom.data import augment
from fitroom.data.augment import uniform

# rows and columns of the noise layers of a ground: patches, folds, boards, grain
CELLS = ((2, 2), (7, 5), (3, 24), (48, 6), (96, 72))
OBJECTS = 4  # most objects per ground
EDGE = 30.0  # sharpness of an object's outline: it fades over 1/EDGE of the object's half size


@dataclass(frozen=True)
class GroundConfig:
    """Properties of random grounds. 0 switches a property off."""

    colourful: float = 0.3  # share of any colour; the others are grey and brown
    fabric: float = 0.2  # share that shows the enlarged pattern of a garment
    joints: float = 0.3  # share with joints, like boards or tiles
    objects: float = 0.4  # share with plain objects


@dataclass(frozen=True)
class Grounds:
    """Random parameters of a batch, one row per sample, on the CPU."""

    base: Tensor  # (N, 3, 1, 1) colour
    noise: tuple[Tensor, ...]  # one weighted (N, 3, h, w) for each of CELLS
    place: Tensor  # (N, 2, 3) matrices of noise and joints, from target to source
    joints: Tensor  # (N, 2) period of the joints in x and y, in [-1, 1] coordinates; 0: none
    depth: Tensor  # (N, 1, 1, 1) darkness of the joints
    fabric: Tensor  # (N,) batch row of the garment that gives the pattern; -1: none
    pattern: Tensor  # (N, 2, 3) matrices of that pattern, from target to source
    objects: Tensor  # (N, OBJECTS, 2, 3) matrices from target to source, where an object fills [-1, 1]
    round: Tensor  # (N, OBJECTS) bool; the others are rectangles
    paint: Tensor  # (N, OBJECTS, 3) colour
    slope: Tensor  # (N, OBJECTS) slope of the light across an object
    shown: Tensor  # (N, OBJECTS) bool

    def rows(self, rows: slice, device: torch.device) -> "Grounds":
        """Return some rows, moved to a device."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        moved = {name: value[rows].to(device) for name, value in values.items() if isinstance(value, Tensor)}
        return Grounds(**moved, noise=tuple(level[rows].to(device) for level in self.noise))


def draw_grounds(config: GroundConfig, count: int, generator: torch.Generator, aspect: float = 0.75) -> Grounds:
    """Draw random grounds for `count` pictures. `aspect` is their width divided by their height."""

    def random(*shape: int) -> Tensor:
        return torch.rand(count, *shape, generator=generator)

    plain = uniform(generator, 0.9, count, 1, 1, 1) + uniform(generator, 0.25, count, 3, 1, 1)
    vivid = (random() < config.colourful).view(-1, 1, 1, 1)
    strength = random(len(CELLS)) ** 2
    noise = tuple(
        strength[:, level, None, None, None]
        * (uniform(generator, 0.5, count, 1, *cells) + uniform(generator, 0.06, count, 3, *cells))
        for level, cells in enumerate(CELLS)
    )
    joined = random() < config.joints
    some = count * OBJECTS
    size = 0.05 + 0.5 * torch.rand(some, generator=generator) ** 2
    objects = augment.affine(
        torch.ones(some), uniform(generator, 45.0, some) ** 3 / 45.0**2, torch.zeros(some, 2), aspect
    )
    longer = torch.exp(uniform(generator, 1.0, some))
    objects = objects / (size * torch.stack([longer, 1 / longer])).T.unsqueeze(2)
    centre = uniform(generator, 1.1, some, 2)
    objects[:, :, 2] = -(objects[:, :, :2] @ centre.unsqueeze(2)).squeeze(2)
    return Grounds(
        base=torch.where(vivid, uniform(generator, 0.9, count, 3, 1, 1), plain),
        noise=noise,
        place=augment.affine(0.5 + random(), uniform(generator, 180.0, count), torch.zeros(count, 2), aspect),
        joints=torch.where(joined.unsqueeze(1), 0.15 + 0.6 * random(2), torch.zeros(())),
        depth=0.2 + 0.5 * random(1, 1, 1),
        fabric=torch.where(random() < config.fabric, torch.randint(max(count, 1), (count,), generator=generator), -1),
        # taken from the chest, where a garment's print is
        pattern=augment.affine(
            0.1 + 0.25 * random(), uniform(generator, 180.0, count), uniform(generator, 0.15, count, 2), aspect
        ),
        objects=objects.view(count, OBJECTS, 2, 3),
        round=random(OBJECTS) < 0.3,
        paint=uniform(generator, 0.9, count, OBJECTS, 1) + uniform(generator, 0.4, count, OBJECTS, 3),
        slope=uniform(generator, 0.3, count, OBJECTS),
        shown=(random(1) < config.objects) & (random(OBJECTS) < 0.7),
    )


def compose_grounds(grounds: Grounds, height: int, width: int, garment: Tensor | None = None) -> Tensor:
    """Render grounds.

    `garment` holds the product shots of the whole batch that the grounds were drawn for. Without it no ground shows a
    garment's pattern.
    """
    flat = grounds.base + torch.stack(
        [F.interpolate(level, size=(height, width), mode="bilinear", align_corners=False) for level in grounds.noise]
    ).sum(dim=0)
    grid = augment.grid_of(grounds.place, height, width)
    # reflection continues the ground beyond its edges
    made = augment.move(flat, grid, padding="reflection")
    if garment is not None:
        woven = augment.move(garment[grounds.fabric.clamp(min=0)], augment.grid_of(grounds.pattern, height, width))
        made = torch.where((grounds.fabric >= 0).view(-1, 1, 1, 1), woven, made)
    period = grounds.joints[:, None, None, :]
    place = (grid / period.clamp(min=1e-3)) % 1.0
    joint = ((place < 0.05) & (period > 0)).any(dim=3).float().unsqueeze(1)
    return with_objects(grounds, (made - grounds.depth * joint).clamp(-1, 1))


def with_objects(grounds: Grounds, made: Tensor) -> Tensor:
    """Draw objects on grounds."""
    height, width = made.shape[-2:]
    for number in range(OBJECTS):
        x, y = augment.grid_of(grounds.objects[:, number], height, width).permute(3, 0, 1, 2).unsqueeze(2)
        across = torch.where(grounds.round[:, number, None, None, None], x.hypot(y), torch.maximum(x.abs(), y.abs()))
        share = ((1 - across) * EDGE).clamp(0, 1) * grounds.shown[:, number, None, None, None]
        light = grounds.slope[:, number, None, None, None] * x
        paint = (grounds.paint[:, number, :, None, None] + light).clamp_(-1, 1)
        made = torch.lerp(made, paint, share)
    return made
