"""Measure realism: the distance between looks and real photos in ImageNet features of EfficientNet-Lite0.

KID and Fréchet distance use this network instead of Inception, so compare them only with figures of the same kind.
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

# Google's values in training; docs/evaluation.md compares them with the usual ImageNet mean and deviation
MEAN, DEVIATION = 127.0, 128.0
PATCH_BLOCK = 10  # the 11th block: 112 channels at a sixteenth of the size
RESAMPLES = 50  # each draws half of the pictures without replacement
BATCH = 16


class FeatureNetwork(torch.nn.Module):
    """EfficientNet-Lite0 up to its last 1,280 feature maps."""

    def __init__(self) -> None:
        super().__init__()
        self.body = EfficientNetLite0()
        self._conv_head = SameConvolution(STAGES[-1].width, HEAD, 1)
        self._bn1 = torch.nn.BatchNorm2d(HEAD, EPSILON)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Compute pooled (N, 1280) and patch features (N, 112, H/16, W/16) of pictures (N, 3, H, W) in [0, 255]."""
        maps = self.body.maps((pictures - MEAN) / DEVIATION)
        last = torch.nn.functional.relu6(self._bn1(self._conv_head(maps[-1])))
        return last.mean(dim=(2, 3)), maps[PATCH_BLOCK]


def open_features() -> FeatureNetwork:
    """Open the pretrained feature network in evaluation mode.

    Raises MissingExtraError if the package of its tensors is not installed.
    """
    tensors = imagenet_tensors()
    network = FeatureNetwork()
    network.body.load_state_dict(network.body.own_tensors(tensors))
    head = {name: tensor for name, tensor in tensors.items() if name.startswith(("_conv_head.", "_bn1."))}
    missing = network.load_state_dict(head, strict=False).missing_keys
    assert all(name.startswith("body.") for name in missing), missing
    return network.eval().requires_grad_(False)


@torch.inference_mode()
def features_of(network: FeatureNetwork, pictures: Sequence[Picture]) -> tuple[Tensor, Tensor]:
    """Compute pooled features (n, 1280) and the features (m, 112) of all patches of uint8 pictures (H, W, 3).

    Pictures must have one size, divisible by 32; they are not resized.
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
    """Distances between looks and real photos; lower is better. KID is about 0, also below, for equal sets."""

    kid: float  # kernel (x.y / d + 1)^3, unbiased, over all pictures
    kid_deviation: float  # standard deviation over RESAMPLES
    frechet: float  # of pooled features
    patch_frechet: float  # of patch features


def realism(network: FeatureNetwork, looks: Sequence[Picture], photos: Sequence[Picture]) -> Realism:
    """Measure the realism of looks, uint8 (H, W, 3), against real photos of the same size, at least two of each.

    Height and width must be divisible by 32. The same pictures give the same figures.
    """
    (a, patches_a), (b, patches_b) = features_of(network, looks), features_of(network, photos)
    generator = torch.Generator().manual_seed(0)

    def half(features: Tensor) -> Tensor:
        return features[torch.randperm(len(features), generator=generator)[: max(len(features) // 2, 2)]]

    resampled = [kernel_distance(half(a), half(b)) for _ in range(RESAMPLES)]
    return Realism(
        kernel_distance(a, b), float(np.std(resampled)), frechet_distance(a, b), frechet_distance(patches_a, patches_b)
    )
