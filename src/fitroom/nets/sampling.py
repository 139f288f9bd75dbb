"""Sample pictures and feature maps along an appearance flow."""

import torch
import torch.nn.functional as F
from torch import Tensor


def sample(image: Tensor, flow: Tensor, align_corners: bool, padding: str = "border") -> Tensor:
    """Sample `image` (N, C, h, w) bilinearly at `flow` (N, 2, H, W), x then y in [-1, 1], giving (N, C, H, W).

    With `align_corners`, -1 and 1 are the centres of the outermost pixels; otherwise they are the picture's edges.
    """
    return F.grid_sample(
        image, flow.permute(0, 2, 3, 1), mode="bilinear", padding_mode=padding, align_corners=align_corners
    )


def reread(flow: Tensor, align_corners: bool, becomes: bool) -> Tensor:
    """Convert a flow (N, 2, H, W) from one `align_corners` convention to another, so that it points to the same pixels.

    The flow must have the size of the pictures that it samples.
    """
    if align_corners == becomes:
        return flow
    height, width = flow.shape[-2:]
    wider = torch.tensor([width / (width - 1), height / (height - 1)], dtype=flow.dtype, device=flow.device)
    wider = wider.view(1, 2, 1, 1)
    return flow * wider if becomes else flow / wider
