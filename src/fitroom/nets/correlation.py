"""Local correlation of two feature maps, the cost volume of PWC-Net (Sun et al., CVPR 2018, section 3).

For every pixel and every displacement (dy, dx) in a (2r+1) x (2r+1) window, compute the inner product of one map's
vector with the displaced vector of the other map, which is zero beyond the border. Displacements are row-major: dy
outer, dx inner. Both functions sum over channels. The official PF-AFN weights expect the mean over channels, so the
result has to be divided by their number.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


def correlation_reference(first: Tensor, second: Tensor, radius: int = 3) -> Tensor:
    """Correlate by shifting, multiplying and summing. This is slow, but obviously correct.

    `first` and `second` are (N, C, H, W); `second` is the one displaced. Returns (N, (2 radius + 1)^2, H, W).
    """
    height, width = first.shape[-2:]
    padded = F.pad(second, (radius, radius, radius, radius))
    side = 2 * radius + 1
    return torch.stack(
        [
            (first * padded[:, :, dy : dy + height, dx : dx + width]).sum(dim=1)
            for dy in range(side)
            for dx in range(side)
        ],
        dim=1,
    )


def tile_size(length: int, most: int = 8) -> int:
    """Return the largest tile edge up to `most` that divides `length`: 6 or 8 in the pyramids of 256x192 pictures."""
    return max(size for size in range(1, most + 1) if length % size == 0)


@dataclass(frozen=True)
class Tiling:
    """Grid of `down` x `across` tiles of `rows` x `columns` pixels, with `halo` more pixels on every side."""

    down: int
    across: int
    rows: int
    columns: int
    halo: int

    def cuts(self) -> list[tuple[slice, slice]]:
        """Return the slices of each tile in a map padded by the halo, row-major."""
        return [
            (slice(y, y + self.rows + 2 * self.halo), slice(x, x + self.columns + 2 * self.halo))
            for y in range(0, self.down * self.rows, self.rows)
            for x in range(0, self.across * self.columns, self.columns)
        ]


def windows(x: Tensor, tiling: Tiling) -> Tensor:
    """Cut a padded map (N, C, H, W) into tiles (N, tiles, C, pixels)."""
    # slices instead of a permutation: runtimes are fastest at copying whole runs of pixels
    return torch.stack([x[:, :, rows, columns] for rows, columns in tiling.cuts()], dim=1).flatten(3)


class Windows(torch.autograd.Function):
    """`windows`, with gradients added in place. Autograd's own would allocate a whole map of zeros for every tile."""

    @staticmethod
    def forward(context: Any, x: Tensor, tiling: Tiling) -> Tensor:
        """See `windows`."""
        context.shape, context.tiling = x.shape, tiling
        return windows(x, tiling)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """Return the gradient of the map: the sum of the gradients of the tiles that contain each pixel."""
        (gradient,), tiling = gradients, context.tiling
        height, width = tiling.rows + 2 * tiling.halo, tiling.columns + 2 * tiling.halo
        total = gradient.new_zeros(context.shape)
        tiles = gradient.reshape(*gradient.shape[:3], height, width).unbind(1)
        for tile, (rows, columns) in zip(tiles, tiling.cuts(), strict=True):
            total[:, :, rows, columns] += tile
        return total, None


def cut(x: Tensor, tiling: Tiling) -> Tensor:
    """Call `windows`, through `Windows` if a gradient is needed. Tracers for runtimes should see only slices."""
    return Windows.apply(x, tiling) if torch.is_grad_enabled() and x.requires_grad else windows(x, tiling)  # type: ignore[no-any-return, no-untyped-call]


def correlation(first: Tensor, second: Tensor, radius: int = 3) -> Tensor:
    """Correlate by blocked matrix products; the same result as `correlation_reference`, forward and backward.

    The map is cut into tiles. Each tile is multiplied with the window of `second` around it in one matrix product,
    which also computes pairs that are too far apart; the wanted ones are then gathered along the shifted diagonals.
    Shapes as in `correlation_reference`.
    """
    batch, _, height, width = (int(size) for size in first.shape)
    side = 2 * radius + 1
    rows, columns = tile_size(height), tile_size(width)
    down, across = height // rows, width // columns
    tiles = cut(first, Tiling(down, across, rows, columns, 0))  # (N, tiles, C, tile pixels)
    around = cut(F.pad(second, (radius,) * 4), Tiling(down, across, rows, columns, radius))
    products = torch.matmul(around.transpose(2, 3), tiles)  # (N, tiles, window pixels, tile pixels)
    index = displacement_index(rows, columns, radius).to(products.device)
    gathered = products.flatten(2).index_select(2, index)
    # (N, down, across, displacements, rows, columns) -> (N, displacements, H, W)
    gathered = gathered.reshape(batch, down, across, side * side, rows, columns)
    return gathered.permute(0, 3, 1, 4, 2, 5).reshape(batch, side * side, height, width)


def displacement_index(rows: int, columns: int, radius: int) -> Tensor:
    """Return the index of the product for each displacement and tile pixel, int64 ((2 radius + 1)^2 * rows * columns,).

    Indices count the products of a tile, (window pixels, tile pixels), row-major. NumPy computes them, so that tracers
    and quantizers see a constant.
    """
    side = 2 * radius + 1
    y, x = np.mgrid[:rows, :columns].reshape(2, 1, -1)
    dy, dx = np.mgrid[:side, :side].reshape(2, -1, 1)
    window = (y + dy) * (columns + 2 * radius) + x + dx
    return torch.from_numpy((window * (rows * columns) + np.arange(rows * columns)).ravel())
