"""What people's photos have behind and under things: walls, floors, fabrics, and objects that stand or lie about.

Batches of tensors as in `augment.py`, and drawn beforehand as there. Pictures are (N, 3, H, W) in [-1, 1].
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from fitroom.data import augment
from fitroom.data.augment import uniform

# cells of the noise that grounds are made of, rows and columns: patches, folds, boards, grain
CELLS = ((2, 2), (7, 5), (3, 24), (48, 6), (96, 72))
OBJECTS = 4  # at most
EDGE = 30.0  # how sharp an object's outline is, in units of its size


@dataclass(frozen=True)
class GroundConfig:
    """What grounds are like; 0 leaves out what it governs."""

    colourful: float = 0.3  # share that is of any colour; the others are grey and brown
    fabric: float = 0.2  # share that has the pattern of a garment, larger
    joints: float = 0.3  # share of boards or tiles
    objects: float = 0.4  # share that holds plain objects


@dataclass(frozen=True)
class Grounds:
    """What was drawn for a batch, one row a sample, on the CPU."""

    base: Tensor  # (N, 3, 1, 1) colour
    noise: tuple[Tensor, ...]  # (N, 3, h, w) each, of CELLS, by how much it counts
    place: Tensor  # (N, 2, 3) from target to source, of all that is flat
    joints: Tensor  # (N, 2) period along and across, in units of the picture; 0: none
    depth: Tensor  # (N, 1, 1, 1) how dark joints are
    fabric: Tensor  # (N,) which sample's garment gives the pattern, by rows of the batch; -1: none's
    pattern: Tensor  # (N, 2, 3) from target to source, of that
    objects: Tensor  # (N, OBJECTS, 2, 3) from target to source, each from -1 to 1
    round: Tensor  # (N, OBJECTS) bool, which of them are
    paint: Tensor  # (N, OBJECTS, 3) colour
    slope: Tensor  # (N, OBJECTS) of light across it
    shown: Tensor  # (N, OBJECTS) bool

    def rows(self, rows: slice, device: torch.device) -> "Grounds":
        """Some rows of it, on a device."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        moved = {name: value[rows].to(device) for name, value in values.items() if isinstance(value, Tensor)}
        return Grounds(**moved, noise=tuple(level[rows].to(device) for level in self.noise))


def draw_grounds(config: GroundConfig, count: int, generator: torch.Generator, aspect: float = 0.75) -> Grounds:
    """Draw grounds for `count` pictures of width by height `aspect`."""

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
        # of the chest, where a garment's print is
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
    """Pictures of grounds. `garment` are product shots, a row for each of the batch the grounds were drawn for; without
    them none has a garment's pattern.
    """
    flat = grounds.base + torch.stack(
        [F.interpolate(level, size=(height, width), mode="bilinear", align_corners=False) for level in grounds.noise]
    ).sum(dim=0)
    grid = augment.grid_of(grounds.place, height, width)
    # where the grid leaves the ground, the ground goes on mirrored
    made = augment.move(flat, grid, padding="reflection")
    if garment is not None:
        woven = augment.move(garment[grounds.fabric.clamp(min=0)], augment.grid_of(grounds.pattern, height, width))
        made = torch.where((grounds.fabric >= 0).view(-1, 1, 1, 1), woven, made)
    period = grounds.joints[:, None, None, :]
    place = (grid / period.clamp(min=1e-3)) % 1.0
    joint = ((place < 0.05) & (period > 0)).any(dim=3).float().unsqueeze(1)
    return with_objects(grounds, (made - grounds.depth * joint).clamp(-1, 1))


def with_objects(grounds: Grounds, made: Tensor) -> Tensor:
    """Grounds with what stands or lies before them."""
    height, width = made.shape[-2:]
    for number in range(OBJECTS):
        x, y = augment.grid_of(grounds.objects[:, number], height, width).permute(3, 0, 1, 2).unsqueeze(2)
        across = torch.where(grounds.round[:, number, None, None, None], x.hypot(y), torch.maximum(x.abs(), y.abs()))
        share = ((1 - across) * EDGE).clamp(0, 1) * grounds.shown[:, number, None, None, None]
        light = grounds.slope[:, number, None, None, None] * x
        paint = (grounds.paint[:, number, :, None, None] + light).clamp_(-1, 1)
        made = torch.lerp(made, paint, share)
    return made
