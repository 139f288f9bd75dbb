"""Make the input of a parser-based teacher, which shows everything of a person except the garment in the photo.

The input has PARSED channels: the photo with the garment, the arms and the neck erased (3), the erased region (1), key
points as blobs (18), and a silhouette too coarse to show sleeves (1). Hands, hair, face and trousers stay in the photo.
If the data has DensePose, its parts follow, one channel each (DENSE_COUNT).
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from fitroom import body
from fitroom.body import Label
from fitroom.data.viton import DENSE_COUNT
from fitroom.nets.guidance import distance_to_bone, key_point_maps, shoulder_width

PARSED = 3 + 1 + 18 + 1
COARSE = 16  # side of the silhouette's squares, in 256ths of the picture's height
ARM_RADIUS = 0.3  # of the erased region around the arms' bones, in shoulder widths; contains sleeves of any width


def is_label(label: Tensor, *values: int) -> Tensor:
    """Return a mask, float (N, 1, H, W), of where a parsing label (N, H, W) has one of the given values."""
    # no tensor of values: copying it to a GPU would block until the copy is done
    return torch.stack([label == value for value in values]).any(dim=0).float().unsqueeze(1)


def arms_and_hands(points: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
    """Return masks (N, 1, H, W) of wide arms along the bones, which hide the sleeves, and of the labelled hands."""
    height, width = label.shape[-2:]
    unit = shoulder_width(points)[:, None, None]
    arms = torch.zeros_like(label, dtype=torch.bool)
    hands = torch.zeros_like(arms)
    bare = (label == Label.LEFT_ARM) | (label == Label.RIGHT_ARM)
    for shoulder, elbow, wrist in body.ARM_JOINTS.values():
        known = points[:, [shoulder, elbow, wrist], 2] > 0
        upper, _ = distance_to_bone(points[:, shoulder, :2], points[:, elbow, :2], height, width)
        fore, along = distance_to_bone(points[:, elbow, :2], points[:, wrist, :2], height, width)
        arms |= (upper < ARM_RADIUS * unit) & (known[:, 0] & known[:, 1])[:, None, None]
        arms |= (fore < ARM_RADIUS * unit) & (known[:, 1] & known[:, 2])[:, None, None]
        near_hand = (fore < 0.5 * unit) & (along > 0.97) & (known[:, 1] & known[:, 2])[:, None, None]
        hands |= near_hand & bare
    return arms.float().unsqueeze(1), hands.float().unsqueeze(1)


def neck(points: Tensor, height: int, width: int) -> Tensor:
    """Return a mask (N, 1, H, W) around the bone from neck to nose, which contains collars of any height.

    VITON's labels call the neck background.
    """
    distance, _ = distance_to_bone(points[:, body.NECK, :2], points[:, body.NOSE, :2], height, width)
    known = (points[:, [body.NECK, body.NOSE], 2] > 0).all(dim=1)
    inside = (distance < 0.33 * shoulder_width(points)[:, None, None]) & known[:, None, None]
    return inside.float().unsqueeze(1)


def in_front(label: Tensor, points: Tensor) -> Tensor:
    """Return a mask, (N, 1, H, W) of 0 and 1, of what no garment covers: hair, face and hands."""
    _, hands = arms_and_hands(points, label)
    return torch.maximum(is_label(label, Label.HAIR, Label.FACE), hands)


def erased_region(label: Tensor, points: Tensor) -> Tensor:
    """Return a mask, (N, 1, H, W) of 0 and 1, of where a garment of any cut may lie.

    The mask is coarse, so that it does not reveal the garment in the photo.
    """
    height, width = label.shape[-2:]
    arms, _ = arms_and_hands(points, label)
    worn = is_label(label, Label.UPPER_CLOTHES, Label.NOISE, Label.LEFT_ARM, Label.RIGHT_ARM)
    cell = max(height * COARSE // 256 // 2, 1)
    blocks = F.interpolate(F.max_pool2d(worn, cell, ceil_mode=True), scale_factor=float(cell), mode="nearest")
    blocks = blocks[..., :height, :width]
    region = torch.maximum(torch.maximum(F.max_pool2d(blocks, 5, 1, 2), arms), neck(points, height, width))
    return region * (1 - in_front(label, points))


def parsed_channels(dense: bool) -> int:
    """Return the number of channels of `parsed_person`, with or without DensePose."""
    return PARSED + DENSE_COUNT if dense else PARSED


def parsed_person(photo: Tensor, label: Tensor, points: Tensor, dense: Tensor | None = None) -> Tensor:
    """Make a teacher's input (N, `parsed_channels`, H, W).

    It is made from photos (N, 3, H, W) in [-1, 1], labels (N, H, W), key points (N, 18, 3) and, if available, DensePose
    parts (N, H, W).
    """
    height, width = label.shape[-2:]
    erased = erased_region(label, points)
    cell = max(height * COARSE // 256, 1)
    silhouette = F.avg_pool2d((label > 0).float().unsqueeze(1), cell, ceil_mode=True)
    silhouette = F.interpolate(silhouette, size=(height, width), mode="bilinear", align_corners=False)
    told = [photo * (1 - erased), erased, key_point_maps(points, height, width), silhouette]
    if dense is not None:
        told.append(F.one_hot(dense.long(), DENSE_COUNT + 1)[..., 1:].permute(0, 3, 1, 2).float())
    return torch.cat(told, dim=1)
