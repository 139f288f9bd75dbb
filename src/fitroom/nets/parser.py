"""The human parser: what every pixel of a photo shows of a person, and where the person's joints are.

A residual encoder to 1/32 of the size, and a pyramid that carries meaning back to 1/4 (Lin et al., CVPR 2017); labels
and key points are read off the finest level, key points as maps (Xiao, Wu and Wei, ECCV 2018).
"""

from dataclasses import dataclass
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fitroom.nets.lite import Residual, convolution

LABELS, POINTS = 14, 18  # of VITON's parsing, and of its poses
STRIDE = 4  # of the key points' maps


@dataclass(frozen=True)
class ParserConfig:
    """Widths of the parser, in channels."""

    stem: int = 16  # at 1/2
    encoder: tuple[int, int, int, int] = (24, 48, 96, 128)  # at 1/4, 1/8, 1/16, 1/32
    blocks: tuple[int, int, int, int] = (1, 2, 2, 1)  # residual blocks at each
    pyramid: int = 48


class Parsed(NamedTuple):
    """What the parser says of a batch, unnormalised."""

    labels: Tensor  # (N, LABELS, H, W)
    points: Tensor  # (N, POINTS, H / STRIDE, W / STRIDE)


class Parser(nn.Module):
    """Photos (N, 3, H, W) in [-1, 1], of sizes that 32 divides, to `Parsed`."""

    name = "parser"

    def __init__(self, config: ParserConfig = ParserConfig()) -> None:
        super().__init__()
        self.config = config
        width, pyramid = config.stem, config.pyramid
        self.stem = convolution(3, width, stride=2)
        self.levels, self.across = nn.ModuleList(), nn.ModuleList()
        for wider, blocks in zip(config.encoder, config.blocks, strict=True):
            self.levels.append(nn.Sequential(convolution(width, wider, 2), *(Residual(wider) for _ in range(blocks))))
            self.across.append(nn.Conv2d(wider, pyramid, 1))
            width = wider
        self.refine = nn.Sequential(convolution(pyramid, pyramid), convolution(pyramid, pyramid))
        self.labels = nn.Conv2d(pyramid, LABELS, 1)
        self.points = nn.Conv2d(pyramid, POINTS, 1)
        # few pixels are a joint: begin by saying so
        nn.init.constant_(cast(Tensor, self.points.bias), -5.0)

    def forward(self, photo: Tensor) -> Parsed:
        """See the class."""
        x = self.stem(photo)
        found = []
        for level, across in zip(self.levels, self.across, strict=True):
            x = level(x)
            found.append(across(x))
        merged = found.pop()
        for finer in reversed(found):
            merged = finer + F.interpolate(merged, scale_factor=2.0, mode="bilinear", align_corners=False)
        merged = self.refine(merged)
        labels = F.interpolate(self.labels(merged), scale_factor=float(STRIDE), mode="bilinear", align_corners=False)
        return Parsed(labels, self.points(merged))


def key_points(maps: Tensor) -> Tensor:
    """Key points (N, POINTS, 3) of their maps: x, y in pixels of the photo, and confidence in [0, 1].

    The highest value's place, moved towards its neighbours by their weight.
    """
    likely = maps.sigmoid()
    width = maps.shape[-1]
    confidence, place = likely.flatten(2).max(dim=2)
    row, column = place // width, place % width
    near = F.pad(likely, (1, 1, 1, 1))
    steps = torch.arange(-1, 2, device=maps.device)
    rows, columns = (row[..., None, None] + 1 + steps.view(3, 1)), (column[..., None, None] + 1 + steps.view(1, 3))
    around = near.flatten(2).gather(2, (rows * (width + 2) + columns).flatten(2)).view(*rows.shape[:2], 3, 3)
    weight = around / around.sum(dim=(2, 3), keepdim=True).clamp(min=1e-6)
    x = column + (weight * steps.view(1, 3)).sum(dim=(2, 3))
    y = row + (weight * steps.view(3, 1)).sum(dim=(2, 3))
    # the middle of a map's pixel, in pixels of the photo
    return torch.stack([(x + 0.5) * STRIDE - 0.5, (y + 0.5) * STRIDE - 0.5, confidence], dim=2)
