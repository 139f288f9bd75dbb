"""Draw soft shapes on float32 canvases: outlines, limbs, shading and noise. Coordinates are pixels, x then y."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
Point = tuple[float, float]

SUBPIXEL_BITS = 4


def smooth(points: Array | Sequence[Point], rounds: int = 3) -> Array:
    """Round the corners of a closed outline by Chaikin's corner cutting. Returns float32 (n, 2)."""
    outline = np.asarray(points, np.float32)
    for _ in range(rounds):
        following = np.roll(outline, -1, axis=0)
        cut = np.stack([0.75 * outline + 0.25 * following, 0.25 * outline + 0.75 * following], axis=1)
        outline = cut.reshape(-1, 2)
    return outline


def fill(shape: tuple[int, int], outline: Array | Sequence[Point]) -> Array:
    """Return the anti-aliased mask (H, W), in [0, 1], of a closed outline."""
    canvas = np.zeros(shape, np.uint8)
    fixed = np.round(np.asarray(outline, np.float32) * (1 << SUBPIXEL_BITS)).astype(np.int32)
    cv2.fillPoly(canvas, [fixed], 255, cv2.LINE_AA, SUBPIXEL_BITS)
    return canvas.astype(np.float32) / 255


def stroke(shape: tuple[int, int], points: Array | Sequence[Point | Array], width: float) -> Array:
    """Return the anti-aliased mask (H, W), in [0, 1], of an open line `width` pixels wide."""
    canvas = np.zeros(shape, np.uint8)
    fixed = np.round(np.asarray(points, np.float32) * (1 << SUBPIXEL_BITS)).astype(np.int32)
    cv2.polylines(canvas, [fixed], False, 255, max(round(width), 1), cv2.LINE_AA, SUBPIXEL_BITS)
    return canvas.astype(np.float32) / 255


def ellipse(centre: Point | Array, across: float, down: float, turn: float = 0.0, count: int = 48) -> Array:
    """Return the outline of an ellipse with the given half axes, rotated by `turn` degrees, float32 (count, 2)."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    x, y = across * np.cos(angle), down * np.sin(angle)
    radians = np.deg2rad(turn)
    turned = [x * np.cos(radians) - y * np.sin(radians), x * np.sin(radians) + y * np.cos(radians)]
    return np.asarray(np.stack(turned, axis=1) + np.asarray(centre), np.float32)


def limb(joints: Array, radii: Sequence[float]) -> Array:
    """Return the outline of a limb through `joints` (n, 2) with a radius at each joint, float32 (m, 2)."""
    joints = np.asarray(joints, np.float32)
    directions = np.gradient(joints, axis=0)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True) + 1e-6
    normals = np.stack([-directions[:, 1], directions[:, 0]], axis=1) * np.asarray(radii, np.float32)[:, None]
    end = joints[-1] + directions[-1] * radii[-1]
    start = joints[0] - directions[0] * radii[0]
    return np.concatenate([joints + normals, end[None], (joints - normals)[::-1], start[None]])


def blur(mask: Array, sigma: float) -> Array:
    """Apply a Gaussian blur. Wide blurs are computed on a smaller copy, without a visible difference."""
    shrink = int(sigma // 4)
    if shrink < 2:
        return np.asarray(cv2.GaussianBlur(mask, (0, 0), max(sigma, 0.3)), np.float32)
    height, width = mask.shape
    small = cv2.resize(mask, (max(width // shrink, 1), max(height // shrink, 1)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / shrink)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def paint(canvas: Array, mask: Array, colour: NDArray[Any] | Sequence[float]) -> None:
    """Blend a colour (3,) or a picture (H, W, 3), 0 to 255, into `canvas` (H, W, 3) through `mask` (H, W), in place."""
    canvas += (np.asarray(colour, np.float32) - canvas) * mask[..., None]


def noise(shape: tuple[int, int], cell: float, rng: np.random.Generator, stretch: float = 1.0) -> Array:
    """Return smooth noise (H, W), about -1 to 1, with blobs `cell` pixels wide and `stretch` times as high."""
    rows = max(int(shape[0] / (cell * stretch)), 2)
    columns = max(int(shape[1] / cell), 2)
    coarse = rng.standard_normal((rows, columns)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC) * 0.6, np.float32)


def rim_shade(mask: Array, reach: float, strength: float) -> Array:
    """Return a brightness factor (H, W) that falls by `strength` over the last `reach` pixels before a shape's edge."""
    inside = cv2.distanceTransform((mask > 0.5).astype(np.uint8), cv2.DIST_L2, 3)
    depth = np.clip(inside / max(reach, 1e-3), 0, 1)
    return np.asarray(1 - strength * (1 - depth) ** 2, np.float32)
