"""The guided network: dresses persons without ever seeing what they wore before.

The warp network reads maps of the body (`guidance.warp_maps`) and the garment, both at half size, and gives appearance
flow. It is built of `lite`'s parts. The painter reads the photo without the region, the maps and the warped garment,
and gives the layout, the rendered person and the composition mask.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fitroom.nets.guidance import PAINT_CHANNELS, WARP_CHANNELS
from fitroom.nets.interface import Features
from fitroom.nets.lite import Encoder, LiteConfig, Residual, Warp, convolution, upsampled


class Layout(IntEnum):
    """What a pixel of a look shows."""

    BACKGROUND = 0
    GARMENT = 1
    SKIN = 2
    LOWER_CLOTHES = 3
    HAIR = 4


@dataclass(frozen=True)
class WarpConfig:
    """Widths of the warp network, in channels; levels are those of pictures at half size."""

    stem: int = 16  # at 1/2
    encoder: tuple[int, int, int, int] = (24, 48, 96, 96)  # at 1/4, 1/8, 1/16, 1/32
    pyramid: int = 48  # what correlation and flow heads read, at every level
    passes: tuple[int, int, int, int] = (1, 2, 2, 2)  # how often the flow is refined at 1/32, 1/16, 1/8, 1/4
    heads: tuple[int, ...] = (64, 64, 64, 48, 56, 24, 48)  # flow heads, one for every pass, coarsest first


class GuidedWarp(nn.Module):
    """Appearance flow from maps of a body and a garment, all at half of the photo's size."""

    name = "guided_warp"

    def __init__(self, config: WarpConfig | None = None) -> None:
        super().__init__()
        config = config or WarpConfig()
        self.config = config
        parts = LiteConfig(config.stem, config.encoder, config.pyramid, config.passes, config.heads)
        self.person_encoder = Encoder(WARP_CHANNELS, parts)
        self.garment_encoder = Encoder(4, parts)
        self.warp = Warp(parts)

    def person_features(self, maps: Tensor) -> Features:
        """Encode bodies: maps (N, WARP_CHANNELS, H, W)."""
        return self.person_encoder(maps)  # type: ignore[no-any-return]

    def garment_features(self, garment: Tensor, garment_mask: Tensor) -> Features:
        """Encode garments (N, 3, H, W) in [-1, 1] with their masks (N, 1, H, W) in [0, 1]."""
        return self.garment_encoder(torch.cat([garment * garment_mask, garment_mask], dim=1))  # type: ignore[no-any-return]

    def flows(self, person_features: Features, garment_features: Features) -> tuple[Tensor, ...]:
        """Return flows (N, 2, h, w) in [-1, 1] of all passes, coarse to fine; the last one is (N, 2, H, W)."""
        return self.warp(person_features, garment_features)  # type: ignore[no-any-return]

    def forward(self, maps: Tensor, garment: Tensor, garment_mask: Tensor) -> tuple[Tensor, ...]:
        """Encode both sides; see `flows`."""
        return self.flows(self.person_features(maps), self.garment_features(garment, garment_mask))


@dataclass(frozen=True)
class PaintConfig:
    """Widths of the painter, in channels, at 1/2, 1/4, 1/8, and at 1/16 and 1/32."""

    widths: tuple[int, int, int, int] = (24, 48, 80, 104)


class Painted(NamedTuple):
    """Outputs of the painter for a batch."""

    rendered: Tensor  # (N, 3, H, W) rendered person in [-1, 1]
    composition: Tensor  # (N, 1, H, W) share of the warped garment against the rendered person
    layout: Tensor  # (N, 5, H, W) of `Layout`, before softmax


class Painter(nn.Module):
    """A U-Net at half of the photo's size, four pixels of the photo in one of its own."""

    name = "guided"

    def __init__(self, config: PaintConfig | None = None) -> None:
        super().__init__()
        config = config or PaintConfig()
        self.config = config
        half, quarter, eighth, coarse = config.widths
        self.enter = nn.Sequential(
            nn.Conv2d((PAINT_CHANNELS + 4) * 4, half, 1, bias=False), nn.BatchNorm2d(half), nn.ReLU(inplace=True)
        )
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

    def forward(self, maps: Tensor, warped: Tensor, warped_mask: Tensor) -> Painted:
        """Paint from maps (N, PAINT_CHANNELS, H, W), warped garment (N, 3, H, W) and its soft mask (N, 1, H, W)."""
        shown = torch.cat([maps, warped * warped_mask, warped_mask], dim=1)
        found = [self.enter(F.pixel_unshuffle(shown, 2))]
        for down in self.down:
            found.append(down(found[-1]))
        x = found.pop()
        for up in self.up:
            x = up(torch.cat([upsampled(x), found.pop()], dim=1))
        out = F.pixel_shuffle(self.leave(self.last(x)), 2)
        layout = out[:, 4:]
        composition = torch.sigmoid(out[:, 3:4]) * layout.softmax(dim=1)[:, Layout.GARMENT, None]
        return Painted(torch.tanh(out[:, :3]), composition, layout)
