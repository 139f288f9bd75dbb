"""PF-AFN's generator: a residual U-Net (CVPR 2021, section 3.3, after the pix2pix U-Net of Isola et al., CVPR 2017).

Five halvings and back. Widths double up to eight times the first; the fourth and fifth level are equally wide.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Residual(nn.Module):
    """Two 3x3 convolutions with batch norm around a skip connection, ReLU after the sum."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.block(x))


class Down(nn.Module):
    """Half the size: 3x3 convolution of stride 2 (batch norm except at both ends of the U), two residual blocks."""

    def __init__(self, inputs: int, outputs: int, normalise: bool) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(outputs) if normalise else nn.Identity()
        self.residual = nn.Sequential(Residual(outputs), Residual(outputs))

    def forward(self, x: Tensor) -> Tensor:
        return self.residual(F.relu(self.norm(self.convolution(x))))  # type: ignore[no-any-return]


class Up(nn.Module):
    """Twice the size: nearest neighbour, 3x3 convolution, batch norm, ReLU, two residual blocks."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.residual = nn.Sequential(Residual(outputs), Residual(outputs))

    def forward(self, x: Tensor) -> Tensor:
        x = F.interpolate(x, scale_factor=2.0, mode="nearest")
        return self.residual(F.relu(self.norm(self.convolution(x))))  # type: ignore[no-any-return]


class Generator(nn.Module):
    """(N, 7, H, W) person, warped garment, warped mask in; raw (N, 4, H, W) rendered person, composition mask out."""

    def __init__(self, width: int, inputs: int = 7, outputs: int = 4) -> None:
        super().__init__()
        widths = (width, 2 * width, 4 * width, 8 * width, 8 * width)
        self.down = nn.ModuleList(
            Down(before, after, normalise=0 < level < 4)
            for level, (before, after) in enumerate(zip((inputs, *widths[:-1]), widths, strict=True))
        )
        # all but the innermost read what came up and the skip beside it; index 0 is the outermost after `leave`
        self.up = nn.ModuleList(Up(widths[level + 1] * (1 if level == 3 else 2), widths[level]) for level in range(4))
        self.leave = nn.Conv2d(2 * width, outputs, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for down in self.down:
            x = down(x)
            skips.append(x)
        for up, skip in zip(reversed(self.up), reversed(skips[:-1]), strict=True):
            x = torch.cat([skip, up(x)], dim=1)
        return self.leave(F.interpolate(x, scale_factor=2.0, mode="nearest"))  # type: ignore[no-any-return]
