"""Networks to weights folders: graphs and tensors, compared with PyTorch before anything is kept."""

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
Quantize = Callable[[dict[str, ov.Model], Cases], dict[str, ov.Model]]  # float32 graphs by name to INT8 ones

DRAWN = Cases()


def silent(message: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class ExportConfig:
    """What is made of a network."""

    graphs: GraphFormat = "openvino"
    precision: Precision = "fp32"
    whole: bool = False  # the single graph too, from pictures to the look
    tensors: bool = True  # the network's own, which PyTorch, training and further exports read
    half_tensors: bool = False  # round the network to 16-bit values first, and store them in 16 bits
    kept: tuple[str, ...] = ()  # names of operations, regular expressions, that INT8 left in float32: for the manifest
    bound: Bound | None = None  # in place of BOUNDS[precision]


@dataclass(frozen=True)
class Origin:
    """What the manifest says of a network."""

    name: str
    version: str
    training_data: str
    terms: str
    history: tuple[str, ...] = ()

    @classmethod
    def of(cls, manifest: Manifest) -> "Origin":
        """That of weights that there are."""
        named = {field.name: getattr(manifest, field.name) for field in dataclasses.fields(cls)}
        return cls(**named)


@dataclass(frozen=True)
class Exported:
    """Weights, and how far their looks are from PyTorch's."""

    weights: Weights
    difference: Difference


def round_to_half(network: nn.Module) -> None:
    """Round every tensor to what 16 bits hold, in place, so that stored halves and float32 graphs agree to the bit."""
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(tensor.half().float())


def fits_half(network: nn.Module) -> bool:
    """Whether 16 bits hold every tensor without loss."""
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
    """Convert a network's graphs, quantize them where that is asked for, and write them into a folder."""
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
    """A runner on the graphs of a folder."""
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
    """Write a weights folder, and compare what was written with PyTorch.

    INT8 graphs need either `quantize`, see `compress.quantize.quantizer`, or `simulated`, the network after
    quantization-aware training. Graphs are then made of `simulated` and compared with it, since training has moved it
    away from `network`. Raises InputError for INT8 in ONNX or without either, ExportError where looks differ by more
    than the precision's bound, OutputError where the folder can't be written; nothing is left behind then.
    """
    if config.graphs == "onnx" and config.precision == "int8":
        raise InputError("INT8 is for OpenVINO graphs: export ONNX in fp32 or fp16, or give --format openvino.")
    if (config.precision == "int8") != (quantize is not None or simulated is not None):
        raise InputError(f"precision {config.precision}: INT8 needs a way to quantize, and no other precision has one.")
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
