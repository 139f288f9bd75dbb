"""Structured pruning by Torch-Pruning's dependency graph (Fang et al., CVPR 2023): whole channels go, widths shrink.

Modules are pruned one at a time. What graphs and modules hand each other (feature pyramids, flows, the generator's
maps) keeps its width; inside, everything that must agree is cut alike. Needs the extra `compress`.
"""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import torch
import torch_pruning as tp
from torch import Tensor, nn

from fitroom.errors import InputError
from fitroom.nets.interface import Part, TryOnNetwork
from fitroom.nets.narrow import widths

Importance = Literal["l2", "batch_norm", "taylor"]
LARGEST = 0.9
ROUND_TO = 8  # channels; processors compute whole vectors
IMPORTANCE: dict[str, Any] = {
    "l2": lambda: tp.importance.GroupMagnitudeImportance(p=2),
    "batch_norm": tp.importance.BNScaleImportance,
    "taylor": tp.importance.GroupTaylorImportance,
}


def check_pruning(network: TryOnNetwork, modules: Sequence[str], ratio: float) -> None:
    """Raise InputError for a ratio or a module that can't be pruned."""
    if not 0 <= ratio <= LARGEST:
        raise InputError(f"ratio {ratio}: need 0 to {LARGEST}.")
    known = network.parts()
    for name in modules:
        if name not in known:
            raise InputError(f"module {name!r} is unknown; there are: {', '.join(known)}.")


def pruned(
    network: TryOnNetwork, modules: Sequence[str], ratio: float, importance: Importance = "l2", round_to: int = ROUND_TO
) -> TryOnNetwork:
    """A narrower network: of the channels inside each module a share of `ratio` is left out, the least important.

    The network itself stays as it is. "taylor" reads the gradients that its parameters hold. Widths are multiples of
    `round_to`, layers narrower than that stay. Raises InputError.
    """
    check_pruning(network, modules, ratio)
    cut = rebuilt(network)
    for name, parameter in network.named_parameters():
        if parameter.grad is not None:
            cut.get_parameter(name).grad = parameter.grad.clone()
    for name in modules:
        for part in cut.parts()[name]:
            if ratio:
                prune_part(part, ratio, importance, round_to)
    return settled(cut, network)


def prune_part(part: Part, ratio: float, importance: Importance, round_to: int) -> None:
    """Narrow one part in place."""
    example = [torch.rand(shape, generator=torch.Generator().manual_seed(0)) for shape in part.inputs]
    narrow_layers = [
        layer for layer in part.module.modules() if isinstance(layer, nn.Conv2d) and layer.out_channels <= round_to
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pruner = tp.pruner.BasePruner(
            Inputs(part.module),
            example,
            importance=IMPORTANCE[importance](),
            pruning_ratio=ratio,
            ignored_layers=[*part.kept, *narrow_layers],
            round_to=round_to,
            global_pruning=False,
        )
        pruner.step()


class Inputs(nn.Module):
    """A part called with a list of inputs; its outputs in a flat list."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, inputs: list[Tensor]) -> list[Tensor]:
        return flat(self.module(*inputs))


def flat(outputs: Any) -> list[Tensor]:
    """Tensors of nested sequences."""
    return [outputs] if isinstance(outputs, Tensor) else [tensor for output in outputs for tensor in flat(output)]


def rebuilt(network: TryOnNetwork) -> TryOnNetwork:
    """A copy that shares nothing."""
    copy = type(network)(network.config)  # type: ignore[arg-type]
    copy.load_state_dict(network.state_dict())
    return copy.eval()


def settled(cut: TryOnNetwork, network: TryOnNetwork) -> TryOnNetwork:
    """The pruned network built anew from a config that names its widths."""
    unpruned = widths(type(network)(replace(network.config, widths={})))  # type: ignore[arg-type]
    narrower = {name: width for name, width in widths(cut).items() if width != unpruned[name]}
    config = replace(network.config, widths=narrower)
    found = type(network)(config)  # type: ignore[arg-type]
    found.load_state_dict(cut.state_dict())
    return found.eval()
