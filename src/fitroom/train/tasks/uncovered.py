"""Guesses the colours that a garment hides from what is beside it.

Skin along the arms and at the neck, trousers at the hips, background around the trunk. No photo shows them. In unpaired
samples they are the target of what the generator paints where a sleeve or a hem is gone, in means over many pixels.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from fitroom import body
from fitroom.body import BELOW_HEM, Label
from fitroom.nets.guidance import distance_to_bone, pixel_centres, shoulder_width
from fitroom.nets.interface import unrounded
from fitroom.train.tasks.teacher_input import is_label, neck

FOREARM, UPPER_ARM = 0.1, 0.13  # radius of a bare arm, in shoulder widths
TRUNK = 0.3  # how far a trunk reaches beyond the line from a shoulder to its hip, in shoulder widths
ABOVE_HIPS = 0.3  # how far above the hips trousers begin, in shoulder widths
SURELY = 9  # pixels of a square that has to be of one label: labels run over hems and outlines
ENOUGH = 60  # pixels of skin
WINDOWS = 8, 16  # pixels


def spread(picture: Tensor, known: Tensor) -> Tensor:
    """Fill pictures (N, C, H, W), where `known` (N, 1, H, W) is not 1, with the mean colour of what is known nearby.

    Means are those of ever larger squares, until one holds a known pixel (Gortler et al., "The Lumigraph", 1996,
    section 3.4.2).
    """
    known, (height, width) = known.to(picture.dtype), picture.shape[-2:]
    if height == width == 1:
        return picture * known
    pad = 0, width % 2, 0, height % 2
    shares = F.avg_pool2d(F.pad(known, pad), 2)
    means = F.avg_pool2d(F.pad(picture * known, pad), 2) / shares.clamp(min=1e-6)
    around = spread(means, shares > 0)
    around = F.interpolate(around, scale_factor=2.0, mode="bilinear", align_corners=False)[..., :height, :width]
    return torch.lerp(around, picture, known)


def mean_colour(picture: Tensor, where: Tensor) -> Tensor:
    """Mean colour (N, 3, 1, 1) of pictures where masks (N, 1, H, W) are 1."""
    return (picture * where).sum(dim=(2, 3), keepdim=True) / where.sum(dim=(2, 3), keepdim=True).clamp(min=1)


def skin_colour(photo: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the mean colour of skin (N, 3, 1, 1), and whether any shows, (N, 1, 1, 1) of 0 and 1.

    The skin of arms and hands counts, or that of the face where too little of them shows.
    """
    arms, face = is_label(label, Label.LEFT_ARM, Label.RIGHT_ARM), is_label(label, Label.FACE)
    enough = arms.sum(dim=(2, 3), keepdim=True) >= ENOUGH
    seen = torch.where(enough, arms, face)
    return mean_colour(photo, seen), seen.amax(dim=(2, 3), keepdim=True)


def bare_arms(points: Tensor, height: int, width: int) -> Tensor:
    """Arms without sleeves along the bones of key points (N, 18, 3), (N, 1, H, W) of 0 and 1."""
    unit = shoulder_width(points)[:, None, None]
    arms = torch.zeros(len(points), height, width, dtype=torch.bool, device=points.device)
    for joints in body.ARM_JOINTS.values():
        for start, end, radius in zip(joints, joints[1:], (UPPER_ARM, FOREARM), strict=False):
            distance, along = distance_to_bone(points[:, start, :2], points[:, end, :2], height, width)
            # the shoulder's joint lies within the garment, whatever its sleeves
            inside = (distance < radius * unit) & (along > 0.1)
            arms |= inside & (points[:, [start, end], 2] > 0).all(dim=1)[:, None, None]
    return arms.float().unsqueeze(1)


def trunk_and_hips(points: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Mark the columns of the trunk, and the part of them at the hips and below, (N, 1, H, W) of 0 and 1.

    All columns, and nothing of them, where a shoulder or a hip is unknown.
    """
    x, y = pixel_centres(height, width, points.device)
    unit = shoulder_width(points)[:, None, None]
    corners = points[:, [body.RIGHT_SHOULDER, body.LEFT_SHOULDER, body.RIGHT_HIP, body.LEFT_HIP]]
    left, right = corners[..., 0].amin(dim=1)[:, None, None], corners[..., 0].amax(dim=1)[:, None, None]
    within = (x > left - TRUNK * unit) & (x < right + TRUNK * unit)
    hips = corners[:, 2:, 1].mean(dim=1)[:, None, None]
    low = y[:, None] > hips - ABOVE_HIPS * unit
    known = (corners[..., 2] > 0).all(dim=1)[:, None, None]
    trunk = (within | ~known).expand(-1, height, -1)
    return trunk.float().unsqueeze(1), (within & low & known).float().unsqueeze(1)


def hidden_colours(photo: Tensor, label: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """Estimate coarsely what photos (N, 3, H, W) would show without their garments, and where that is known.

    Of labels (N, H, W) and key points (N, 18, 3). On the trunk above the hips nothing is known. In float32 or wider.
    """
    photo, (height, width) = unrounded(photo), label.shape[-2:]
    throat = neck(points, height, width)
    bare = torch.maximum(bare_arms(points, height, width), throat)
    trunk, hips = trunk_and_hips(points, height, width)
    lower, background = (
        -F.max_pool2d(-mask, SURELY, 1, SURELY // 2)
        for mask in (is_label(label, *BELOW_HEM), is_label(label, Label.BACKGROUND) * (1 - throat))
    )
    skin, skin_seen = skin_colour(photo, label)
    seen = [mask.amax(dim=(2, 3), keepdim=True) for mask in (lower, background)]
    colours = torch.where(hips > 0, spread(photo, lower), spread(photo, background))
    known = torch.where(hips > 0, seen[0], (1 - trunk) * seen[1])
    return torch.where(bare > 0, skin, colours), torch.where(bare > 0, skin_seen, known)


def uncovered_difference(rendered: Tensor, photo: Tensor, label: Tensor, points: Tensor, gone: Tensor) -> Tensor:
    """Compute the L1 between rendered persons (N, 3, H, W) and `hidden_colours` of their photos.

    It compares means over windows of 8 and of 16 pixels, averaged over both sizes, where the garment has `gone`
    (N, 1, H, W) in [0, 1].
    """
    colours, known = hidden_colours(photo, label, points)
    difference = (rendered - colours) * known * gone
    return torch.stack([F.avg_pool2d(difference, window).abs().mean() for window in WINDOWS]).mean()
