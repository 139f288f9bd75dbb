"""Augment training pairs consistently: mirror, move and recolour them, and change their background.

Functions work on batches of tensors, on the training device. `draw` draws all random parameters beforehand from a CPU
generator. The same generator therefore gives the same changes on every device and for every split of a batch.
Pictures are (N, 3, H, W) in [-1, 1], masks (N, 1, H, W) in [0, 1], labels (N, H, W), key points (N, 18, 3).
"""

from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor

from fitroom.body import OPPOSITE, Label

MIRRORED_LABELS = tuple(int(OPPOSITE.get(label, label)) for label in Label)
MIRRORED_DENSE = (0, 1, 2, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15, 18, 17, 20, 19, 22, 21, 24, 23)
MIRRORED_POINTS = (0, 1, 5, 6, 7, 2, 3, 4, 11, 12, 13, 8, 9, 10, 15, 14, 17, 16)
SHADES = 4  # brightness levels that get a colour of their own in a changed print; values between are interpolated


@dataclass(frozen=True)
class AugmentConfig:
    """How much pairs are changed. 0 switches a change off."""

    flip: float = 0.5  # share that is mirrored
    scale: float = 0.12  # largest relative change of the person's size
    shift: float = 0.06  # largest shift of the person, as a share of the picture's size
    turn: float = 4.0  # largest rotation of the person, in degrees
    garment_scale: float = 0.06  # largest relative change of the garment's size in the product shot
    garment_shift: float = 0.04  # largest shift of the garment, as a share of the product shot's size
    colour: float = 0.4  # share whose garment gets new colours, the same in photo and product shot
    prints: float = 0.15  # share whose print changes: each brightness gets its own colour, the same in both pictures
    light: float = 0.15  # largest change of brightness and contrast of the whole photo
    background: float = 0.2  # share whose studio background gets other colours
    elsewhere: float = 0.2  # share on a new background, which also fills the area outside the crop


UNCHANGED = AugmentConfig(*[0.0] * len(fields(AugmentConfig)))


@dataclass(frozen=True)
class Changes:
    """Random parameters of a batch, one row per sample, on the CPU."""

    flip: Tensor  # (N,) bool
    person: Tensor  # (N, 2, 3) matrices from target to source, in [-1, 1]
    garment: Tensor  # (N, 2, 3) matrices of the product shot, likewise
    colour: Tensor  # (N, 3, 4 + SHADES) see `recolour`
    recoloured: Tensor  # (N,) bool, samples that `colour` is applied to
    light: Tensor  # (N, 2) contrast and brightness
    background: Tensor  # (N, 3, 2, 2) factors of the background's colour at the four corners; 1: unchanged
    elsewhere: Tensor  # (N,) bool, samples on a new background

    def rows(self, rows: slice, device: torch.device) -> "Changes":
        """Return some rows, moved to a device."""
        return Changes(*(getattr(self, name)[rows].to(device) for name in self.__dataclass_fields__))


def uniform(generator: torch.Generator, limit: float, *shape: int) -> Tensor:
    """Draw uniform random numbers from -limit to limit."""
    return (torch.rand(*shape, generator=generator) * 2 - 1) * limit


def affine(scale: Tensor, turn: Tensor, shift: Tensor, aspect: float) -> Tensor:
    """Return matrices (N, 2, 3) that map target to source coordinates, both in [-1, 1].

    `scale` is (N,), `turn` (N,) in degrees, `shift` (N, 2). `aspect` is width divided by height; with it rotations have
    no shear.
    """
    angle = torch.deg2rad(turn)
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    rows = [torch.stack([cos, -sin / aspect, shift[:, 0]], 1), torch.stack([sin * aspect, cos, shift[:, 1]], 1)]
    return torch.stack(rows, 1)


