"""Garment segmenter: find the pixels of the garment in a picture with any background."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fitroom.nets.lite import convolution
from fitroom.nets.trunk import Trunk, TrunkConfig


@dataclass(frozen=True)
class SegmenterConfig(TrunkConfig):
    """Widths of the segmenter, in channels."""

    outline: int = 16  # at 1/2, where outlines are drawn


class Segmenter(nn.Module):
    """Garment segmenter of pictures (N, 3, H, W) in [-1, 1]. H and W must be divisible by 32."""

    name = "segmenter"

    def __init__(self, config: SegmenterConfig | None = None) -> None:
        super().__init__()
        config = config or SegmenterConfig()
        self.config = config
        self.trunk = Trunk(config)
        self.across = nn.Conv2d(config.pyramid, config.outline, 1)
        self.outline = convolution(config.stem + config.outline, config.outline)
        self.mask = nn.Conv2d(config.outline, 1, 3, 1, 1)

    def forward(self, picture: Tensor) -> Tensor:
        """Return logits (N, 1, H, W), above 0 where the garment is."""
        half, quarter = self.trunk(picture)
        coarse = F.interpolate(self.across(quarter), scale_factor=2.0, mode="bilinear", align_corners=False)
        mask = self.mask(self.outline(torch.cat([half, coarse], dim=1)))
        return F.interpolate(mask, scale_factor=2.0, mode="bilinear", align_corners=False)
