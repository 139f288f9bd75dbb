"""Photos as people take them, made of studio crops: smaller and larger persons, elsewhere, before something else.

Batches of tensors as in `augment.py`, and drawn beforehand as there: the same generator gives the same scenes on every
device. Pictures are (N, 3, H, W) in [-1, 1], labels (N, H, W), key points (N, 18, 3).
"""

from dataclasses import dataclass, field, fields
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from fitroom.data import augment
from fitroom.data.augment import uniform
from fitroom.data.grounds import GroundConfig, Grounds, compose_grounds, draw_grounds


@dataclass(frozen=True)
class SceneConfig:
    """How far scenes are from studio crops; 0 leaves out what it governs."""

    flip: float = 0.5  # share that is mirrored
    smaller: float = 0.65  # of the crop's size that is lost at most
    larger: float = 0.25  # that is gained at most
    aside: float = 0.6  # of the way to the picture's edge, at most
    grounded: float = 0.6  # share of the smaller ones whose crop ends at the picture's lower edge
    turn: float = 8.0  # degrees, at most
    background: float = 0.75  # share that stands before another background
    grounds: GroundConfig = field(default_factory=GroundConfig)
    garments: float = 0.25  # share of those backgrounds that hold a product shot, larger
    street: float = 0.67  # share of those backgrounds that are photos of streets, where there are some
    near: float = 0.0  # share that keeps its size, to a tenth
    light: float = 0.3  # brightness and contrast of the whole picture, at most
    tint: float = 0.2  # of each of its colours, at most
    blur: float = 0.3  # share that is unsharp


# nothing is drawn: pictures as they are
UNDRAWN: dict[str, Any] = {one.name: 0.0 for one in fields(SceneConfig) if one.name != "grounds"}
STUDIO = SceneConfig(**UNDRAWN)


@dataclass(frozen=True)
class Scenes:
    """What was drawn for a batch, one row a sample, on the CPU."""

    flip: Tensor  # (N,) bool
    person: Tensor  # (N, 2, 3) from target to source
    behind: Tensor  # (N,) bool, where the background is another
    grounds: Grounds
    garment: Tensor  # (N,) which sample's product shot is behind the person, by rows of the batch; -1: none's
    place: Tensor  # (N, 2, 3) from target to source, of that
    light: Tensor  # (N, 2) contrast and brightness
    tint: Tensor  # (N, 3, 1, 1) factors
    blur: Tensor  # (N,) bool
    street: Tensor  # (N,) which photo of a street is behind the person, as a share of their number; -1: none

    def rows(self, rows: slice, device: torch.device) -> "Scenes":
        """Some rows of it, on a device."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        moved = {k: v[rows].to(device) for k, v in values.items() if isinstance(v, Tensor)}
        return Scenes(**moved, grounds=self.grounds.rows(rows, device))


def draw_scenes(config: SceneConfig, count: int, generator: torch.Generator, aspect: float = 0.75) -> Scenes:
    """Draw scenes for `count` samples of pictures of width by height `aspect`."""

    def chance(share: float) -> Tensor:
        return torch.rand(count, generator=generator) < share

    size = 1 + torch.rand(count, generator=generator) * (config.larger + config.smaller) - config.smaller
    if config.near:
        usual = 1 + uniform(generator, 0.1, count)
        size = torch.where(chance(config.near), usual, size)
    free = (1 - size).abs() + 0.1
    centre = uniform(generator, config.aside, count, 2) * free.unsqueeze(1)
    # bodies end where their crop ends: mostly that is where the picture ends
    centre[:, 1] = torch.where(chance(config.grounded) & (size < 1), 1 - size, centre[:, 1])
    turn = uniform(generator, config.turn, count)
    still = torch.zeros(count)
    return Scenes(
        flip=chance(config.flip),
        person=augment.affine(1 / size, turn, -centre / size.unsqueeze(1), aspect),
        behind=chance(config.background),
        grounds=draw_grounds(config.grounds, count, generator, aspect),
        garment=torch.where(chance(config.garments), torch.randint(count, (count,), generator=generator), -1),
        place=augment.affine(
            0.2 + 0.4 * torch.rand(count, generator=generator), still, uniform(generator, 0.6, count, 2), aspect
        ),
        light=torch.stack([1 + uniform(generator, config.light, count), uniform(generator, config.light, count)], 1),
        tint=1 + uniform(generator, config.tint, count, 3, 1, 1),
        blur=chance(config.blur),
        street=torch.where(chance(config.street), torch.rand(count, generator=generator), -1.0),
    )


def compose_scenes(
    scenes: Scenes, photo: Tensor, label: Tensor, points: Tensor, garment: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Photos, labels and key points of scenes; of points outside the picture the confidence is 0.

    `garment` are product shots that backgrounds may hold, a row for each of the batch the scenes were drawn for.
    """
    height, width = photo.shape[-2:]
    grid = scene_grid(scenes, height, width)
    made, _ = scene_photos(scenes, grid, photo, 1 - augment.background_mask(photo, label), garment)
    return made, scene_labels(scenes, grid, label), scene_points(scenes, points, height, width)


