"""Build networks by name from their config, and load them from weights."""

import dataclasses
from typing import Any

from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from fitroom.errors import WeightsError
from fitroom.nets.guided import Guided, GuidedConfig
from fitroom.nets.interface import TryOnNetwork
from fitroom.nets.lite import Lite, LiteConfig
from fitroom.nets.pfafn import Pfafn, PfafnConfig
from fitroom.store import Weights

TENSORS = "network.safetensors"
NETWORKS: dict[str, tuple[type[TryOnNetwork], type[Any]]] = {
    "guided": (Guided, GuidedConfig),
    "lite": (Lite, LiteConfig),
    "pfafn": (Pfafn, PfafnConfig),
}


def build_network(name: str, config: dict[str, Any]) -> TryOnNetwork:
    """Build a network with fresh weights. Raises WeightsError for an unknown name, or an unknown or wrong setting."""
    if name not in NETWORKS:
        raise WeightsError(f"network {name!r} is unknown; there are: {', '.join(sorted(NETWORKS))}.")
    network, settings = NETWORKS[name]
    unknown = set(config) - {field.name for field in dataclasses.fields(settings)}
    if unknown:
        raise WeightsError(f"network {name!r} has no setting {', '.join(sorted(unknown))}.")
    try:
        return network(TypeAdapter(settings).validate_python(config))
    except ValidationError as error:
        raise WeightsError(f"network {name!r}: {error.errors()[0]['msg']} in its settings.") from error


def widened(tensor: Tensor) -> Tensor:
    """Convert a float tensor of any precision to float32. Other tensors stay as they are."""
    return tensor.float() if tensor.is_floating_point() else tensor


def tensors_of(weights: Weights) -> dict[str, Tensor]:
    """Read the tensors of a weights folder in float32. Raises WeightsError if they are missing or damaged."""
    path = weights.file(TENSORS)
    try:
        return {name: widened(tensor) for name, tensor in load_file(path).items()}
    except SafetensorError as error:
        raise WeightsError(f"{path}: not a file of tensors ({error}).") from error


def load_network(weights: Weights) -> TryOnNetwork:
    """Load the network of a weights folder, in evaluation mode. Raises WeightsError if the tensors don't fit."""
    network = build_network(weights.manifest.network, weights.manifest.config)
    tensors = tensors_of(weights)
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise WeightsError(f"{weights.folder / TENSORS}: the tensors belong to another network ({error}).") from error
    return network.eval()
