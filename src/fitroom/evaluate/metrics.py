"""Compute single measures of looks. Pictures are uint8 (H, W, 3) RGB, masks boolean (H, W), all of one size.

`evaluate.py` applies these functions to pairs; `measures.py` lists ranges and better directions.
"""

import warnings

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torchmetrics.functional.image import structural_similarity_index_measure
from torchmetrics.image.kid import KernelInceptionDistance

from fitroom import body
from fitroom.arrays import Array, Picture
from fitroom.body import Label
from fitroom.photo.masks import bleed

Mask = NDArray[np.bool_]
Quad = NDArray[np.float32]  # (4, 2): top left, top right, bottom right, bottom left; x before y, pixels

MOST_PSNR = 100.0  # PSNR of equal pictures, instead of infinity
PATCH_HEIGHT, PATCH_WIDTH = 64, 48
TORSO_SHARE = 0.8  # of the way from shoulders to hips: hem or trousers may show below
LAB_BINS = (20, 44, 44)
LAB_RANGE = (0, 100.001, -112, 112, -112, 112)  # covers all of sRGB
LAB_BLUR = cv2.getGaussianKernel(5, 1.5, cv2.CV_32F)  # over bins: other light moves colours to neighbouring bins
LAYOUT_ROWS, LAYOUT_COLUMNS = 8, 6
LAYOUT_UNIT = 40.0  # Lab distance that weighs about as much as two histograms without a common bin


