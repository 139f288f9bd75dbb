"""Turn studio crops into photos as people take them: persons of other sizes, in other places, on other backgrounds.

As in `augment.py`, functions work on batches of tensors, and random parameters are drawn beforehand on the CPU. The
same generator gives the same scenes on every device. Pictures are (N, 3, H, W) in [-1, 1], labels (N, H, W), key points
(N, 18, 3).
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
    """How much scenes differ from studio crops. 0 switches a change off."""

    flip: float = 0.5  # share that is mirrored
    smaller: float = 0.65  # largest relative reduction of the crop's size
    larger: float = 0.25  # largest relative enlargement
    aside: float = 0.6  # largest shift, as a share of the way to the picture's edge
    grounded: float = 0.6  # share of the reduced crops that end at the picture's lower edge
    turn: float = 8.0  # largest rotation, in degrees
    background: float = 0.75  # share with a new background
    grounds: GroundConfig = field(default_factory=GroundConfig)
    garments: float = 0.25  # share of the new backgrounds that show an enlarged product shot
    street: float = 0.67  # share of the other new backgrounds that are street photos, if there are any
    near: float = 0.0  # share that keeps its size to within a tenth
    light: float = 0.3  # largest change of brightness and contrast of the whole picture
    tint: float = 0.2  # largest relative change of each colour channel
    blur: float = 0.3  # share that is blurred


# settings that leave pictures unchanged
UNDRAWN: dict[str, Any] = {one.name: 0.0 for one in fields(SceneConfig) if one.name != "grounds"}
STUDIO = SceneConfig(**UNDRAWN)


@dataclass(frozen=True)
class Scenes:
    """Random parameters of a batch, one row per sample, on the CPU."""

    flip: Tensor  # (N,) bool
    person: Tensor  # (N, 2, 3) matrices from target to source
    behind: Tensor  # (N,) bool, samples with a new background
    grounds: Grounds
    garment: Tensor  # (N,) batch row of the product shot behind the person; -1: none
    place: Tensor  # (N, 2, 3) matrices of that product shot, from target to source
    light: Tensor  # (N, 2) contrast and brightness
    tint: Tensor  # (N, 3, 1, 1) factors
    blur: Tensor  # (N,) bool
    street: Tensor  # (N,) street photo behind the person, as a fraction of their number; -1: none

    def rows(self, rows: slice, device: torch.device) -> "Scenes":
        """Return some rows, moved to a device."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        moved = {k: v[rows].to(device) for k, v in values.items() if isinstance(v, Tensor)}
        return Scenes(**moved, grounds=self.grounds.rows(rows, device))


def draw_scenes(config: SceneConfig, count: int, generator: torch.Generator, aspect: float = 0.75) -> Scenes:
    """Draw random scenes for `count` samples. `aspect` is the pictures' width divided by their height."""

    def chance(share: float) -> Tensor:
        return torch.rand(count, generator=generator) < share

    size = 1 + torch.rand(count, generator=generator) * (config.larger + config.smaller) - config.smaller
    if config.near:
        usual = 1 + uniform(generator, 0.1, count)
        size = torch.where(chance(config.near), usual, size)
    free = (1 - size).abs() + 0.1
    centre = uniform(generator, config.aside, count, 2) * free.unsqueeze(1)
    # a body ends where its crop ends; in most photos that is the picture's lower edge
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
    """Render scenes. Returns photos, labels and key points; points outside the picture have confidence 0.

    `garment` holds the product shots of the whole batch that the scenes were drawn for. Backgrounds may show them.
    """
    height, width = photo.shape[-2:]
    grid = scene_grid(scenes, height, width)
    made, _ = scene_photos(scenes, grid, photo, 1 - augment.background_mask(photo, label), garment)
    return made, scene_labels(scenes, grid, label), scene_points(scenes, points, height, width)


def scene_grid(scenes: Scenes, height: int, width: int) -> Tensor:
    """Return the place in the studio photo that each pixel of a scene shows, (N, H, W, 2) in [-1, 1]."""
    return augment.grid_of(augment.mirrored(scenes.person, scenes.flip), height, width)


def scene_photos(
    scenes: Scenes, grid: Tensor, photo: Tensor, person: Tensor, garment: Tensor, street: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Render scenes. Returns photos, and masks (N, 1, H, W), in [0, 1], of what comes from the studio photos.

    `person` (N, 1, H, W) masks the foreground of the studio photos. `street` holds photos without people, uint8
    (n, 3, H, W), used as backgrounds.
    """
    height, width = photo.shape[-2:]
    inside = augment.move(torch.ones_like(person), grid, padding="zeros")
    # photos that keep their own background are only filled in outside the crop
    shown = torch.where(scenes.behind.view(-1, 1, 1, 1), augment.move(person, grid, padding="zeros"), inside)
    behind = backgrounds(scenes, garment, street)
    made = augment.move(photo, grid) * shown + behind * (1 - shown)
    made = augment.relight(((made + 1) * scenes.tint - 1).clamp(-1, 1), scenes.light)
    soft = F.interpolate(F.avg_pool2d(made, 2), size=(height, width), mode="bilinear", align_corners=False)
    return torch.where(scenes.blur.view(-1, 1, 1, 1), soft, made), shown


def scene_labels(
    scenes: Scenes, grid: Tensor, label: Tensor, mirrored_values: tuple[int, ...] = augment.MIRRORED_LABELS
) -> Tensor:
    """Return the labels of scenes, uint8 (N, H, W); 0 outside the studio photos."""
    label = augment.swap_sides(label, scenes.flip, mirrored_values).unsqueeze(1).float()
    return augment.move(label, grid, mode="nearest", padding="zeros").squeeze(1).to(torch.uint8)


def scene_points(scenes: Scenes, points: Tensor, height: int, width: int) -> Tensor:
    """Return the key points (N, 18, 3) of scenes. Points outside the picture have confidence 0."""
    points = augment.move_points(augment.mirror_points(points, scenes.flip, width), scenes.person, height, width)
    x, y = points[..., 0], points[..., 1]
    visible = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    return torch.cat([points[..., :2], points[..., 2:] * visible.unsqueeze(-1)], dim=2)


def backgrounds(scenes: Scenes, garment: Tensor, street: Tensor | None = None) -> Tensor:
    """Render backgrounds (N, 3, H, W): an enlarged product shot, a street photo, or a ground."""
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
