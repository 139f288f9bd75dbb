"""Local correlation of two feature maps, the cost volume of PWC-Net (Sun et al., CVPR 2018, section 3).

For every pixel and every displacement (dy, dx) in a (2r+1) x (2r+1) window, the inner product of one vector with the
displaced vector of the other map, zero beyond the border. Displacements are row-major: dy outer, dx inner.
Both functions sum over channels; divide by their number for the mean that published PF-AFN weights expect.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def correlation_reference(first: Tensor, second: Tensor, radius: int = 3) -> Tensor:
    """Correlate by shifting, multiplying and summing: slow, and plainly right.

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
    """The largest tile edge up to `most` that divides `length`; 6 and 8 serve pyramids of 256x192 without rest."""
    return max(size for size in range(1, most + 1) if length % size == 0)


def correlation(first: Tensor, second: Tensor, radius: int = 3) -> Tensor:
    """Correlate by blocked matrix products; the same result as `correlation_reference`, forward and backward.

    The map is cut into tiles. Each tile is multiplied with the window of `second` around it in one matrix product,
    which also computes pairs that are too far apart; the wanted ones are then gathered along the shifted diagonals.
    Shapes as in `correlation_reference`.
    """
    batch, channels, height, width = first.shape
    side = 2 * radius + 1
    rows, columns = tile_size(height), tile_size(width)
    down, across = height // rows, width // columns
    window_rows, window_columns = rows + 2 * radius, columns + 2 * radius

    # (N, C, H, W) -> (N, tiles, tile pixels, C)
    tiles = first.reshape(batch, channels, down, rows, across, columns)
    tiles = tiles.permute(0, 2, 4, 3, 5, 1).reshape(batch, down * across, rows * columns, channels)
    padded = F.pad(second, (radius, radius, radius, radius))
    # overlapping windows, (N, tiles, C, window pixels)
    windows = torch.stack(
        [
            padded[:, :, y * rows : y * rows + window_rows, x * columns : x * columns + window_columns]
            for y in range(down)
            for x in range(across)
        ],
        dim=1,
    ).reshape(batch, down * across, channels, window_rows * window_columns)

    products = torch.matmul(tiles, windows)  # (N, tiles, tile pixels, window pixels)
    products = products.reshape(batch, down * across, rows * columns, window_rows * window_columns)
    index = displacement_index(rows, columns, radius).to(products.device)
    gathered = products.gather(3, index.expand(batch, down * across, rows * columns, side * side))
    # (N, down, across, rows, columns, displacements) -> (N, displacements, H, W)
    gathered = gathered.reshape(batch, down, across, rows, columns, side * side)
    return gathered.permute(0, 5, 1, 3, 2, 4).reshape(batch, side * side, height, width)


def displacement_index(rows: int, columns: int, radius: int) -> Tensor:
    """For each tile pixel, the window pixel of each displacement, int64 (rows * columns, (2 radius + 1)^2)."""
    side = 2 * radius + 1
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    dy, dx = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    window_y = y.reshape(-1, 1) + dy.reshape(1, -1)
    window_x = x.reshape(-1, 1) + dx.reshape(1, -1)
    return window_y * (columns + 2 * radius) + window_x
