"""Human parser: predict a label for every pixel of a photo of a person, and the person's key points.

The trunk consists of EfficientNet-Lite0's first stages, without some repeated blocks. A feature pyramid (Lin et al.,
CVPR 2017) upsamples its coarse maps to a quarter of the size, where labels and key points are predicted. Key points are
predicted as heat maps (Xiao, Wu and Wei, ECCV 2018).
"""

from dataclasses import dataclass
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fitroom.body import PREDICTED
from fitroom.nets.efficientnet import STAGES, EfficientNetLite0
from fitroom.nets.lite import convolution

POINTS = 18  # key points, COCO order with a neck
STRIDE = 4  # of the key point maps
NOWHERE = -30.0  # value of a map beyond its edge; its sigmoid is nearly 0


class Parsed(NamedTuple):
    """Predictions for a batch, before softmax and sigmoid."""

    labels: Tensor  # (N, labels, H, W), one map for each of `body.PREDICTED`
    points: Tensor  # (N, POINTS, H / STRIDE, W / STRIDE)
    coarse: Tensor  # (N, labels, H / STRIDE, W / STRIDE), from which `labels` are upsampled


@dataclass(frozen=True)
class ParserConfig:
    """Blocks of EfficientNet-Lite0 in the trunk, and width of the pyramid."""

    blocks: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6, 8, 9, 11)  # must include the first block of every stage
    pyramid: int = 64  # channels


class Parser(nn.Module):
    """Human parser of photos (N, 3, H, W) in [-1, 1]. H and W must be divisible by 32."""

    name = "parser"

    def __init__(self, config: ParserConfig | None = None) -> None:
        super().__init__()
        config = config or ParserConfig()
        self.config = config
        self.trunk = EfficientNetLite0(config.blocks)
        last = last_blocks(config.blocks)
        self.taken = tuple(config.blocks.index(block) for block in last.values())  # last block of every stride
        widths = [STAGES[stage_of(block)].width for block in last.values()]
        # the first map is finer than the pyramid, so it enters through a strided convolution
        self.fine = convolution(widths[0], config.pyramid, stride=2)
        self.across = nn.ModuleList(nn.Conv2d(width, config.pyramid, 1) for width in widths[1:])
        self.refine = convolution(config.pyramid, config.pyramid)
        # 16 labels: runtimes process channels in blocks of 16
        self.labels = nn.Conv2d(config.pyramid, len(PREDICTED), 1)
        self.points = nn.Conv2d(config.pyramid, POINTS, 1)
        # few pixels are joints, so the initial probabilities are low
        nn.init.constant_(cast(Tensor, self.points.bias), -5.0)
        # scale and shift of the confidence, see `key_points`; fitted after training
        self.calibration: Tensor
        self.register_buffer("calibration", torch.tensor([1.0, 0.0]))

    def forward(self, photo: Tensor) -> Parsed:
        """Predict labels and key points of photos."""
        maps = self.trunk.maps(photo)
        finest, *others = (maps[block] for block in self.taken)
        found = [across(x) for across, x in zip(self.across, others, strict=True)]
        merged = found.pop()
        for finer in reversed(found):
            merged = finer + F.interpolate(merged, scale_factor=2.0, mode="bilinear", align_corners=False)
        merged = self.refine(merged + self.fine(finest))
        coarse = self.labels(merged)
        labels = F.interpolate(coarse, scale_factor=float(STRIDE), mode="bilinear", align_corners=False)
        return Parsed(labels, self.points(merged), coarse)


def likeliest(labels: Tensor) -> Tensor:
    """Choose the likeliest label of every pixel: maps (N, labels, H, W) of `Parsed` to uint8 (N, H, W)."""
    return torch.tensor(PREDICTED, dtype=torch.uint8, device=labels.device)[labels.argmax(dim=1)]


def stage_of(block: int) -> int:
    """Return the stage of EfficientNet-Lite0 that a block belongs to."""
    return next(n for n in range(len(STAGES)) if block < sum(stage.blocks for stage in STAGES[: n + 1]))


def last_blocks(blocks: tuple[int, ...]) -> dict[int, int]:
    """Find the last of the given blocks at every stride, finest stride first."""
    found: dict[int, int] = {}
    for block in blocks:
        stride = 2
        for stage in STAGES[: stage_of(block) + 1]:
            stride *= stage.stride
        found[stride] = block
    return found


def key_points(maps: Tensor, calibration: Tensor | None = None) -> Tensor:
    """Compute key points (N, POINTS, 3) from their maps: x, y in pixels of the photo, and confidence in [0, 1].

    The position is the weighted mean of the 3x3 pixels around the highest value. The confidence is the sigmoid of the
    highest value, which is scaled and shifted by `calibration` (2,) if given (Platt, 1999).
    """
    width = maps.shape[-1]
    highest, place = maps.flatten(2).max(dim=2)
    confidence = (highest if calibration is None else highest * calibration[0] + calibration[1]).sigmoid()
    row, column = place // width, place % width
    near = F.pad(maps, (1, 1, 1, 1), value=NOWHERE)
    steps = torch.arange(-1, 2, device=maps.device)
    rows, columns = (row[..., None, None] + 1 + steps.view(3, 1)), (column[..., None, None] + 1 + steps.view(1, 3))
    around = near.flatten(2).gather(2, (rows * (width + 2) + columns).flatten(2)).view(*rows.shape[:2], 3, 3)
    around = around.sigmoid()  # of nine values instead of the whole map
    weight = around / around.sum(dim=(2, 3), keepdim=True).clamp(min=1e-6)
    x = column + (weight * steps.view(1, 3)).sum(dim=(2, 3))
    y = row + (weight * steps.view(3, 1)).sum(dim=(2, 3))
    # centres of map pixels, in pixels of the photo
    return torch.stack([(x + 0.5) * STRIDE - 0.5, (y + 0.5) * STRIDE - 0.5, confidence], dim=2)
