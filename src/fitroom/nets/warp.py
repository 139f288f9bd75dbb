"""PF-AFN's warp network (Ge et al., "Parser-Free Virtual Try-on via Distilling Appearance Flows", CVPR 2021, 3.2).

Two encoders with feature pyramids describe person and garment. The appearance flow is refined from coarse to fine: at
each level once by correlation, and once by convolutions over both features. A flow is a sampling grid (N, 2, H, W), x
then y, in [-1, 1].
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fitroom.nets.correlation import correlation
from fitroom.nets.interface import Features, unrounded
from fitroom.nets.sampling import sample

RADIUS = 3
DISPLACEMENTS = (2 * RADIUS + 1) ** 2


def grid_from_offset(offset: Tensor) -> Tensor:
    """Convert pixel offsets (N, 2, H, W) to a sampling grid: (index + offset) / ((size - 1) / 2) - 1.

    The formula is the same in both dialects.
    """
    height, width = (int(side) for side in offset.shape[-2:])
    x = torch.arange(width, dtype=offset.dtype, device=offset.device).view(1, 1, width)
    y = torch.arange(height, dtype=offset.dtype, device=offset.device).view(1, height, 1)
    return torch.stack([(x + offset[:, 0]) / ((width - 1) / 2) - 1, (y + offset[:, 1]) / ((height - 1) / 2) - 1], dim=1)


class Downsample(nn.Module):
    """Batch norm, ReLU, 3x3 convolution of stride 2."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            nn.BatchNorm2d(inputs), nn.ReLU(), nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H / 2, W / 2)."""
        return self.block(x)  # type: ignore[no-any-return]


class PreActivationBlock(nn.Module):
    """Residual block with batch norm and ReLU before each 3x3 convolution (He et al., ECCV 2016)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, width, H, W) to the same shape."""
        return self.block(x) + x  # type: ignore[no-any-return]


class Encoder(nn.Module):
    """Encoder to feature maps at 1/2, 1/4, 1/8, 1/16 and 1/32."""

    def __init__(self, widths: Sequence[int], inputs: int = 3) -> None:
        super().__init__()
        self.levels = nn.ModuleList(
            nn.Sequential(Downsample(before, width), PreActivationBlock(width), PreActivationBlock(width))
            for before, width in zip((inputs, *widths[:-1]), widths, strict=True)
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return the feature maps of pictures (N, inputs, H, W), finest first."""
        maps = []
        for level in self.levels:
            x = level(x)
            maps.append(x)
        return maps


class Pyramid(nn.Module):
    """Feature pyramid (Lin et al., CVPR 2017): all levels at one width, coarse added to fine."""

    def __init__(self, widths: Sequence[int], width: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(w, width, 1) for w in reversed(widths))
        self.smooth = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in widths)

    def forward(self, maps: Sequence[Tensor]) -> Features:
        """Turn feature maps, finest first, into a pyramid, coarsest first."""
        pyramid: list[Tensor] = []
        for x, lateral, smooth in zip(reversed(maps), self.lateral, self.smooth, strict=True):
            merged = lateral(x)
            if pyramid:
                merged = merged + F.interpolate(pyramid[-1], scale_factor=2.0, mode="nearest")
            pyramid.append(smooth(merged))
        return tuple(pyramid)


def flow_head(inputs: int, widths: Sequence[int]) -> nn.Sequential:
    """Make 3x3 convolutions of the given widths and one to two channels, with LeakyReLU 0.1 between them."""
    layers: list[nn.Module] = []
    for before, width in zip((inputs, *widths), (*widths, 2), strict=True):
        layers += [nn.Conv2d(before, width, 3, padding=1), nn.LeakyReLU(0.1)]
    return nn.Sequential(*layers[:-1])


class FlowEstimator(nn.Module):
    """Estimator of the appearance flow from two pyramids, coarsest level first."""

    def __init__(self, levels: int, width: int, heads: Sequence[int], mean: bool, align_corners: bool) -> None:
        super().__init__()
        self.matching = nn.ModuleList(flow_head(DISPLACEMENTS, heads) for _ in range(levels))
        self.refinement = nn.ModuleList(flow_head(2 * width, heads) for _ in range(levels))
        self.correlation_scale = 1 / width if mean else 1.0
        self.align_corners = align_corners

    def forward(self, person: Features, garment: Features) -> tuple[Tensor, ...]:
        """Return flows (N, 2, h, w) from 1/16 to full size."""
        flow: Tensor | None = None
        flows: list[Tensor] = []
        for person_map, garment_map, matching, refinement in zip(
            person, garment, self.matching, self.refinement, strict=True
        ):
            warped = garment_map if flow is None else sample(garment_map, flow.detach(), self.align_corners)
            matches = F.leaky_relu(correlation(warped, person_map, RADIUS) * self.correlation_scale, 0.1)
            grid = grid_from_offset(unrounded(matching(matches)))
            flow = grid if flow is None else sample(flow, grid, self.align_corners)
            warped = sample(garment_map, flow, self.align_corners)
            grid = grid_from_offset(unrounded(refinement(torch.cat([warped, person_map], dim=1))))
            flow = sample(flow, grid, self.align_corners)
            flow = F.interpolate(flow, scale_factor=2.0, mode="bilinear", align_corners=False)
            flows.append(flow)
        return tuple(flows)


class Warp(nn.Module):
    """Warp network: encoders and pyramids of person and garment, and the flow estimator."""

    def __init__(
        self,
        encoder: Sequence[int],
        pyramid: int,
        heads: Sequence[int],
        mean: bool,
        align_corners: bool,
        inputs: int = 3,
    ) -> None:
        super().__init__()
        self.garment_encoder = Encoder(encoder)
        self.garment_pyramid = Pyramid(encoder, pyramid)
        self.person_encoder = Encoder(encoder, inputs)
        self.person_pyramid = Pyramid(encoder, pyramid)
        self.flow = FlowEstimator(len(encoder), pyramid, heads, mean, align_corners)

    def person_features(self, person: Tensor) -> Features:
        """Encode persons (N, inputs, H, W) into a pyramid, coarsest level first."""
        return self.person_pyramid(self.person_encoder(person))  # type: ignore[no-any-return]

    def garment_features(self, garment: Tensor) -> Features:
        """Encode garments (N, 3, H, W) into a pyramid, coarsest level first."""
        return self.garment_pyramid(self.garment_encoder(garment))  # type: ignore[no-any-return]
