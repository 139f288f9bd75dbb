"""Sampling a picture or a feature map along an appearance flow."""

import torch.nn.functional as F
from torch import Tensor


def sample(image: Tensor, flow: Tensor, align_corners: bool, padding: str = "border") -> Tensor:
    """Sample `image` (N, C, h, w) bilinearly at `flow` (N, 2, H, W), x then y in [-1, 1], giving (N, C, H, W).

    With `align_corners` -1 and 1 are the centres of the outermost pixels, else the picture's edges.
    """
    return F.grid_sample(
        image, flow.permute(0, 2, 3, 1), mode="bilinear", padding_mode=padding, align_corners=align_corners
    )
