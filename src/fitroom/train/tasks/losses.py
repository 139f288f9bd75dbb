"""Losses of try-on training.

Pictures are (N, 3, H, W) in [-1, 1], masks (N, 1, H, W) in [0, 1], flows (N, 2, h, w).
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from fitroom.evaluate.pretrained import FeatureNetwork
from fitroom.nets.interface import unrounded
from fitroom.nets.sampling import sample

UNSEEN = 0.25  # weight of the flow's smoothness where no garment shows; the weight is 1 inside the garment


def charbonnier(x: Tensor, epsilon: float = 1e-3, power: float = 0.45) -> Tensor:
    """Compute (x^2 + epsilon^2)^power, PF-AFN's robust penalty (equation 3)."""
    return (x * x + epsilon * epsilon).pow(power)


def second_order_smoothness(flow: Tensor, worn: Tensor) -> Tensor:
    """Penalise flow[i-1] + flow[i+1] - 2 flow[i] along x, y and both diagonals (PF-AFN, equation 3).

    The flow is converted to pixels of its own map, so that every level is penalised alike. `worn` is the garment's mask
    at the flow's size. The weight is UNSEEN unless the mask covers the whole 3x3 neighbourhood, because the flow has to
    leave the garment there.
    """
    height, width = flow.shape[-2:]
    if min(height, width) < 3:
        # no pixel has neighbours on both sides
        return flow.new_zeros(())
    pixels = torch.cat([flow[:, :1] * (width / 2), flow[:, 1:] * (height / 2)], dim=1)
    middle = 2 * pixels[:, :, 1:-1, 1:-1]
    within = -F.max_pool2d(-worn, 3, 1)
    weight = UNSEEN + (1 - UNSEEN) * within
    total = flow.new_zeros(())
    for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
        before = pixels[:, :, 1 - dy : height - 1 - dy, 1 - dx : width - 1 - dx]
        after = pixels[:, :, 1 + dy : height - 1 + dy, 1 + dx : width - 1 + dx]
        total = total + (charbonnier(before + after - middle) * weight).mean()
    return total / 4


def warp_losses(
    flow: Tensor,
    garment: Tensor,
    garment_mask: Tensor,
    photo: Tensor,
    worn: Tensor,
    align_corners: bool = False,
    known: Tensor | None = None,
) -> dict[str, Tensor]:
    """Compute L1 of the warped garment and of its mask, and the flow's smoothness, at the flow's own size.

    See PF-AFN, equations 3 to 5. `worn` is the mask of the garment in `photo`. Pictures and masks are (N, C, H, W) of
    one size, a multiple of the flow's. `known` (N, 1, H, W), if given, weights the pixels of both L1 losses.
    """
    factor = garment.shape[-1] // flow.shape[-1]
    if factor > 1:
        garment, garment_mask, photo, worn = (F.avg_pool2d(x, factor) for x in (garment, garment_mask, photo, worn))
        known = None if known is None else F.avg_pool2d(known, factor)
    counts = 1.0 if known is None else known
    warped_mask = sample(garment_mask, flow, align_corners, padding="zeros")
    warped = sample(garment, flow, align_corners) * warped_mask
    return {
        "garment": ((warped - photo * worn).abs() * counts).mean(),
        "mask": ((warped_mask - worn).abs() * counts).mean(),
        "smoothness": second_order_smoothness(flow, worn),
    }


def colour_means_difference(
    flow: Tensor,
    garment: Tensor,
    garment_mask: Tensor,
    photo: Tensor,
    worn: Tensor,
    align_corners: bool = False,
    known: Tensor | None = None,
) -> Tensor:
    """Compute L1 between means of warped and photographed garment over windows of 8 and 16 pixels, averaged over both.

    Pixel by pixel, a misplaced letter costs twice as much as a missing one, so L1 alone teaches a flow to fold prints
    away. A window's mean keeps the letter's colour wherever it lies in the window.
    """
    difference = sample(garment * garment_mask, flow, align_corners, padding="zeros") - photo * worn
    difference = difference if known is None else difference * known
    means = [F.avg_pool2d(difference, window).abs().mean() for window in (8, 16)]
    return torch.stack(means).mean()


def gradient_difference(a: Tensor, b: Tensor) -> Tensor:
    """Sum the mean absolute differences of horizontal and vertical image gradients over three scales.

    This compares edges and prints. It replaces the perceptual loss if there are no weights of a feature network.
    """
    total = a.new_zeros(())
    for _ in range(3):
        difference = a - b
        total = total + (difference[..., 1:] - difference[..., :-1]).abs().mean()
        total = total + (difference[..., 1:, :] - difference[..., :-1, :]).abs().mean()
        a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
    return total


def structural_dissimilarity(a: Tensor, b: Tensor, window: int = 7) -> Tensor:
    """Compute 1 - SSIM around every second pixel, (N, 3, H/2, W/2) in [0, 2] (Wang et al., 2004, equation 13).

    All pixels of a window have the same weight. Every second pixel is enough, because neighbouring windows overlap by
    all but two pixels; every pixel would cost four times as much.
    """
    a, b = (a.float() + 1) / 2, (b.float() + 1) / 2

    def mean(x: Tensor) -> Tensor:
        # along columns, then along rows: 7 + 7 values instead of 7 x 7
        columns = F.avg_pool2d(x, (window, 1), (2, 1), (window // 2, 0), count_include_pad=False)
        return F.avg_pool2d(columns, (1, window), (1, 2), (0, window // 2), count_include_pad=False)

    mean_a, mean_b = mean(a), mean(b)
    variances = mean(a * a + b * b) - mean_a**2 - mean_b**2
    covariance = mean(a * b) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    alike = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    return 1 - alike / ((mean_a**2 + mean_b**2 + c1) * (variances + c2))


def perceptual_distance(network: FeatureNetwork, look: Tensor, photo: Tensor, counts: Tensor) -> Tensor:
    """Compute LPIPS (Zhang et al., 2018), weighted by `counts` (N,), as a mean over N. Only the look gets gradients."""
    with torch.no_grad():
        target = network.features((photo + 1) * 127.5)
    squares = (network.features((look.float() + 1) * 127.5) - target).square().sum(dim=1)
    return (squares * counts).mean()


def cross_entropy(probability: Tensor, target: Tensor) -> Tensor:
    """Compute the binary cross-entropy of every pixel, in nats. Probabilities are kept 1e-4 away from 0 and 1.

    PyTorch's own function refuses to work with mixed precision on a GPU, where sigmoids may be rounded to 0 and 1.
    """
    probability = unrounded(probability).clamp(1e-4, 1 - 1e-4)
    return -(target * probability.log() + (1 - target) * (1 - probability).log())


def change_target(fake: Tensor, photo: Tensor, worn: Tensor, threshold: float = 0.08) -> Tensor:
    """Return a mask of where a look may differ from its input, grown by 3 pixels.

    It may differ where fake and photo differ by more than `threshold`, and where the garment lies.
    """
    differs = ((fake - photo).abs().amax(dim=1, keepdim=True) > threshold).to(photo.dtype)
    # erosion removes isolated pixels of compression noise
    opened = -F.max_pool2d(-differs, 3, 1, 1)
    return F.max_pool2d(torch.maximum(opened, worn), 7, 1, 3)
