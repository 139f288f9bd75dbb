"""A network that stands alone to a weights folder: one graph, float32 or INT8, first compared with PyTorch."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from fitroom.errors import ExportError
from fitroom.export import openvino
from fitroom.export.graphs import Traced
from fitroom.export.weights import Origin
from fitroom.images import Picture
from fitroom.nets.registry import TENSORS
from fitroom.runtime.interface import batched
from fitroom.runtime.openvino import compile_graphs, ov
from fitroom.store import Manifest, Precision, Weights, save_weights

COMPARED = 8  # pictures

# of a compiled graph and pictures: the share of what it says that is what PyTorch says
Agreement = Callable[[Mapping[str, ov.CompiledModel], Sequence[Picture]], float]


def export_alone(
    network: Any, traced: dict[str, Traced], agreement: Agreement, wanted: float, folder: str | Path, origin: Origin,
    pictures: Sequence[Picture], precision: Precision, height: int, width: int, **facts: Any,
) -> Weights:  # fmt: skip
    """Write the weights folder of a network, in evaluation mode and rounded to half, whose one graph is `traced`.

    INT8's ranges come from `pictures`, uint8 (height, width, 3), which also compare. `facts` are further
    fields of the manifest. Raises ExportError where agreement
    is less than `wanted`, OutputError where the folder can't be written; nothing is left behind then.
    """
    manifest = Manifest(
        **dataclasses.asdict(origin), network=network.name, config=dataclasses.asdict(network.config),
        align_corners=False, height=height, width=width, precision=precision, files={}, **facts,
    )  # fmt: skip
    (graph,) = traced

    def write(target: Path) -> None:
        models = openvino.converted(traced)
        if precision == "int8":
            from fitroom.compress.quantize import of_inputs

            models = {graph: of_inputs(models[graph], [[batched(picture)] for picture in pictures])}
        openvino.save(models, target, half=precision != "fp32")
        save_file({key: value.half() if value.is_floating_point() else value
                   for key, value in network.state_dict().items()}, target / TENSORS)  # fmt: skip
        found = agreement(compile_graphs({graph: str(target / f"{graph}.xml")}), pictures[:COMPARED])
        if found < wanted:
            raise ExportError(
                f"what the exported {network.name} says of pixels is PyTorch's in {found:.2%}; need {wanted:.2%}."
            )

    return save_weights(folder, manifest, write)
