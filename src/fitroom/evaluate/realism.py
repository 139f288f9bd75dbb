"""Realism: the distance between looks and real photos in the features of EfficientNet-Lite0, trained on ImageNet.

This is KID and Fréchet distance on another network than Inception: compare it with nothing but itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fitroom.arrays import Picture
from fitroom.evaluate.imagenet import imagenet_tensors
from fitroom.evaluate.metrics import frechet_distance, kernel_distance
from fitroom.nets.efficientnet import EPSILON, HEAD, STAGES, EfficientNetLite0, SameConvolution

# as Google trained it; docs/evaluation.md compares it with ImageNet's mean and deviation, which others use
MEAN, DEVIATION = 127.0, 128.0
PATCH_BLOCK = 10  # the 11th block: 112 channels at a sixteenth of the size
RESAMPLES = 50  # of half of the pictures, without replacement
BATCH = 16


class FeatureNetwork(torch.nn.Module):
    """EfficientNet-Lite0 up to its 1,280 last maps, in evaluation mode."""

    def __init__(self) -> None:
        super().__init__()
        self.body = EfficientNetLite0()
        self._conv_head = SameConvolution(STAGES[-1].width, HEAD, 1)
        self._bn1 = torch.nn.BatchNorm2d(HEAD, EPSILON)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Pooled features (N, 1280) and patch features (N, 112, H / 16, W / 16) of pictures (N, 3, H, W) in 0..255."""
        maps = self.body.maps((pictures - MEAN) / DEVIATION)
        last = torch.nn.functional.relu6(self._bn1(self._conv_head(maps[-1])))
        return last.mean(dim=(2, 3)), maps[PATCH_BLOCK]


def open_features() -> FeatureNetwork:
    """Open the feature network with its tensors. Raises MissingExtraError."""
    tensors = imagenet_tensors()
    network = FeatureNetwork()
    network.body.load_state_dict(network.body.own_tensors(tensors))
    head = {name: tensor for name, tensor in tensors.items() if name.startswith(("_conv_head.", "_bn1."))}
    missing = network.load_state_dict(head, strict=False).missing_keys
    assert all(name.startswith("body.") for name in missing), missing
    return network.eval().requires_grad_(False)


@torch.inference_mode()
def features_of(network: FeatureNetwork, pictures: Sequence[Picture]) -> tuple[Tensor, Tensor]:
    """Compute pooled features (n, 1280), and features (m, 112) of all patches, of uint8 pictures (H, W, 3) of one size.

    Pictures are not resized; height and width must be divisible by 32.
    """
    pooled, patches = [], []
    for start in range(0, len(pictures), BATCH):
        batch = torch.from_numpy(np.stack(pictures[start : start + BATCH])).permute(0, 3, 1, 2).float()
        whole, parts = network(batch)
        pooled.append(whole)
        patches.append(parts.permute(0, 2, 3, 1).flatten(0, 2))
    return torch.cat(pooled), torch.cat(patches)


@dataclass(frozen=True)
class Realism:
    """Distances of looks from real photos, lower is better. KID is about 0 for equal sets, and below by chance."""

    kid: float  # kernel (x.y / d + 1)^3, unbiased, over all pictures
    kid_deviation: float  # standard deviation over RESAMPLES of half of the pictures
    frechet: float  # of pooled features
    patch_frechet: float  # of patch features


def realism(network: FeatureNetwork, looks: Sequence[Picture], photos: Sequence[Picture]) -> Realism:
    """Measure the realism of looks, uint8 (H, W, 3), against real photos of the same size; two of each are needed.

    Height and width must be divisible by 32. Equal pictures give equal figures.
    """
    (a, patches_a), (b, patches_b) = features_of(network, looks), features_of(network, photos)
    generator = torch.Generator().manual_seed(0)

    def half(features: Tensor) -> Tensor:
        return features[torch.randperm(len(features), generator=generator)[: max(len(features) // 2, 2)]]

    resampled = [kernel_distance(half(a), half(b)) for _ in range(RESAMPLES)]
    return Realism(
        kernel_distance(a, b), float(np.std(resampled)), frechet_distance(a, b), frechet_distance(patches_a, patches_b)
    )
