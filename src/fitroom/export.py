"""Networks to weights folders: OpenVINO graphs and tensors, compared with PyTorch before anything is kept."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from fitroom.data.synthetic import samples
from fitroom.errors import ExportError
from fitroom.images import HEIGHT, WIDTH, to_tensor
from fitroom.nets.interface import Dressed, TryOnNetwork
from fitroom.nets.lite import Lite
from fitroom.nets.pfafn import Pfafn
from fitroom.nets.registry import TENSORS, network_name
from fitroom.runtime.interface import Array
from fitroom.runtime.openvino import GRAPHS, OpenVinoRunner, ov
from fitroom.runtime.torch import to_arrays
from fitroom.store import Manifest, Weights, save_weights

# difference between PyTorch's and the exported look, in [-1, 1]: one step of an 8-bit picture
BOUND = 1 / 127.5
# ... kept by this share of the values. Not by all: where flow is ill-conditioned (dialect lzhms, whose correlations are
# large sums) float32 rounding alone can send single pixels elsewhere
SHARE = 0.999


class PersonGraph(nn.Module):
    """person -> features"""

    def __init__(self, network: TryOnNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, person: Tensor) -> tuple[Tensor, ...]:
        return self.network.person_features(person)


class GarmentGraph(nn.Module):
    """garment, garment mask -> features"""

    def __init__(self, network: TryOnNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, garment: Tensor, garment_mask: Tensor) -> tuple[Tensor, ...]:
        return self.network.garment_features(garment, garment_mask)


class DressGraph(nn.Module):
    """person, garment, garment mask, features of both -> Dressed"""

    def __init__(self, network: TryOnNetwork, levels: int) -> None:
        super().__init__()
        self.network = network
        self.levels = levels

    def forward(self, person: Tensor, garment: Tensor, garment_mask: Tensor, *features: Tensor) -> tuple[Tensor, ...]:
        sides = features[: self.levels], features[self.levels :]
        return tuple(self.network.dress(person, garment, garment_mask, *sides))


def write_graphs(network: Lite | Pfafn, folder: Path, height: int, width: int) -> None:
    """Convert the three graphs and save them with float32 constants."""
    person = torch.zeros(1, 3, height, width)
    mask = torch.zeros(1, 1, height, width)
    with torch.no_grad():
        person_features = network.person_features(person)
        garment_features = network.garment_features(person, mask)
    graphs: dict[str, tuple[nn.Module, tuple[Tensor, ...]]] = {
        "person": (PersonGraph(network), (person,)),
        "garment": (GarmentGraph(network), (person, mask)),
        "dress": (
            DressGraph(network, len(person_features)),
            (person, person, mask, *person_features, *garment_features),
        ),
    }
    for name in GRAPHS:
        module, example = graphs[name]
        model = ov.convert_model(module.eval(), example_input=example, input=[tuple(x.shape) for x in example])
        names = Dressed._fields if name == "dress" else [f"{name}_{level}" for level in range(len(model.outputs))]
        for port, port_name in zip(model.outputs, names, strict=True):
            port.get_tensor().set_names({port_name})
        ov.save_model(model, folder / f"{name}.xml", compress_to_fp16=False)


def check_inputs(height: int, width: int) -> tuple[Array, Array, Array]:
    """A drawn person, and a garment with its mask, as networks take them."""
    sample = next(samples(1, seed=7, height=height, width=width))
    return to_tensor(sample.photo.image), to_tensor(sample.garment), to_tensor(sample.garment_mask)


def compare(network: Lite | Pfafn, runner: OpenVinoRunner, height: int, width: int, bound: float = BOUND) -> float:
    """Difference of the look between PyTorch and the graphs, in [-1, 1], that SHARE of the values keep within.

    Raises ExportError above `bound`.
    """
    person, garment, mask = check_inputs(height, width)
    with torch.inference_mode():
        expected = to_arrays(network(*(torch.from_numpy(array) for array in (person, garment, mask))))
    found = runner.dress(person, garment, mask, runner.person_features(person), runner.garment_features(garment, mask))
    difference = float(np.quantile(np.abs(expected[0] - found.look), SHARE))
    if not difference <= bound:
        raise ExportError(f"the exported look differs from PyTorch's by {difference:.4f}, more than {bound:.4f}.")
    return difference


def round_to_half(network: nn.Module) -> None:
    """Round every tensor to what 16 bits hold, in place, so that stored halves and float32 graphs agree to the bit."""
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(tensor.half().float())


def export_weights(
    network: Lite | Pfafn,
    folder: str | Path,
    *,
    name: str,
    version: str,
    training_data: str,
    terms: str,
    half_tensors: bool = False,
    bound: float = BOUND,
    height: int = HEIGHT,
    width: int = WIDTH,
    step: Callable[[str], None] = lambda message: None,
) -> Weights:
    """Write a weights folder with float32 OpenVINO graphs and the network's tensors.

    With `half_tensors` the network is rounded to 16-bit values first, and its tensors are stored in 16 bits. Raises
    ExportError where a graph does not compute what the network computes, OutputError where the folder can't be
    written; nothing is left behind then.
    """
    network = network.eval().to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    if half_tensors:
        round_to_half(network)
    manifest = Manifest(
        name=name, version=version, network=network_name(network), config=dataclasses.asdict(network.config),
        align_corners=network.align_corners, height=height, width=width,
        training_data=training_data, terms=terms, files={},
    )  # fmt: skip

    def write(target: Path) -> None:
        step("converting the network to OpenVINO")
        write_graphs(network, target, height, width)
        state = {
            key: (value.half() if half_tensors and value.is_floating_point() else value).contiguous().clone()
            for key, value in network.state_dict().items()
        }
        save_file(state, target / TENSORS)
        step("comparing with PyTorch")
        compare(network, OpenVinoRunner({name: target / f"{name}.xml" for name in GRAPHS}), height, width, bound)

    return save_weights(folder, manifest, write)