def draw(config: AugmentConfig, count: int, generator: torch.Generator, aspect: float = 0.75) -> Changes:
    """Draw random changes for `count` samples. `aspect` is the pictures' width divided by their height."""
    zeros = torch.zeros(count)
    chance = torch.rand(count, generator=generator)
    printed = (chance >= config.colour) & (chance < config.colour + config.prints)
    colour = torch.where(printed.view(-1, 1, 1), drawn_prints(count, generator), drawn_colours(count, generator))
    other = (torch.rand(count, generator=generator) < config.background).view(-1, 1, 1, 1)
    base = 0.25 + 0.75 * torch.rand(count, 3, 1, 1, generator=generator)
    corners = (base + uniform(generator, 0.15, count, 3, 2, 2)).clamp(0.05, 1)
    return Changes(
        flip=torch.rand(count, generator=generator) < config.flip,
        person=affine(
            1 + uniform(generator, config.scale, count),
            uniform(generator, config.turn, count),
            uniform(generator, 2 * config.shift, count, 2),
            aspect,
        ),
        garment=affine(
            1 + uniform(generator, config.garment_scale, count),
            zeros,
            uniform(generator, 2 * config.garment_shift, count, 2),
            aspect,
        ),
        colour=colour,
        recoloured=chance < config.colour + config.prints,
        light=torch.stack([1 + uniform(generator, config.light, count), uniform(generator, config.light, count)], 1),
        background=torch.where(other, corners, torch.ones(())),
        elsewhere=torch.rand(count, generator=generator) < config.elsewhere,
    )


def drawn_colours(count: int, generator: torch.Generator) -> Tensor:
    """Draw matrices (count, 3, 4 + SHADES) for `recolour` that permute, scale, mix and shift the channels."""
    order = torch.rand(count, 3, generator=generator).argsort(1)
    mixed = torch.eye(3)[order] * (1 + uniform(generator, 0.3, count, 1, 1)) + uniform(generator, 0.15, count, 3, 3)
    return torch.cat([mixed, uniform(generator, 0.5, count, 3, 1), torch.zeros(count, 3, SHADES)], dim=2)


def drawn_prints(count: int, generator: torch.Generator) -> Tensor:
    """Draw matrices (count, 3, 4 + SHADES) for `recolour` that recolour each brightness but keep some texture."""
    kept = torch.eye(3).expand(count, 3, 3) * 0.3
    shades = uniform(generator, 0.3, count, 3, 1) + uniform(generator, 0.6, count, 3, SHADES)
    return torch.cat([kept, torch.zeros(count, 3, 1), shades], dim=2)


def mirrored(matrices: Tensor, flip: Tensor) -> Tensor:
    """Make matrices (N, 2, 3) from target to source also mirror the source pictures selected by `flip`."""
    sign = torch.stack([1 - 2 * flip.float(), torch.ones_like(flip, dtype=torch.float32)], dim=1)
    return matrices * sign.unsqueeze(2)


def swap_sides(label: Tensor, flip: Tensor, mirrored_values: tuple[int, ...] = MIRRORED_LABELS) -> Tensor:
    """Swap left and right values in the labels (N, H, W) of pictures selected by `flip`.

    `mirrored_values` gives the value that replaces each value. The pixels stay in place.
    """
    swapped = torch.tensor(mirrored_values, device=label.device, dtype=label.dtype)[label.long()]
    return torch.where(flip.view(-1, 1, 1), swapped, label)


def swap_channels(maps: Tensor, flip: Tensor, channels: tuple[int, ...]) -> Tensor:
    """Swap left and right channels in the maps (N, C, H, W) of pictures selected by `flip`.

    `channels` gives the channel that takes each channel's place. The pixels stay in place.
    """
    return torch.where(flip.view(-1, 1, 1, 1), maps[:, list(channels)], maps)


def mirror_points(points: Tensor, flip: Tensor, width: int) -> Tensor:
    """Mirror the key points (N, 18, 3) of pictures selected by `flip`. Swaps left and right joints."""
    swapped = points[:, list(MIRRORED_POINTS)].clone()
    swapped[..., 0] = width - 1 - swapped[..., 0]
    return torch.where(flip.view(-1, 1, 1), swapped, points)


def grid_of(matrices: Tensor, height: int, width: int) -> Tensor:
    """Return sampling grids (N, H, W, 2), x then y in [-1, 1], of matrices (N, 2, 3) from target to source."""
    x = (torch.arange(width, device=matrices.device) * 2 + 1) / width - 1
    y = (torch.arange(height, device=matrices.device) * 2 + 1) / height - 1
    across, down, shift = (matrices[:, None, None, :, column] for column in range(3))
    return across * x.view(1, 1, -1, 1) + (down * y.view(1, -1, 1, 1) + shift)


def move(picture: Tensor, grid: Tensor, mode: str = "bilinear", padding: str = "border") -> Tensor:
    """Resample pictures (N, C, H, W) at a grid, see `grid_of`."""
    return F.grid_sample(picture, grid, mode=mode, padding_mode=padding, align_corners=False)


