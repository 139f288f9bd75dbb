"""Losses of try-on training. Pictures are (N, 3, H, W) in [-1, 1], masks (N, 1, H, W) in [0, 1], flows (N, 2, h, w)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from fitroom.evaluate.pretrained import FeatureNetwork
from fitroom.nets.interface import unrounded
from fitroom.nets.sampling import sample

UNSEEN = 0.25  # what a bend of the flow costs where no garment shows, against 1 within a print


def charbonnier(x: Tensor, epsilon: float = 1e-3, power: float = 0.45) -> Tensor:
    """(x^2 + epsilon^2)^power, PF-AFN's robust penalty (equation 3)."""
    return (x * x + epsilon * epsilon).pow(power)


def second_order_smoothness(flow: Tensor, worn: Tensor) -> Tensor:
    """Charbonnier penalty on flow[i-1] + flow[i+1] - 2 flow[i], along x, y and both diagonals (PF-AFN, equation 3).

    In coarse pixels: the grid's units are scaled by the map's size, so that every level is penalised alike. Bends count
    UNSEEN where `worn`, a mask of the flow's size, is not whole around them: there a flow has to leave the garment.
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
    """L1 of the warped garment and of its mask against the photo, at the flow's own size (PF-AFN, equations 4 and 5).

    `worn` is the mask of the garment as it is worn in `photo`; all are (N, C, H, W) of one size, a multiple of flow's.
    Pixels count as much as `known` (N, 1, H, W) says, if given.
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
    """L1 between warped and worn garment in means over windows of 8 and of 16 pixels, averaged over both sizes.

    Pixel by pixel a misplaced letter costs twice what a vanished one costs, so that L1 alone teaches a flow to fold
    prints away. A window's mean keeps the letter's colour wherever in the window it lies.
    """
    difference = sample(garment * garment_mask, flow, align_corners, padding="zeros") - photo * worn
    difference = difference if known is None else difference * known
    means = [F.avg_pool2d(difference, window).abs().mean() for window in (8, 16)]
    return torch.stack(means).mean()


def gradient_difference(a: Tensor, b: Tensor) -> Tensor:
    """Mean absolute difference of horizontal and vertical image gradients at three scales: edges and prints.

    Stands in for the perceptual loss where no weights of a feature network are at hand.
    """
    total = a.new_zeros(())
    for _ in range(3):
        difference = a - b
        total = total + (difference[..., 1:] - difference[..., :-1]).abs().mean()
        total = total + (difference[..., 1:, :] - difference[..., :-1, :]).abs().mean()
        a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
    return total


def structural_dissimilarity(a: Tensor, b: Tensor, window: int = 7) -> Tensor:
    """1 - SSIM around every second pixel, (N, 3, H/2, W/2) in [0, 2] (Wang et al., 2004, equation 13).

    Windows have equal weights. Their neighbours overlap by all but two pixels: each would cost four times as much.
    """
    a, b = (a.float() + 1) / 2, (b.float() + 1) / 2

    def mean(x: Tensor) -> Tensor:
        # along columns, then along rows: 7 + 7 values in place of 7 x 7
        columns = F.avg_pool2d(x, (window, 1), (2, 1), (window // 2, 0), count_include_pad=False)
        return F.avg_pool2d(columns, (1, window), (1, 2), (0, window // 2), count_include_pad=False)

    mean_a, mean_b = mean(a), mean(b)
    variances = mean(a * a + b * b) - mean_a**2 - mean_b**2
    covariance = mean(a * b) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    alike = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    return 1 - alike / ((mean_a**2 + mean_b**2 + c1) * (variances + c2))


def perceptual_distance(network: FeatureNetwork, look: Tensor, photo: Tensor, counts: Tensor) -> Tensor:
    """LPIPS (Zhang et al., 2018) of pictures, times `counts` (N,), mean over N; gradients reach the look alone."""
    with torch.no_grad():
        target = network.features((photo + 1) * 127.5)
    squares = (network.features((look.float() + 1) * 127.5) - target).square().sum(dim=1)
    return (squares * counts).mean()


def cross_entropy(probability: Tensor, target: Tensor) -> Tensor:
    """Binary cross-entropy of every pixel, in nats; probabilities are kept 1e-4 away from 0 and 1.

    PyTorch's own refuses to work under a GPU's mixed precision, where sigmoids may be rounded to 0 and 1.
    """
    probability = unrounded(probability).clamp(1e-4, 1 - 1e-4)
    return -(target * probability.log() + (1 - target) * (1 - probability).log())


def change_target(fake: Tensor, photo: Tensor, worn: Tensor, threshold: float = 0.08) -> Tensor:
    """Where a look may differ from its input: fake and photo differ, or the garment lies there; 3 pixels wider."""
    differs = ((fake - photo).abs().amax(dim=1, keepdim=True) > threshold).to(photo.dtype)
    # opening drops lone pixels of compression noise
    opened = -F.max_pool2d(-differs, 3, 1, 1)
    return F.max_pool2d(torch.maximum(opened, worn), 7, 1, 3)
