"""What every try-on network takes and gives.

Pictures are (N, 3, H, W) float in [-1, 1]; masks (N, 1, H, W) float in [0, 1]; H and W multiples of 32, for `guided` of
64. The person shown to a parser-based teacher has further channels behind RGB.
A network encodes the person and the garment each alone, so that either can be kept and used again.
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
    """A stretch of a network that can be narrowed inside without its neighbours noticing."""

    module: nn.Module
    inputs: tuple[tuple[int, ...], ...]  # shapes of its inputs for pictures of 64x64
    kept: tuple[nn.Module, ...]  # layers whose outputs others read


class TryOnNetwork(nn.Module, ABC):
    """A person, a garment and its mask in, the dressed person out."""

    name: str  # key of registry.NETWORKS
    align_corners: bool  # of its grid samples: what -1 and 1 of its flow mean
    config: Any  # a dataclass; with the tensors it makes the network again
    person_maps: int  # tensors in the features of a person
    parses: bool = False  # whether the first of them are labels, key points and logits, as `graphs.ParserGraph` gives
    person_channels: int = 3  # of what shows a person; a teacher is shown more

    @abstractmethod
    def person_features(self, person: Tensor) -> Features:
        """Encode persons (N, 3, H, W)."""

    @abstractmethod
    def garment_features(self, garment: Tensor, garment_mask: Tensor) -> Features:
        """Encode garments (N, 3, H, W) with their masks (N, 1, H, W)."""

    @abstractmethod
    def flows(self, person_features: Features, garment_features: Features) -> tuple[Tensor, ...]:
        """Appearance flows (N, 2, h, w) from coarse to fine, each in [-1, 1]; the last one at full size."""

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
        """Warp garments by a flow at full size and blend them into the persons' pictures."""

    def parts(self) -> dict[str, tuple[Part, ...]]:
        """What can be pruned: the stretches of warp.person, warp.garment, warp.flow and generator."""
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
        """Encode both and dress."""
        features = self.person_features(person), self.garment_features(garment, garment_mask)
        return self.dress(person, garment, garment_mask, *features)


def unrounded(x: Tensor) -> Tensor:
    """In float32 or wider: positions and colours, which half precision would round too far."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def compose(person: Tensor, warped: Tensor, rendered: Tensor, composition: Tensor, change: Tensor) -> Tensor:
    """The look: warped garment and rendered person by the composition mask, inside the change mask (PF-AFN, eq. 8)."""
    dressed = rendered + composition * (warped - rendered)
    return person + change * (dressed - person)
