"""The painter of the guided network: from the erased photo and the warped garment to the look.

It works at half of the photo's size, and gives four pixels of the look for each of its own. What it reads of the person
goes through a convolution of its own, so that a person who is dressed again costs nothing there.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fitroom.nets.guidance import BODY_CHANNELS, PAINT_CHANNELS, Group, grow, of, scaled, skin
from fitroom.nets.lite import Residual, convolution, upsampled

CLEAR = 3  # 256ths of the height around the old garment where the photo's own pixels do not return
SEEN = 0.5  # the parser's probability of a class from which a pixel has it
AGREED, SURELY = 0.5, 0.7  # the probability that no garment lies there, at which they begin to return, and do
REACH = 2  # pixels by which outlines of layout and parser may differ


class Layout(IntEnum):
    """What a pixel of a look shows."""

    BACKGROUND = 0
    GARMENT = 1
    SKIN = 2
    LOWER_CLOTHES = 3
    HAIR = 4


@dataclass(frozen=True)
class PaintConfig:
    """Widths of the painter, in channels, at 1/2, 1/4, 1/8, and at 1/16 and 1/32."""

    widths: tuple[int, int, int, int] = (24, 48, 80, 104)
    photo: int = 16  # of the erased photo, at 1/2


class Painted(NamedTuple):
    """Outputs of the painter for a batch."""

    rendered: Tensor  # (N, 3, H, W) rendered person in [-1, 1]
    composition: Tensor  # (N, 1, H, W) share of the warped garment against the rendered person
    layout: Tensor  # (N, 5, H, W) of `Layout`, before softmax


class Painter(nn.Module):
    """A U-Net from maps of the person, the warped garment and its mask to `Painted`."""

    name = "painter"

    def __init__(self, config: PaintConfig | None = None) -> None:
        super().__init__()
        config = config or PaintConfig()
        self.config = config
        half, quarter, eighth, coarse = config.widths
        self.enter_photo = convolution(PAINT_CHANNELS, config.photo, stride=2)
        self.enter_person = nn.Conv2d(config.photo + BODY_CHANNELS, half, 3, 1, 1)
        self.enter_garment = nn.Conv2d(4, half, 3, 2, 1, bias=False)
        self.down = nn.ModuleList(
            nn.Sequential(convolution(before, width, stride=2), Residual(width))
            for before, width in ((half, quarter), (quarter, eighth), (eighth, coarse), (coarse, coarse))
        )
        self.up = nn.ModuleList(
            convolution(below + beside, width)
            for below, beside, width in (
                (coarse, coarse, coarse),
                (coarse, eighth, eighth),
                (eighth, quarter, quarter),
                (quarter, half, half),
            )
        )
        self.last = convolution(half, half)
        self.leave = nn.Conv2d(half, 4 * (4 + len(Layout)), 3, 1, 1)

    def person_features(self, maps: Tensor, drawn: Tensor) -> Tensor:
        """Encode persons: `guidance.paint_maps` (N, PAINT_CHANNELS, H, W) and `guidance.body_maps` of half the size.

        Returns (N, C, H/2, W/2).
        """
        return self.enter_person(torch.cat([self.enter_photo(maps), drawn], dim=1))  # type: ignore[no-any-return]

    def forward(self, person: Tensor, warped: Tensor, warped_mask: Tensor) -> Painted:
        """Paint from `person_features`, the warped garment (N, 3, H, W) in [-1, 1] and its soft mask (N, 1, H, W)."""
        found = [F.relu(person + self.enter_garment(torch.cat([warped, warped_mask], dim=1)))]
        for down in self.down:
            found.append(down(found[-1]))
        x = found.pop()
        for up in self.up:
            x = up(torch.cat([upsampled(x), found.pop()], dim=1))
        out = F.pixel_shuffle(self.leave(self.last(x)), 2)
        layout = out[:, 4:]
        composition = torch.sigmoid(out[:, 3:4]) * softmax(layout)[:, Layout.GARMENT, None]
        return Painted(torch.tanh(out[:, :3]), composition, layout)


def softmax(logits: Tensor) -> Tensor:
    """Softmax over channels (N, C, H, W), written out: in browsers its own operation runs on the CPU alone."""
    powers = torch.exp(logits - logits.amax(dim=1, keepdim=True))
    return powers / powers.sum(dim=1, keepdim=True)


def softened(region: Tensor) -> Tensor:
    """Make a region (N, 1, H, W) soft over two pixels outside its outline; inside nothing of the photo is left."""
    return F.avg_pool2d(F.pad(grow(region, 1), (1, 1, 1, 1), mode="replicate"), 3, 1)


def own_classes(shares: Tensor, old: Tensor) -> Tensor:
    """Find where the photo's own pixels may return, (N, 1, H, W).

    2 where the parser sees skin or hair, 1 where it sees background or lower clothes, else 0.
    `shares` are probabilities of `guidance.Group`; `old` (N, 1, H, W) is the old garment, around which none may.
    Parsers confuse background and lower clothes in VITON's photos, and either stays where no garment lies.
    """
    body = skin(shares) + of(shares, Group.HAIR)
    around = 1 - body - of(shares, Group.TOP) - of(shares, Group.OTHER)
    found = 2 * (body > SEEN).float() + (around > SEEN).float()
    return found * (1 - grow(old, scaled(CLEAR, shares.shape[-2])))


def kept_own(layout: Tensor, own: Tensor) -> Tensor:
    """Return the share (N, 1, H, W) in which the photo's own pixels return, with a soft edge.

    `layout` (N, len(Layout), H, W) is before softmax, `own` comes from `own_classes`. Skin and hair return wherever no
    garment lies. Background and lower clothes return where the layout has either at most REACH pixels away; elsewhere
    the parser may have missed a part of the old garment.
    """
    probability = softmax(layout)
    bare = 1 - probability[:, Layout.GARMENT, None]
    around = grow(probability[:, [Layout.BACKGROUND, Layout.LOWER_CLOTHES]].sum(dim=1, keepdim=True), REACH)
    agreed = torch.where(own > 1.5, bare, torch.minimum(bare, around) * own)
    kept = ((agreed - AGREED) / (SURELY - AGREED)).clamp(0, 1)
    return F.avg_pool2d(F.pad(kept, (1, 1, 1, 1), mode="replicate"), 3, 1)


def carried_on(garment: Tensor, mask: Tensor, steps: int = 3) -> Tensor:
    """Continue the colours of garments (N, 3, H, W) beyond the outline of their masks (N, 1, H, W), 2 pixels a step.

    This keeps the background of the product shot out of looks. The outermost pixels of the garment are mixed with the
    background, so they are replaced too. The work is done at half of the size, since continued colours have no detail.
    """
    known = 1 - grow((mask < 0.5).float(), 1)
    # colours weighted by the known share of each pixel, and that share
    found = F.avg_pool2d(torch.cat([garment * known, known], dim=1), 2)
    for _ in range(steps):
        around = F.avg_pool2d(found, 3, 1, 1)
        found = torch.where(found[:, 3:] > 0, found, around / around[:, 3:].clamp(min=1e-4))
    colour = found[:, :3] / found[:, 3:].clamp(min=1e-4)
    colour, reached = (F.interpolate(x, scale_factor=2.0, mode="nearest") for x in (colour, (found[:, 3:] > 0).float()))
    return torch.where(known > 0, garment, torch.where(reached > 0, colour, garment))
