"""Read the layer widths of a pruned network, to keep them in its config, and apply them to a fresh network."""

from collections.abc import Mapping
from typing import Any

from torch import nn

Widths = Mapping[str, tuple[int, int]]  # by a layer's name: channels in, channels out


def widths(network: nn.Module) -> dict[str, tuple[int, int]]:
    """Return the channels in and out of every convolution, linear layer and batch norm, by name."""
    found = {}
    for name, layer in network.named_modules():
        if isinstance(layer, nn.Conv2d):
            found[name] = (layer.in_channels, layer.out_channels)
        elif isinstance(layer, nn.Linear):
            found[name] = (layer.in_features, layer.out_features)
        elif isinstance(layer, nn.BatchNorm2d):
            found[name] = (layer.num_features, layer.num_features)
    return found


def narrow(network: nn.Module, wanted: Widths) -> None:
    """Replace the named layers by fresh ones of the wanted widths. Raises KeyError for a name of no such layer."""
    for name, (inputs, outputs) in wanted.items():
        parent, _, last = name.rpartition(".")
        try:
            layer = network.get_submodule(name)
        except AttributeError as error:
            raise KeyError(name) from error
        setattr(network.get_submodule(parent), last, resized(layer, inputs, outputs, name))


def resized(layer: nn.Module, inputs: int, outputs: int, name: str) -> nn.Module:
    """Make a fresh layer like another, with other widths. Raises KeyError for other kinds of layers."""
    if isinstance(layer, nn.Conv2d):
        shape: dict[str, Any] = {name: getattr(layer, name) for name in ("kernel_size", "stride", "padding")}
        return nn.Conv2d(inputs, outputs, bias=layer.bias is not None, **shape)
    if isinstance(layer, nn.Linear):
        return nn.Linear(inputs, outputs, bias=layer.bias is not None)
    if isinstance(layer, nn.BatchNorm2d):
        return nn.BatchNorm2d(outputs)
    raise KeyError(name)
