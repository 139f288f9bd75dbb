"""Prepares quantization-aware training with NNCF: simulates rounding while weights and ranges are trained.

Each stage of a network (person, garment, flow, generator) is quantized separately. The result is a `TryOnNetwork`, so
the usual loop trains it, and it exports to the usual graphs. Needs the extra `compress`.
"""

import contextlib
import io
import logging
from collections.abc import Sequence
from typing import Any, cast

import torch

# before nncf, which imports openvino: this module hides openvino's telemetry first
from fitroom.runtime.openvino import ov  # noqa: F401 # isort: skip

import nncf
from nncf.quantization.advanced_parameters import AdvancedQuantizationParameters, OverflowFix
from torch import Tensor, nn

from fitroom.export.cases import Case
from fitroom.export.graphs import folded
from fitroom.nets.graphs import to_mask, to_unit
from fitroom.nets.interface import Dressed, Features, TryOnNetwork
from fitroom.runtime.interface import batched

STAGES_OF = {
    "warp": ("person", "garment", "flow"),
    "generator": ("generator",),
}  # stages by module, split as in the original system

# Patterns (NNCF's names) of operations that stay in float32: a stage's own operations on positions, masks and colours,
# and the upsampling of the flow. Only layers are quantized.
FLOATING = (r"/.*", r"upsample/.*", r"affine/.*")


class Stage(nn.Module):
    """One of a network's four methods, as a module."""

    def __init__(self, network: TryOnNetwork) -> None:
        super().__init__()
        self.network = network


class PersonStage(Stage):
    """Person to features."""

    def forward(self, person: Tensor) -> Features:
        """See `TryOnNetwork.person_features`."""
        return self.network.person_features(person)


class GarmentStage(Stage):
    """Garment and garment mask to features."""

    def forward(self, garment: Tensor, garment_mask: Tensor) -> Features:
        """See `TryOnNetwork.garment_features`."""
        return self.network.garment_features(garment, garment_mask)


class FlowStage(Stage):
    """Features of person and garment to flows."""

    def forward(self, *features: Tensor) -> tuple[Tensor, ...]:
        """See `TryOnNetwork.flows`. `features` are those of the person, then those of the garment."""
        persons = self.network.person_maps
        return self.network.flows(features[:persons], features[persons:])


class GeneratorStage(Stage):
    """Person, garment, garment mask, flow, and features of person and garment to `Dressed`."""

    def forward(self, person: Tensor, garment: Tensor, mask: Tensor, flow: Tensor, *features: Tensor) -> Dressed:
        """See `TryOnNetwork.generate`. `features` are those of the person, then those of the garment."""
        persons = self.network.person_maps
        return self.network.generate(person, garment, mask, flow, features[:persons], features[persons:])


class QuantizedNetwork(TryOnNetwork):
    """A `TryOnNetwork` whose stages simulate INT8, with folded batch norms."""

    def __init__(self, network: TryOnNetwork, stages: dict[str, nn.Module]) -> None:
        """Use `stages` of `network`: person, garment, flow and generator, each quantized or not."""
        super().__init__()
        self.name = network.name
        self.align_corners = network.align_corners
        self.config = network.config
        self.person_maps = network.person_maps
        self.stages = nn.ModuleDict(stages)

    def person_features(self, person: Tensor) -> Features:
        """See `TryOnNetwork`."""
        return tuple(self.stages["person"](person))

    def garment_features(self, garment: Tensor, garment_mask: Tensor) -> Features:
        """See `TryOnNetwork`."""
        return tuple(self.stages["garment"](garment, garment_mask))

    def flows(self, person_features: Features, garment_features: Features) -> tuple[Tensor, ...]:
        """See `TryOnNetwork`."""
        return tuple(self.stages["flow"](*person_features, *garment_features))

    def generate(
        self,
        person: Tensor,
        garment: Tensor,
        garment_mask: Tensor,
        flow: Tensor,
        person_features: Features,
        garment_features: Features = (),
    ) -> Dressed:
        """See `TryOnNetwork`."""
        features = (*person_features, *garment_features)
        return Dressed(*self.stages["generator"](person, garment, garment_mask, flow, *features))


def stage_inputs(network: TryOnNetwork, cases: Sequence[Case]) -> dict[str, list[tuple[Tensor, ...]]]:
    """Compute the inputs of each stage for some cases."""
    inputs: dict[str, list[tuple[Tensor, ...]]] = {"person": [], "garment": [], "flow": [], "generator": []}
    with torch.no_grad():
        for case in cases:
            person, garment, mask = (torch.from_numpy(batched(picture).copy()) for picture in case)
            pictures = to_unit(person), to_unit(garment), to_mask(mask)
            sides = network.person_features(pictures[0]), network.garment_features(*pictures[1:])
            inputs["person"].append(pictures[:1])
            inputs["garment"].append(pictures[1:])
            inputs["flow"].append((*sides[0], *sides[1]))
            inputs["generator"].append((*pictures, network.flows(*sides)[-1], *sides[0], *sides[1]))
    return inputs


def simulated(network: TryOnNetwork, cases: Sequence[Case], modules: Sequence[str]) -> QuantizedNetwork:
    """Return a copy that simulates INT8 in `modules` (keys of STAGES_OF), with ranges calibrated on `cases`."""
    float_network = folded(network)
    stages: dict[str, nn.Module] = {
        "person": PersonStage(float_network),
        "garment": GarmentStage(float_network),
        "flow": FlowStage(float_network),
        "generator": GeneratorStage(float_network),
    }
    nncf.set_log_level(logging.ERROR)
    inputs = stage_inputs(float_network, cases)
    settings = AdvancedQuantizationParameters(overflow_fix=OverflowFix.ENABLE)
    floating = nncf.IgnoredScope(patterns=list(FLOATING), validate=False)

    def of_stage(name: str) -> nn.Module:
        data: Any = [item[0] if len(item) == 1 else item for item in inputs[name]]
        quantized = nncf.quantize(
            stages[name],
            nncf.Dataset(data),
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(cases),
            ignored_scope=floating,
            advanced_parameters=settings,
        )
        return cast(nn.Module, quantized)

    with contextlib.redirect_stdout(io.StringIO()):
        for name in [stage for module in modules for stage in STAGES_OF[module]]:
            stages[name] = of_stage(name)
    return QuantizedNetwork(float_network, stages)
