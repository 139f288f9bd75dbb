"""Interface of all try-on networks.

Pictures are (N, 3, H, W) float in [-1, 1], masks (N, 1, H, W) float in [0, 1]. H and W are multiples of 32, or of 64
for `guided`. The person input of a parser-based teacher has more channels after RGB.
A network encodes person and garment separately, so that both encodings can be kept and reused.
"""

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

Features = tuple[Tensor, ...]


class Dressed(NamedTuple):
    """Outputs of a network for one batch."""

    look: Tensor  # (N, 3, H, W) in [-1, 1]
    flow: Tensor  # (N, 2, H, W) appearance flow: sampling grid, x then y, in [-1, 1] over the garment
    warped: Tensor  # (N, 3, H, W) the garment sampled by the flow, in [-1, 1]
    warped_mask: Tensor  # (N, 1, H, W) the garment mask, warped with zero padding
    rendered: Tensor  # (N, 3, H, W) rendered person in [-1, 1]
    composition: Tensor  # (N, 1, H, W) share of the warped garment against the rendered person
    change: Tensor  # (N, 1, H, W) 0 where the photo's own pixels stay


class Part(NamedTuple):
    """A part of a network whose inner layers can be pruned without changes to the rest."""

    module: nn.Module
    inputs: tuple[tuple[int, ...], ...]  # shapes of its inputs for pictures of 64x64
    kept: tuple[nn.Module, ...]  # layers whose outputs are read outside the part


class TryOnNetwork(nn.Module, ABC):
    """Base class of networks that dress a person in a garment, given both pictures and the garment's mask."""

    name: str  # key of registry.NETWORKS
    align_corners: bool  # of its grid samples: what -1 and 1 mean in its flow
    config: Any  # a dataclass; config and tensors are enough to rebuild the network
    person_maps: int  # number of tensors in a person's features
    parses: bool = False  # whether the first of them are labels, key points and logits, as from `graphs.ParserGraph`
    person_channels: int = 3  # of the person input; more than RGB for a teacher

    @abstractmethod
    def person_features(self, person: Tensor) -> Features:
        """Encode persons (N, 3, H, W)."""

    @abstractmethod
    def garment_features(self, garment: Tensor, garment_mask: Tensor) -> Features:
        """Encode garments (N, 3, H, W) with their masks (N, 1, H, W)."""

    @abstractmethod
    def flows(self, person_features: Features, garment_features: Features) -> tuple[Tensor, ...]:
        """Compute appearance flows (N, 2, h, w) in [-1, 1] from coarse to fine. The last one has full size."""

    @abstractmethod
    def generate(
        self,
        person: Tensor,
        garment: Tensor,
        garment_mask: Tensor,
        flow: Tensor,
        person_features: Features,
        garment_features: Features = (),
    ) -> Dressed:
        """Warp garments by a full-size flow and blend them into the persons' pictures."""

    def parts(self) -> dict[str, tuple[Part, ...]]:
        """Return the parts that can be pruned, as warp.person, warp.garment, warp.flow and generator."""
        return {}

    def dress(
        self,
        person: Tensor,
        garment: Tensor,
        garment_mask: Tensor,
        person_features: Features,
        garment_features: Features,
    ) -> Dressed:
        """Dress encoded persons in encoded garments."""
        flow = self.flows(person_features, garment_features)[-1]
        return self.generate(person, garment, garment_mask, flow, person_features, garment_features)

    def forward(self, person: Tensor, garment: Tensor, garment_mask: Tensor) -> Dressed:
        """Encode persons and garments, and dress the persons."""
        features = self.person_features(person), self.garment_features(garment, garment_mask)
        return self.dress(person, garment, garment_mask, *features)


def unrounded(x: Tensor) -> Tensor:
    """Convert to float32 or wider, for positions and colours that half precision would round too far."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def compose(person: Tensor, warped: Tensor, rendered: Tensor, composition: Tensor, change: Tensor) -> Tensor:
    """Blend warped garment and rendered person by the composition mask, within the change mask (PF-AFN, eq. 8)."""
    dressed = rendered + composition * (warped - rendered)
    return person + change * (dressed - person)
