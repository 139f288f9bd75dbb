"""The human parser: what every pixel of a photo shows of a person, and where the person's joints are.

Labels and key points are read off the trunk's finest level, key points as maps (Xiao, Wu and Wei, ECCV 2018).
"""

from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fitroom.nets.trunk import Trunk, TrunkConfig

LABELS, POINTS = 14, 18  # of VITON's parsing, and of its poses
STRIDE = 4  # of the key points' maps


class Parsed(NamedTuple):
    """What the parser says of a batch, unnormalised."""

    labels: Tensor  # (N, LABELS, H, W)
    points: Tensor  # (N, POINTS, H / STRIDE, W / STRIDE)


class Parser(nn.Module):
    """Photos (N, 3, H, W) in [-1, 1], of sizes that 32 divides, to `Parsed`."""

    name = "parser"

    def __init__(self, config: TrunkConfig | None = None) -> None:
        super().__init__()
        config = config or TrunkConfig()
        self.config = config
        self.trunk = Trunk(config)
        self.labels = nn.Conv2d(config.pyramid, LABELS, 1)
        self.points = nn.Conv2d(config.pyramid, POINTS, 1)
        # few pixels are a joint: begin by saying so
        nn.init.constant_(cast(Tensor, self.points.bias), -5.0)

    def forward(self, photo: Tensor) -> Parsed:
        """See the class."""
        _, merged = self.trunk(photo)
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
