"""Exports try-on networks to weights folders, after comparing the graphs with PyTorch."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from fitroom.arrays import HEIGHT, WIDTH
from fitroom.errors import InputError
from fitroom.export import openvino
from fitroom.export.cases import Cases
from fitroom.export.graphs import traced_graphs
from fitroom.export.parity import BOUNDS, Bound, Difference, check
from fitroom.nets.interface import TryOnNetwork
from fitroom.nets.registry import TENSORS
from fitroom.runtime.interface import GRAPHS, LOOK, Runner
from fitroom.runtime.openvino import OpenVinoRunner, compile_graphs, ov
from fitroom.store import GraphFormat, Manifest, Precision, Weights, open_weights, save_weights

Step = Callable[[str], None]
Quantize = Callable[[dict[str, ov.Model], Cases], dict[str, ov.Model]]  # float32 graphs by name to INT8 graphs

DRAWN = Cases()


def silent(message: str) -> None:
    """Ignore a progress message."""


@dataclass(frozen=True)
class ExportConfig:
    """Format and contents of exported weights."""

    graphs: GraphFormat = "openvino"
    precision: Precision = "fp32"
    whole: bool = False  # also export LOOK, the single graph from pictures to look
    tensors: bool = True  # store the network's tensors, for PyTorch, training and further exports
    half_tensors: bool = False  # round the network to float16 first, and store its tensors as float16
    kept: tuple[str, ...] = ()  # for the manifest: regular expressions of operations left in float32
    bound: Bound | None = None  # replaces BOUNDS[precision]


@dataclass(frozen=True)
class Origin:
    """Name, origin and terms of a network, for the manifest."""

    name: str
    version: str
    training_data: str
    terms: str
    history: tuple[str, ...] = ()

    @classmethod
    def of(cls, manifest: Manifest) -> "Origin":
        """Take the origin of existing weights."""
        named = {field.name: getattr(manifest, field.name) for field in dataclasses.fields(cls)}
        return cls(**named)


@dataclass(frozen=True)
class Exported:
    """Exported weights, and the difference of their looks from PyTorch's."""

    weights: Weights
    difference: Difference


def round_to_half(network: nn.Module) -> None:
    """Round every float tensor to float16 values in place, so that tensors and graphs have equal weights."""
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(tensor.half().float())


def fits_half(network: nn.Module) -> bool:
    """Return whether float16 holds every float tensor exactly."""
    floats = [tensor for tensor in network.state_dict().values() if tensor.is_floating_point()]
    return all(torch.equal(tensor, tensor.half().float()) for tensor in floats)


def write_graphs(
    network: TryOnNetwork,
    folder: Path,
    config: ExportConfig,
    cases: Cases,
    height: int,
    width: int,
    step: Step,
    quantize: Quantize | None,
) -> None:
    """Convert a network's graphs, quantize them if `quantize` is given, and write them to a folder."""
    traced = traced_graphs(network, height, width)
    if not config.whole:
        del traced[LOOK]
    if config.graphs == "onnx":
        from fitroom.export import onnx

        step("converting the network to ONNX")
        onnx.save(traced, folder, half=config.precision == "fp16")
        return
    step("converting the network to OpenVINO")
    models = openvino.converted(traced)
    if quantize is not None:
        step(f"quantizing on {len(cases.calibrated)} pairs")
        models = quantize(models, cases)
    openvino.save(models, folder, half=config.precision != "fp32")


def open_graphs(folder: Path, graphs: GraphFormat) -> Runner:
    """Open the graphs of a folder in a runner."""
    if graphs == "onnx":
        from fitroom.runtime.onnx import OnnxRunner

        return OnnxRunner({name: folder / f"{name}.onnx" for name in GRAPHS})
    return OpenVinoRunner(compile_graphs({name: str(folder / f"{name}.xml") for name in GRAPHS}))


def export_network(
    network: TryOnNetwork,
    folder: str | Path,
    origin: Origin,
    config: ExportConfig = ExportConfig(),
    cases: Cases = DRAWN,
    height: int = HEIGHT,
    width: int = WIDTH,
    step: Step = silent,
    quantize: Quantize | None = None,
    simulated: TryOnNetwork | None = None,
) -> Exported:
    """Write a weights folder, and compare the written graphs with PyTorch.

    INT8 needs `quantize` (see `compress.quantize.quantizer`) or `simulated`, the network after quantization-aware
    training. With `simulated`, graphs are made from it and compared with it, because training has changed its
    weights; the stored tensors are still those of `network`.

    Raises InputError for INT8 in ONNX, for INT8 without either, and for either without INT8; ExportError if looks
    differ by more than the bound; OutputError if the folder can't be written. Nothing is left behind after an error.
    """
    if config.graphs == "onnx" and config.precision == "int8":
        raise InputError("INT8 needs OpenVINO graphs; export ONNX in fp32 or fp16, or give --format openvino.")
    if (config.precision == "int8") != (quantize is not None or simulated is not None):
        raise InputError(
            f"precision {config.precision}: INT8 needs `quantize` or `simulated`, other precisions neither."
        )
    network = network.eval().to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    if config.half_tensors:
        round_to_half(network)
    manifest = Manifest(
        **dataclasses.asdict(origin),
        network=network.name,
        config=dataclasses.asdict(network.config),
        align_corners=network.align_corners,
        parses=network.parses,
        height=height,
        width=width,
        graphs=config.graphs,
        precision=config.precision,
        kept=config.kept,
        files={},
    )
    sized = cases.of_size(height, width)
    written = network if simulated is None else simulated.eval()
    with save_weights(folder, manifest) as target:
        write_graphs(written, target, config, sized, height, width, step, quantize)
        if config.tensors:
            state = {
                key: (value.half() if config.half_tensors and value.is_floating_point() else value).contiguous().clone()
                for key, value in network.state_dict().items()
            }
            save_file(state, target / TENSORS)
        step("comparing with PyTorch")
        bound = config.bound or BOUNDS[config.precision]
        difference = check(written, open_graphs(target, config.graphs), sized.compared, bound)
    return Exported(open_weights(Path(folder).absolute()), difference)
