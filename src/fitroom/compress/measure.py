"""Measures a network's size, multiply-adds, speed and quality."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode

from fitroom.evaluate.evaluate import evaluate
from fitroom.evaluate.plan import Plan
from fitroom.evaluate.systems import FitroomSystem
from fitroom.export.cases import Case
from fitroom.export.graphs import traced_graphs
from fitroom.export.openvino import converted
from fitroom.export.parity import look
from fitroom.hardware import time_ms
from fitroom.nets.interface import TryOnNetwork
from fitroom.runtime.interface import GRAPHS
from fitroom.runtime.openvino import OpenVinoRunner, compile_graphs
from fitroom.store import Weights
from fitroom.tryon import TryOn

BYTES = 4  # per float32 parameter; the original system counts sizes like this
QUALITY = ("swap_back_ssim", "retrieval_top5")


@dataclass(frozen=True)
class Cost:
    """Parameters and multiply-adds of a network or of one of its modules."""

    multiply_adds: float  # billions, for one look at the network's picture size
    parameters: float  # millions

    @property
    def megabytes(self) -> float:
        """Size of the parameters in float32."""
        return self.parameters * BYTES


@dataclass(frozen=True)
class Worth:
    """Quality on a plan's pairs, and speed of the network alone."""

    figures: dict[str, float]  # by the keys of evaluate.measures
    ms: float  # median milliseconds of one look, both encoders included

    def loss_against(self, other: "Worth") -> float:
        """Return the largest relative loss among the figures of QUALITY; negative if all improved."""
        return max(1 - self.figures[name] / max(other.figures[name], 1e-9) for name in QUALITY)


def costs(network: TryOnNetwork, height: int, width: int) -> dict[str, Cost]:
    """Return the costs of every module that can be pruned, and of the whole network as "all"."""
    person, garment = (torch.zeros(1, channels, height, width) for channels in (network.person_channels, 3))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(person, garment, torch.ones(1, 1, height, width))
    work = {name: sum(operations.values()) / 2 for name, operations in counter.get_flop_counts().items()}
    names = {module: name for name, module in network.named_modules()}
    prefix = type(network).__name__
    found = {"all": Cost(work["Global"] / 1e9, millions([network]))}
    for module, parts in network.parts().items():
        stretches = [
            stretch for part in parts for stretch in ([part.module] if part.module in names else part.module.children())
        ]
        counted = sum(work.get(f"{prefix}.{names[stretch]}", 0) for stretch in stretches)
        found[module] = Cost(counted / 1e9, millions(stretches))
    return found


def millions(modules: Sequence[torch.nn.Module]) -> float:
    """Count the parameters of modules, in millions."""
    return sum(parameter.numel() for module in modules for parameter in module.parameters()) / 1e6


def runner_of(network: TryOnNetwork, height: int, width: int) -> OpenVinoRunner:
    """Convert a network to float32 OpenVINO and compile it."""
    traced = traced_graphs(network, height, width)
    return OpenVinoRunner(compile_graphs(converted({name: traced[name] for name in GRAPHS})))


def worth_of_graphs(weights: Weights, plan: Plan, case: Case, repeats: int = 20) -> Worth:
    """Measure the stored graphs of a weights folder, in their precision; quality is measured through `TryOn`."""
    runner = OpenVinoRunner.from_weights(weights)
    result = evaluate(FitroomSystem(TryOn(weights, runner), "openvino"), plan)
    return Worth(result.figures, time_ms(lambda: look(runner, case), repeats).median)


def worth(network: TryOnNetwork, weights: Weights, plan: Plan, case: Case, repeats: int = 20) -> Worth:
    """Measure a variant of the weights' network in float32 OpenVINO; quality is measured through `TryOn`."""
    runner = runner_of(network, weights.manifest.height, weights.manifest.width)
    result = evaluate(FitroomSystem(TryOn(weights, runner), "openvino"), plan)
    return Worth(result.figures, time_ms(lambda: look(runner, case), repeats).median)
