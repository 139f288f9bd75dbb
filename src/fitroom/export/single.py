"""Exports a network with a single graph (parser or segmenter) to a weights folder, after comparing it with PyTorch."""

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

Quantize = Callable[[ov.Model, Sequence[Sequence[Any]]], ov.Model]  # graph and calibration inputs to INT8 graph
# compiled graph by name, and pictures, to the share of pixels on which graph and PyTorch agree
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
    """Write the weights folder of a network whose only graph is in `traced`.

    The network must be in evaluation mode and rounded to half. The first COMPARED of `pictures`, uint8
    (height, width, 3), are compared with PyTorch; `quantize` calibrates INT8 on all of them. `facts` are further fields
    of the manifest. Raises ExportError if agreement, 0 to 1, is less than `wanted`, and OutputError if the folder can't
    be written; nothing is left behind then.
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
                f"the exported {network.name} agrees with PyTorch on {found:.2%} of the pixels; need {wanted:.2%}."
            )

    return open_weights(Path(folder).absolute())