def scene_grid(scenes: Scenes, height: int, width: int) -> Tensor:
    """Where every pixel of a scene comes from in the studio's photo, (N, H, W, 2) in [-1, 1]."""
    return augment.grid_of(augment.mirrored(scenes.person, scenes.flip), height, width)


def scene_photos(
    scenes: Scenes, grid: Tensor, photo: Tensor, person: Tensor, garment: Tensor, street: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Photos of scenes, and what of them the studio's photos show (N, 1, H, W) in [0, 1].

    `person` (N, 1, H, W) is where the studio's photos show no background; `street` are photos without people, uint8
    (n, 3, H, W), that may stand behind persons.
    """
    height, width = photo.shape[-2:]
    inside = augment.move(torch.ones_like(person), grid, padding="zeros")
    # before a background of their own only what is outside the crop is new
    shown = torch.where(scenes.behind.view(-1, 1, 1, 1), augment.move(person, grid, padding="zeros"), inside)
    behind = backgrounds(scenes, garment, street)
    made = augment.move(photo, grid) * shown + behind * (1 - shown)
    made = augment.relight(((made + 1) * scenes.tint - 1).clamp(-1, 1), scenes.light)
    soft = F.interpolate(F.avg_pool2d(made, 2), size=(height, width), mode="bilinear", align_corners=False)
    return torch.where(scenes.blur.view(-1, 1, 1, 1), soft, made), shown


def scene_labels(
    scenes: Scenes, grid: Tensor, label: Tensor, mirrored_values: tuple[int, ...] = augment.MIRRORED_LABELS
) -> Tensor:
    """Labels (N, H, W) of scenes, uint8; 0 outside the studio's photos."""
    label = augment.swap_sides(label, scenes.flip, mirrored_values).unsqueeze(1).float()
    return augment.move(label, grid, mode="nearest", padding="zeros").squeeze(1).to(torch.uint8)


def scene_points(scenes: Scenes, points: Tensor, height: int, width: int) -> Tensor:
    """Key points (N, 18, 3) of scenes; the confidence is 0 outside the picture."""
    points = augment.move_points(augment.mirror_points(points, scenes.flip, width), scenes.person, height, width)
    x, y = points[..., 0], points[..., 1]
    visible = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    return torch.cat([points[..., :2], points[..., 2:] * visible.unsqueeze(-1)], dim=2)


def backgrounds(scenes: Scenes, garment: Tensor, street: Tensor | None = None) -> Tensor:
    """What stands behind persons, (N, 3, H, W): a street, or a ground, and before it perhaps a product shot."""
    height, width = garment.shape[-2:]
    behind = compose_grounds(scenes.grounds, height, width, garment)
    if street is not None:
        rows = (scenes.street.clamp(min=0) * len(street)).long()
        photos = street[rows].float() / 127.5 - 1
        behind = torch.where((scenes.street >= 0).view(-1, 1, 1, 1), photos, behind)
    held = scenes.garment >= 0
    place = augment.grid_of(scenes.place, height, width)
    cloth = augment.move(garment[scenes.garment.clamp(min=0)], place)
    return torch.where(held.view(-1, 1, 1, 1), cloth, behind)
