"""PF-AFN's generator: a residual U-Net (CVPR 2021, section 3.3, after the pix2pix U-Net of Isola et al., CVPR 2017).

The size is halved five times and doubled back. Widths double up to eight times the first; the fourth and the fifth
level have the same width.
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
        """Map (N, width, H, W) to the same shape."""
        return F.relu(x + self.block(x))


class Down(nn.Module):
    """Level that halves the size: 3x3 convolution of stride 2, batch norm, ReLU, two residual blocks.

    The outermost and the innermost level have no batch norm.
    """

    def __init__(self, inputs: int, outputs: int, normalise: bool) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(outputs) if normalise else nn.Identity()
        self.residual = nn.Sequential(Residual(outputs), Residual(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H / 2, W / 2)."""
        return self.residual(F.relu(self.norm(self.convolution(x))))  # type: ignore[no-any-return]


class Up(nn.Module):
    """Level that doubles the size: nearest neighbour, 3x3 convolution, batch norm, ReLU, two residual blocks."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.residual = nn.Sequential(Residual(outputs), Residual(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, 2 H, 2 W)."""
        x = F.interpolate(x, scale_factor=2.0, mode="nearest")
        return self.residual(F.relu(self.norm(self.convolution(x))))  # type: ignore[no-any-return]


class Generator(nn.Module):
    """Residual U-Net from person, warped garment and warped mask to rendered person and composition mask."""

    def __init__(self, width: int, inputs: int = 7, outputs: int = 4) -> None:
        super().__init__()
        widths = (width, 2 * width, 4 * width, 8 * width, 8 * width)
        self.down = nn.ModuleList(
            Down(before, after, normalise=0 < level < 4)
            for level, (before, after) in enumerate(zip((inputs, *widths[:-1]), widths, strict=True))
        )
        # all but the innermost read the level below and a skip connection; index 0 is the outermost except for `leave`
        self.up = nn.ModuleList(Up(widths[level + 1] * (1 if level == 3 else 2), widths[level]) for level in range(4))
        self.leave = nn.Conv2d(2 * width, outputs, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to raw (N, outputs, H, W)."""
        skips = []
        for down in self.down:
            x = down(x)
            skips.append(x)
        for up, skip in zip(reversed(self.up), reversed(skips[:-1]), strict=True):
            x = torch.cat([skip, up(x)], dim=1)
        return self.leave(F.interpolate(x, scale_factor=2.0, mode="nearest"))  # type: ignore[no-any-return]