def to_batch(picture: Picture) -> torch.Tensor:
    """Convert uint8 (H, W, 3) to a uint8 tensor (1, 3, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)[None]))


def structural_similarity(a: Picture, b: Picture) -> float:
    """Compute SSIM of two pictures: -1 to 1, higher is more similar, 1 for equal pictures.

    Wang et al., "Image quality assessment: from error visibility to structural similarity", 2004: Gaussian window of
    standard deviation 1.5 and 11 pixels, mean over pixels and RGB channels. torchmetrics computes it in float32, to
    about 1e-4.
    """
    if np.array_equal(a, b):
        return 1.0
    value = structural_similarity_index_measure(to_batch(a).float(), to_batch(b).float(), data_range=255.0)
    return float(value)  # type: ignore[arg-type]


def peak_signal_to_noise(a: Picture, b: Picture) -> float:
    """Compute PSNR of two pictures in decibels: 0 to MOST_PSNR (equal pictures), higher is more similar."""
    error = float(np.mean((a.astype(np.float64) - b) ** 2))
    return min(10 * float(np.log10(255**2 / error)), MOST_PSNR) if error else MOST_PSNR


def mask_iou(a: Mask, b: Mask) -> float:
    """Compute intersection over union: 0 to 1, higher is better, 1 if both masks are empty."""
    union = int((a | b).sum())
    return float((a & b).sum() / union) if union else 1.0


def mean_difference(a: Picture, b: Picture, where: Mask) -> float:
    """Compute the mean absolute difference inside a mask, in 8-bit steps, 0 to 255; 0 if the mask is empty."""
    if not where.any():
        return 0.0
    return float(np.abs(a[where].astype(np.int16) - b[where]).mean())


def neck_region(key_points: Array, height: int, width: int) -> Mask:
    """Mask neck and collar by key points (18, 3), because VITON labels the neck as background.

    The region starts halfway between nose and shoulders, ends about a third of a shoulder width below the shoulders,
    and is narrow at the top. It is empty if the shoulders are unknown.
    """
    region = np.zeros((height, width), np.uint8)
    skeleton = body.complete(key_points)
    if skeleton is None:
        return region > 0
    unit = skeleton.shoulder_width
    shoulders = skeleton.points[[body.RIGHT_SHOULDER, body.LEFT_SHOULDER]]
    centre = shoulders.mean(axis=0)
    nose = key_points[body.NOSE, :2] if key_points[body.NOSE, 2] > 0 else centre - (0, 0.5 * unit)
    top = (nose + centre) / 2
    outline = [top - (0.25 * unit, 0), top + (0.25 * unit, 0), shoulders[1], centre + (0, 0.35 * unit), shoulders[0]]
    cv2.fillPoly(region, [np.asarray(outline, np.int32)], 1)
    return region > 0


def changeable(label: Picture, key_points: Array, warped_mask: Mask, margin: int = 3) -> Mask:
    """Mask where a look may differ from its photo: old and new garment, dilated by `margin` pixels, arms and neck."""
    height, width = label.shape
    garments = (label == Label.UPPER_CLOTHES) | warped_mask
    wider = cv2.dilate(garments.astype(np.uint8), np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)) > 0
    return wider | np.isin(label, (Label.LEFT_ARM, Label.RIGHT_ARM)) | neck_region(key_points, height, width)


def torso_quad(key_points: Array) -> Quad | None:
    """Return a person's torso by key points (18, 3): the shoulders, and TORSO_SHARE of the way to the hips.

    The first corner is the person's right shoulder, which is on the picture's left. Returns None if the shoulders are
    unknown.
    """
    skeleton = body.complete(key_points)
    if skeleton is None:
        return None
    joints = [body.RIGHT_SHOULDER, body.LEFT_SHOULDER, body.LEFT_HIP, body.RIGHT_HIP]
    right, left, left_hip, right_hip = skeleton.points[joints]
    lower = left + TORSO_SHARE * (left_hip - left), right + TORSO_SHARE * (right_hip - right)
    return np.stack([right, left, *lower]).astype(np.float32)


def garment_quad(mask: Picture) -> Quad:
    """Return a garment's torso by its mask (H, W; above 127 inside): the whole height, without sleeves.

    Left and right edges are medians, over the middle third of the rows, of the run of mask pixels through the middle
    column. The mask must not be empty.
    """
    inside = mask > 127
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    middle, third = (left + right) // 2, (bottom - top) // 3
    runs = []
    for row in inside[top + third : bottom - third]:
        if row[middle]:
            gaps = np.flatnonzero(~row)
            runs.append((gaps[gaps < middle].max(initial=-1) + 1, gaps[gaps > middle].min(initial=row.size)))
    if runs:
        left, right = np.median(np.array(runs), axis=0)
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float32)


def cut_quad(picture: Picture, quad: Quad) -> Picture:
    """Rectify a quadrilateral of a picture to a patch, uint8 (PATCH_HEIGHT, PATCH_WIDTH, 3)."""
    width, height = PATCH_WIDTH, PATCH_HEIGHT
    upright = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    matrix = cv2.getPerspectiveTransform(quad, upright)
    patch = cv2.warpPerspective(
        picture, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(patch, np.uint8)


def appearance(patch: Picture) -> NDArray[np.float32]:
    """Compute a descriptor (d,) of a patch: its colours and their rough layout.

    The descriptor joins the square root of a smoothed joint histogram in CIE Lab with a grid of mean colours. The root
    turns squared distances into Hellinger distances (Arandjelovic and Zisserman, "Three things everyone should know to
    improve object retrieval", 2012).
    """
    lab = cv2.cvtColor(patch.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    counts = cv2.calcHist([lab], [0, 1, 2], None, LAB_BINS, LAB_RANGE)
    for _ in LAB_BINS:  # blur the first axis, then rotate the axes
        flat = counts.reshape(counts.shape[0], -1)
        flat = cv2.filter2D(flat, -1, LAB_BLUR, borderType=cv2.BORDER_CONSTANT)
        counts = np.ascontiguousarray(np.moveaxis(flat.reshape(counts.shape), 0, -1))
    colours = np.sqrt(counts / counts.sum()).ravel()
    layout = cv2.resize(lab, (LAYOUT_COLUMNS, LAYOUT_ROWS), interpolation=cv2.INTER_AREA).ravel()
    return np.concatenate([colours, layout / LAYOUT_UNIT / np.sqrt(LAYOUT_ROWS * LAYOUT_COLUMNS)]).astype(np.float32)


def worn_appearance(photo: Picture, key_points: Array) -> NDArray[np.float32] | None:
    """Compute a descriptor of the clothes on a person's torso; return None if the shoulders are unknown."""
    quad = torso_quad(key_points)
    return None if quad is None else appearance(cut_quad(photo, quad))


def garment_appearance(picture: Picture, mask: Picture) -> NDArray[np.float32]:
    """Compute a descriptor of a garment's torso; `mask` (H, W) is above 127 inside."""
    return appearance(cut_quad(bleed(picture, mask), garment_quad(mask)))


def retrieval_ranks(
    worn: NDArray[np.float32], garments: NDArray[np.float32], wanted: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Rank each look's own garment among all garments by similarity: 1 to m, lower is better, (m + 1) / 2 by chance.

    `worn` (n, d) and `garments` (m, d) are descriptors; `wanted` (n,) is the row of each look's garment. Ties count
    half, so that descriptors without information rank by chance.
    """
    squares = (worn.astype(np.float64) ** 2).sum(1)[:, None] + (garments.astype(np.float64) ** 2).sum(1)
    distances = squares - 2 * worn.astype(np.float64) @ garments.astype(np.float64).T
    own = distances[np.arange(len(worn)), wanted][:, None]
    nearer = (distances < own - 1e-9).sum(1)
    as_near = (np.abs(distances - own) <= 1e-9).sum(1) - 1
    return np.asarray(1 + nearer + (as_near + 1) // 2, np.intp)


class Features(torch.nn.Module):
    """Identity network, for torchmetrics that expect to compute features from pictures."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return the features unchanged."""
        return features


def frechet_distance(looks: torch.Tensor, photos: torch.Tensor) -> float:
    """Compute FID of features (n, d) and (m, d): the squared Fréchet distance of two normal distributions.

    It is 0 or more, and lower is better. Heusel et al., "GANs trained by a two time-scale update rule converge to a
    local Nash equilibrium", 2017. Few pictures bias it upwards: compare only figures of the same lists. Both sets need
    at least two rows.

    torchmetrics computes eigenvalues, which may not converge for fewer pictures than features. Here the trace of the
    square root of the covariances' product is the sum of the singular values of A Bᵀ, for centred features A and B
    divided by sqrt(n - 1) and sqrt(m - 1).
    """
    a, b = looks.double(), photos.double()
    means = (a.mean(dim=0) - b.mean(dim=0)).square().sum()
    a, b = ((x - x.mean(dim=0)) / (len(x) - 1) ** 0.5 for x in (a, b))
    spread = a.square().sum() + b.square().sum()
    shared = torch.linalg.svdvals(torch.linalg.qr(a, mode="r").R @ torch.linalg.qr(b, mode="r").R.T).sum()
    return float(means + (spread - 2 * shared).clamp(min=0))


def kernel_distance(looks: torch.Tensor, photos: torch.Tensor) -> float:
    """Compute KID of features (n, d) and (m, d): lower is better, about 0 (also below) for equal distributions.

    Binkowski et al., "Demystifying MMD GANs", 2018, by torchmetrics: unbiased, cubic polynomial kernel, one subset of
    the smaller set's size.
    """
    size = min(len(looks), len(photos))
    with warnings.catch_warnings(action="ignore", category=UserWarning):  # on keeping all features
        measure = KernelInceptionDistance(Features(looks.shape[1]), subsets=1, subset_size=size)
    measure.update(looks.double(), real=False)
    measure.update(photos.double(), real=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return float(measure.compute()[0])
