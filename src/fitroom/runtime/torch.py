"""Networks in PyTorch, from the tensors of a weights folder. Needs the extra `train`."""

import torch
from torch import Tensor

from fitroom.nets.registry import load_network
from fitroom.runtime.interface import Array, Dressed, Features
from fitroom.store import Weights


class TorchRunner:
    """See `interface.Runner`. Computes in float32 on the CPU."""

    def __init__(self, weights: Weights) -> None:
        self.network = load_network(weights)

    @torch.inference_mode()
    def person_features(self, person: Array) -> Features:
        return to_arrays(self.network.person_features(torch.from_numpy(person)))

    @torch.inference_mode()
    def garment_features(self, garment: Array, garment_mask: Array) -> Features:
        return to_arrays(self.network.garment_features(torch.from_numpy(garment), torch.from_numpy(garment_mask)))

    @torch.inference_mode()
    def dress(
        self, person: Array, garment: Array, garment_mask: Array, person_features: Features, garment_features: Features
    ) -> Dressed:
        pictures = [torch.from_numpy(array) for array in (person, garment, garment_mask)]
        sides = [tuple(torch.from_numpy(array) for array in side) for side in (person_features, garment_features)]
        dressed = self.network.dress(pictures[0], pictures[1], pictures[2], sides[0], sides[1])
        return Dressed(*to_arrays(dressed))


def to_arrays(tensors: tuple[Tensor, ...]) -> Features:
    """NumPy views of tensors."""
    return tuple(tensor.numpy() for tensor in tensors)
