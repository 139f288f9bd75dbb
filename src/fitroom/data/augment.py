"""Changes to training pairs that keep them true: mirrored, moved, in other colours, on other backgrounds.

Everything works on batches of tensors, on the device that trains. What is drawn by chance is drawn beforehand, by
`draw`, from a CPU generator: the same generator gives the same changes on every device and for every split of a batch.
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
SHADES = 4  # brightnesses that a changed print has colours for; those between are mixed


@dataclass(frozen=True)
class AugmentConfig:
    """How far pairs are changed; 0 leaves out what it governs."""

    flip: float = 0.5  # share that is mirrored
    scale: float = 0.12  # of the person, at most, larger or smaller
    shift: float = 0.06  # of the picture's size, at most
    turn: float = 4.0  # degrees, at most
    garment_scale: float = 0.06  # of the product shot, at most
    garment_shift: float = 0.04  # of its size, at most
    colour: float = 0.4  # share whose garment changes its colours, in photo and product shot alike
    prints: float = 0.15  # share whose print changes: every brightness gets a colour of its own, on both alike
    light: float = 0.15  # brightness and contrast of the whole photo, at most
    background: float = 0.2  # share whose studio background has other colours
    elsewhere: float = 0.2  # share that stands before something else, see `grounds.py`, and ends where the crop ends


UNCHANGED = AugmentConfig(*[0.0] * len(fields(AugmentConfig)))


@dataclass(frozen=True)
class Changes:
    """What was drawn for a batch, one row a sample, on the CPU."""

    flip: Tensor  # (N,) bool
    person: Tensor  # (N, 2, 3) from target to source, in [-1, 1]
    garment: Tensor  # (N, 2, 3) the same for the product shot
    colour: Tensor  # (N, 3, 4 + SHADES) see `recolour`
    recoloured: Tensor  # (N,) bool, where it is applied
    light: Tensor  # (N, 2) contrast and brightness
    background: (
        Tensor  # (N, 3, 2, 2) colours of four corners that the background is multiplied with; ones where it stays
    )
    elsewhere: Tensor  # (N,) bool, who stands before something else

    def rows(self, rows: slice, device: torch.device) -> "Changes":
        """Some rows of it, on a device."""
        return Changes(*(getattr(self, name)[rows].to(device) for name in self.__dataclass_fields__))


def uniform(generator: torch.Generator, limit: float, *shape: int) -> Tensor:
    """Uniform numbers from -limit to limit."""
    return (torch.rand(*shape, generator=generator) * 2 - 1) * limit


def affine(scale: Tensor, turn: Tensor, shift: Tensor, aspect: float) -> Tensor:
    """Matrices (N, 2, 3) in [-1, 1] from target to source: factor (N,), angle in degrees (N,), shift (N, 2).

    `aspect` is width by height, so that turns stay turns.
    """
    angle = torch.deg2rad(turn)
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    rows = [torch.stack([cos, -sin / aspect, shift[:, 0]], 1), torch.stack([sin * aspect, cos, shift[:, 1]], 1)]
    return torch.stack(rows, 1)


def draw(config: AugmentConfig, count: int, generator: torch.Generator, aspect: float = 0.75) -> Changes:
    """Draw changes for `count` samples of pictures of width by height `aspect`."""
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
    """Maps (count, 3, 4 + SHADES) for `recolour` that exchange, scale, mix and shift the channels."""
    order = torch.rand(count, 3, generator=generator).argsort(1)
    mixed = torch.eye(3)[order] * (1 + uniform(generator, 0.3, count, 1, 1)) + uniform(generator, 0.15, count, 3, 3)
    return torch.cat([mixed, uniform(generator, 0.5, count, 3, 1), torch.zeros(count, 3, SHADES)], dim=2)


def drawn_prints(count: int, generator: torch.Generator) -> Tensor:
    """Maps (count, 3, 4 + SHADES) for `recolour` that give every brightness another colour, and keep some texture."""
    kept = torch.eye(3).expand(count, 3, 3) * 0.3
    shades = uniform(generator, 0.3, count, 3, 1) + uniform(generator, 0.6, count, 3, SHADES)
    return torch.cat([kept, torch.zeros(count, 3, 1), shades], dim=2)


def mirrored(matrices: Tensor, flip: Tensor) -> Tensor:
    """Matrices (N, 2, 3) from target to source that mirror some pictures before they move them."""
    sign = torch.stack([1 - 2 * flip.float(), torch.ones_like(flip, dtype=torch.float32)], dim=1)
    return matrices * sign.unsqueeze(2)


def swap_sides(label: Tensor, flip: Tensor, mirrored_values: tuple[int, ...] = MIRRORED_LABELS) -> Tensor:
    """Labels (N, H, W) of pictures some of which are going to be mirrored: left parts become right ones."""
    swapped = torch.tensor(mirrored_values, device=label.device, dtype=label.dtype)[label.long()]
    return torch.where(flip.view(-1, 1, 1), swapped, label)


def swap_channels(maps: Tensor, flip: Tensor, channels: tuple[int, ...]) -> Tensor:
    """Maps (N, C, H, W) of pictures some of which are going to be mirrored: left parts become right ones."""
    return torch.where(flip.view(-1, 1, 1, 1), maps[:, list(channels)], maps)


def mirror_points(points: Tensor, flip: Tensor, width: int) -> Tensor:
    """Mirror some key points (N, 18, 3); left joints become right ones."""
    swapped = points[:, list(MIRRORED_POINTS)].clone()
    swapped[..., 0] = width - 1 - swapped[..., 0]
    return torch.where(flip.view(-1, 1, 1), swapped, points)


def grid_of(matrices: Tensor, height: int, width: int) -> Tensor:
    """Where every pixel comes from (N, H, W, 2), x then y in [-1, 1], by matrices (N, 2, 3) from target to source."""
    x = (torch.arange(width, device=matrices.device) * 2 + 1) / width - 1
    y = (torch.arange(height, device=matrices.device) * 2 + 1) / height - 1
    across, down, shift = (matrices[:, None, None, :, column] for column in range(3))
    return across * x.view(1, 1, -1, 1) + (down * y.view(1, -1, 1, 1) + shift)


def move(picture: Tensor, grid: Tensor, mode: str = "bilinear", padding: str = "border") -> Tensor:
    """Resample (N, C, H, W) at a grid, see `grid_of`."""
    return F.grid_sample(picture, grid, mode=mode, padding_mode=padding, align_corners=False)


def move_points(points: Tensor, matrices: Tensor, height: int, width: int) -> Tensor:
    """Carry key points (N, 18, 3) along when pictures are resampled through matrices from target to source."""
    size = points.new_tensor([width, height])
    unit = (points[..., :2] * 2 + 1) / size - 1
    inverse = torch.linalg.inv(matrices[:, :, :2])
    moved = torch.einsum("nij,nkj->nki", inverse, unit - matrices[:, None, :, 2])
    return torch.cat([((moved + 1) * size - 1) / 2, points[..., 2:]], dim=-1)


def recolour(picture: Tensor, mask: Tensor, colour: Tensor) -> Tensor:
    """Map colours inside a mask by matrices (N, 3, 4 + SHADES) of red, green, blue, 1, and `shades`."""
    mapped = torch.baddbmm(colour[..., 3:4], colour[..., :3], picture.flatten(2)).view_as(picture)
    printed = colour[..., 4:].ne(0).any(2).any(1)
    by_shade = colour[printed, :, 4:] @ shades(picture[printed]).flatten(2)
    mapped[printed] += by_shade.view_as(mapped[printed])
    return torch.lerp(picture, mapped.clamp_(-1, 1), mask)


def shades(picture: Tensor) -> Tensor:
    """How near the brightness of every pixel is to each of SHADES values from -1 to 1, (N, SHADES, H, W); sums to 1."""
    place = (picture.mean(dim=1, keepdim=True) + 1) * ((SHADES - 1) / 2)
    values = torch.arange(SHADES, device=picture.device).view(1, -1, 1, 1)
    return (1 - (place - values).abs()).clamp(min=0)


def background_mask(picture: Tensor, label: Tensor, reach: int = 0) -> Tensor:
    """Where a light studio background shows, soft: the label's background that has the colour of the upper corners.

    The neck, which labels call background, has another colour, and so stays. What has precisely that colour belongs to
    it as far as `reach` pixels from there, whatever its label: where a fake's garment is the narrower one.
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
    """A mask (N, 1, H, W) grown by so many pixels, in steps of two, but only where it stays `within` another."""
    free = -F.max_pool2d(-within, 2)
    spread = F.max_pool2d(mask, 2)
    for _ in range(reach // 2):
        spread = torch.maximum(spread, torch.minimum(F.max_pool2d(spread, 3, 1, 1), free))
    return torch.minimum(F.interpolate(spread, scale_factor=2.0, mode="nearest"), within)


def before(picture: Tensor, mask: Tensor, corners: Tensor) -> Tensor:
    """Multiply the background with colours (N, 3, 2, 2) that run from corner to corner; shadows on it stay."""
    tint = F.interpolate(corners, size=picture.shape[-2:], mode="bilinear", align_corners=False)
    return torch.lerp(picture, (picture + 1).mul_(tint).sub_(1), mask)


def relight(picture: Tensor, light: Tensor) -> Tensor:
    """Contrast and brightness (N, 2) of whole pictures."""
    contrast, brightness = light[:, 0, None, None, None], light[:, 1, None, None, None]
    return torch.addcmul(brightness, picture, contrast).clamp_(-1, 1)
