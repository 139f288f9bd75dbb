"""Sampling a picture or a feature map along an appearance flow."""

import torch
import torch.nn.functional as F
from torch import Tensor


def sample(image: Tensor, flow: Tensor, align_corners: bool, padding: str = "border") -> Tensor:
    """Sample `image` (N, C, h, w) bilinearly at `flow` (N, 2, H, W), x then y in [-1, 1], giving (N, C, H, W).

    With `align_corners` -1 and 1 are the centres of the outermost pixels, else the picture's edges.
    """
    return F.grid_sample(
        image, flow.permute(0, 2, 3, 1), mode="bilinear", padding_mode=padding, align_corners=align_corners
    )


def reread(flow: Tensor, align_corners: bool, becomes: bool) -> Tensor:
    """A flow (N, 2, H, W) over pictures of its own size, made for one `align_corners`, in the numbers of another: it
    points to the same pixels.
    """
    if align_corners == becomes:
        return flow
    height, width = flow.shape[-2:]
    wider = torch.tensor([width / (width - 1), height / (height - 1)], dtype=flow.dtype, device=flow.device)
    wider = wider.view(1, 2, 1, 1)
    return flow * wider if becomes else flow / wider
