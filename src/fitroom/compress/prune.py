"""Prunes whole channels with Torch-Pruning's dependency graph (Fang et al., CVPR 2023).

Modules are pruned one at a time. Tensors passed between graphs or modules (feature pyramids, flows, the generator's
maps) keep their width. Inside a module, coupled layers are pruned together. Needs the extra `compress`.
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
ROUND_TO = 8  # channels; processors compute in vectors
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
    """Return a copy of a network without the least important channels of each module.

    `ratio`, 0 to LARGEST, is the share of channels that is removed. Importance "taylor" reads the gradients of the
    network's parameters. Widths are rounded to multiples of `round_to`; convolutions with at most `round_to` output
    channels stay. Raises InputError for a wrong ratio or module.
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
    """Prune one part in place."""
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
    """Wraps a part of a network to take a list of inputs and return a flat list of outputs."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, inputs: list[Tensor]) -> list[Tensor]:
        """Run the part."""
        return flat(self.module(*inputs))


def flat(outputs: Any) -> list[Tensor]:
    """Flatten nested sequences of tensors."""
    return [outputs] if isinstance(outputs, Tensor) else [tensor for output in outputs for tensor in flat(output)]


def rebuilt(network: TryOnNetwork) -> TryOnNetwork:
    """Return a copy in evaluation mode that shares no tensors."""
    copy = type(network)(network.config)  # type: ignore[arg-type]
    copy.load_state_dict(network.state_dict())
    return copy.eval()


def settled(cut: TryOnNetwork, network: TryOnNetwork) -> TryOnNetwork:
    """Rebuild the pruned network `cut` from a config that holds its widths."""
    unpruned = widths(type(network)(replace(network.config, widths={})))  # type: ignore[arg-type]
    narrower = {name: width for name, width in widths(cut).items() if width != unpruned[name]}
    config = replace(network.config, widths=narrower)
    found = type(network)(config)  # type: ignore[arg-type]
    found.load_state_dict(cut.state_dict())
    return found.eval()