def move_points(points: Tensor, matrices: Tensor, height: int, width: int) -> Tensor:
    """Move key points (N, 18, 3), in pixels, like pictures resampled with matrices from target to source."""
    size = points.new_tensor([width, height])
    unit = (points[..., :2] * 2 + 1) / size - 1
    inverse = torch.linalg.inv(matrices[:, :, :2])
    moved = torch.einsum("nij,nkj->nki", inverse, unit - matrices[:, None, :, 2])
    return torch.cat([((moved + 1) * size - 1) / 2, points[..., 2:]], dim=-1)


def recolour(picture: Tensor, mask: Tensor, colour: Tensor) -> Tensor:
    """Map colours inside a mask by matrices (N, 3, 4 + SHADES), applied to red, green, blue, 1 and `shades`."""
    mapped = torch.baddbmm(colour[..., 3:4], colour[..., :3], picture.flatten(2)).view_as(picture)
    printed = colour[..., 4:].ne(0).any(2).any(1)
    by_shade = colour[printed, :, 4:] @ shades(picture[printed]).flatten(2)
    mapped[printed] += by_shade.view_as(mapped[printed])
    return torch.lerp(picture, mapped.clamp_(-1, 1), mask)


def shades(picture: Tensor) -> Tensor:
    """Return the weights (N, SHADES, H, W) of SHADES brightness levels from -1 to 1 at each pixel.

    A pixel's brightness is interpolated linearly between the two nearest levels. The weights sum to 1.
    """
    place = (picture.mean(dim=1, keepdim=True) + 1) * ((SHADES - 1) / 2)
    values = torch.arange(SHADES, device=picture.device).view(1, -1, 1, 1)
    return (1 - (place - values).abs()).clamp(min=0)


def background_mask(picture: Tensor, label: Tensor, reach: int = 0) -> Tensor:
    """Return a soft mask (N, 1, H, W) of the studio background, empty for dark backgrounds.

    It holds pixels labelled as background that have the colour of the upper corners. The neck is also labelled as
    background, but differs in colour. With `reach`, pixels very close to that colour are added up to `reach` pixels
    away, whatever their label. Fakes need this where their garment is narrower than the one in the label.
    """
    corner = max(picture.shape[-1] // 16, 1)
    corners = torch.cat([picture[..., :corner, :corner], picture[..., :corner, -corner:]], dim=-1)
    colour = corners.mean(dim=(2, 3), keepdim=True)
    distance = (picture - colour).abs().amax(dim=1, keepdim=True)
    near = ((0.25 - distance) / 0.1).clamp(0, 1)
    outside = (label == Label.BACKGROUND).float().unsqueeze(1)
    light = (colour.mean(dim=1, keepdim=True) > 0.3).float()
    found = torch.minimum(near, outside)
    if reach:
        found = torch.maximum(found, grown(found, (distance < 0.12).float(), reach))
    return F.avg_pool2d(found, 3, 1, 1, count_include_pad=False) * light


def grown(mask: Tensor, within: Tensor, reach: int) -> Tensor:
    """Grow a mask (N, 1, H, W) by `reach` pixels, in steps of two, inside the mask `within`."""
    free = -F.max_pool2d(-within, 2)
    spread = F.max_pool2d(mask, 2)
    for _ in range(reach // 2):
        spread = torch.maximum(spread, torch.minimum(F.max_pool2d(spread, 3, 1, 1), free))
    return torch.minimum(F.interpolate(spread, scale_factor=2.0, mode="nearest"), within)


def before(picture: Tensor, mask: Tensor, corners: Tensor) -> Tensor:
    """Multiply the background by colours (N, 3, 2, 2), interpolated between the corners. Shadows on it are kept."""
    tint = F.interpolate(corners, size=picture.shape[-2:], mode="bilinear", align_corners=False)
    return torch.lerp(picture, (picture + 1).mul_(tint).sub_(1), mask)


def relight(picture: Tensor, light: Tensor) -> Tensor:
    """Apply contrast and brightness (N, 2) to whole pictures."""
    contrast, brightness = light[:, 0, None, None, None], light[:, 1, None, None, None]
    return torch.addcmul(brightness, picture, contrast).clamp_(-1, 1)
