"""The warp network of the guided network: appearance flow from maps of the body and a garment, at half of the size.

It is built of `lite`'s parts. What it is shown of a person is `guidance.warp_maps`, which have not seen what was worn.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fitroom.nets.guidance import WARP_CHANNELS
from fitroom.nets.interface import Features
from fitroom.nets.lite import Encoder, LiteConfig, Warp

EMPTY = 1  # makes 148 channels of 147, see `LiteConfig.empty`


@dataclass(frozen=True)
class WarpConfig:
    """Widths of the warp network, in channels; levels are those of pictures at half size."""

    stem: int = 16  # at 1/2
    encoder: tuple[int, int, int, int] = (24, 48, 96, 96)  # at 1/4, 1/8, 1/16, 1/32
    pyramid: int = 48  # what correlation and flow heads read, at every level
    passes: tuple[int, int, int, int] = (1, 2, 2, 2)  # how often the flow is refined at 1/32, 1/16, 1/8, 1/4
    heads: tuple[int, ...] = (64, 64, 64, 48, 56, 24, 48)  # flow heads, one for every pass, coarsest first
    parser: str = ""  # sha256 of the tensors of the parser whose labels it was trained on


class GuidedWarp(nn.Module):
    """Appearance flow from maps of a body and a garment, all at half of the photo's size."""

    name = "guided_warp"

    def __init__(self, config: WarpConfig | None = None) -> None:
        super().__init__()
        config = config or WarpConfig()
        self.config = config
        parts = LiteConfig(config.stem, config.encoder, config.pyramid, config.passes, config.heads, empty=EMPTY)
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
