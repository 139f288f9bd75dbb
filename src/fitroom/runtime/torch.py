"""Runs networks in PyTorch, from the tensors of a weights folder. Needs the extra `train`."""

import numpy as np
import torch
from torch import Tensor

from fitroom.arrays import Picture
from fitroom.nets.graphs import DressGraph, GarmentGraph, PersonGraph
from fitroom.nets.interface import TryOnNetwork
from fitroom.nets.registry import load_network
from fitroom.runtime.interface import Dressed, Features
from fitroom.store import Weights


class TorchRunner:
    """A `Runner` in PyTorch. Computes in float32 on the CPU."""

    def __init__(self, network: TryOnNetwork) -> None:
        """Use a network, which should be in evaluation mode."""
        self.person = PersonGraph(network)
        self.garment = GarmentGraph(network)
        self.dressing = DressGraph(network)

    @classmethod
    def from_weights(cls, weights: Weights) -> "TorchRunner":
        """Load the network of a weights folder. Raises WeightsError if its tensors are missing or damaged."""
        return cls(load_network(weights))

    @torch.inference_mode()
    def person_features(self, person: Picture) -> Features:
        """See `Runner`."""
        return tuple(value.numpy() for value in self.person(tensor(person)))

    @torch.inference_mode()
    def garment_features(self, garment: Picture, garment_mask: Picture) -> Features:
        """See `Runner`."""
        return tuple(value.numpy() for value in self.garment(tensor(garment), tensor(garment_mask)))

    @torch.inference_mode()
    def dress(
        self,
        person: Picture,
        garment: Picture,
        garment_mask: Picture,
        person_features: Features,
        garment_features: Features,
    ) -> Dressed:
        """See `Runner`."""
        pictures = [tensor(picture) for picture in (person, garment, garment_mask)]
        features = [torch.from_numpy(value) for value in (*person_features, *garment_features)]
        return Dressed(*(value[0].numpy() for value in self.dressing(*pictures, *features)))


def tensor(picture: Picture) -> Tensor:
    """Return a copy of a picture or mask with a batch axis of size 1. It is a copy because arrays may be read-only."""
    return torch.from_numpy(np.array(picture, order="C")[None])
