"""A network that stands alone to a weights folder: one graph, float32 or INT8, first compared with PyTorch."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from fitroom.arrays import Picture
from fitroom.errors import ExportError
from fitroom.export import openvino
from fitroom.export.graphs import Traced
from fitroom.export.weights import Origin
from fitroom.nets.registry import TENSORS
from fitroom.runtime.interface import batched
from fitroom.runtime.openvino import compile_graphs, ov
from fitroom.store import Manifest, Precision, Weights, open_weights, save_weights

COMPARED = 8  # pictures

Quantize = Callable[[ov.Model, Sequence[Sequence[Any]]], ov.Model]  # a graph to INT8, by inputs to calibrate it on
# of a compiled graph and pictures: the share of what it says that is what PyTorch says
Agreement = Callable[[Mapping[str, ov.CompiledModel], Sequence[Picture]], float]


def export_single(
    network: Any,
    traced: dict[str, Traced],
    agreement: Agreement,
    wanted: float,
    folder: str | Path,
    origin: Origin,
    pictures: Sequence[Picture],
    precision: Precision,
    height: int,
    width: int,
    quantize: Quantize | None = None,
    **facts: Any,
) -> Weights:
    """Write the weights folder of a network, in evaluation mode and rounded to half, whose one graph is `traced`.

    `pictures`, uint8 (height, width, 3), compare the graph with PyTorch; `quantize` also calibrates INT8 on them.
    `facts` are further fields of the manifest. Raises ExportError where agreement is less than `wanted`, OutputError
    where the folder can't be written; nothing is left behind then.
    """
    manifest = Manifest(
        **dataclasses.asdict(origin),
        network=network.name,
        config=dataclasses.asdict(network.config),
        align_corners=False,
        height=height,
        width=width,
        precision=precision,
        files={},
        **facts,
    )
    (graph,) = traced

    with save_weights(folder, manifest) as target:
        models = openvino.converted(traced)
        if quantize is not None:
            models = {graph: quantize(models[graph], [[batched(picture)] for picture in pictures])}
        openvino.save(models, target, half=precision != "fp32")
        save_file(
            {key: value.half() if value.is_floating_point() else value for key, value in network.state_dict().items()},
            target / TENSORS,
        )
        found = agreement(compile_graphs({graph: str(target / f"{graph}.xml")}), pictures[:COMPARED])
        if found < wanted:
            raise ExportError(
                f"what the exported {network.name} says of pixels is PyTorch's in {found:.2%}; need {wanted:.2%}."
            )

    return open_weights(Path(folder).absolute())
