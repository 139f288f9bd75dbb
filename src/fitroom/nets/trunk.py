"""Trunk of the segmenter: a residual encoder down to 1/32 of the size, and a feature pyramid back up to 1/4.

The pyramid follows Lin et al. (CVPR 2017). All its levels have the same width.
"""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from fitroom.nets.lite import Residual, convolution


@dataclass(frozen=True)
class TrunkConfig:
    """Widths of the trunk, in channels."""

    stem: int = 16  # at 1/2
    encoder: tuple[int, int, int, int] = (24, 48, 96, 128)  # at 1/4, 1/8, 1/16, 1/32
    blocks: tuple[int, int, int, int] = (1, 2, 2, 1)  # residual blocks at each of these levels
    pyramid: int = 48


class Trunk(nn.Module):
    """Encoder with a feature pyramid, for pictures (N, 3, H, W) in [-1, 1]. H and W must be divisible by 32."""

    def __init__(self, config: TrunkConfig) -> None:
        super().__init__()
        width, pyramid = config.stem, config.pyramid
        self.stem = convolution(3, width, stride=2)
        self.levels, self.across = nn.ModuleList(), nn.ModuleList()
        for wider, blocks in zip(config.encoder, config.blocks, strict=True):
            self.levels.append(nn.Sequential(convolution(width, wider, 2), *(Residual(wider) for _ in range(blocks))))
            self.across.append(nn.Conv2d(wider, pyramid, 1))
            width = wider
        self.refine = nn.Sequential(convolution(pyramid, pyramid), convolution(pyramid, pyramid))

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Return features (N, stem, H / 2, W / 2) and (N, pyramid, H / 4, W / 4)."""
        half = x = self.stem(picture)
        found = []
        for level, across in zip(self.levels, self.across, strict=True):
            x = level(x)
            found.append(across(x))
        merged = found.pop()
        for finer in reversed(found):
            merged = finer + F.interpolate(merged, scale_factor=2.0, mode="bilinear", align_corners=False)
        return half, self.refine(merged)
