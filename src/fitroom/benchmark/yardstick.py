"""Time PF-AFN as published, with random weights, as the reference of a benchmark run at the same picture size."""

from collections.abc import Iterator

import torch

from fitroom.arrays import HEIGHT, WIDTH
from fitroom.compress.quantize import quantized
from fitroom.export.cases import drawn_cases
from fitroom.export.graphs import traced_graphs
from fitroom.export.openvino import converted
from fitroom.hardware import Spread, time_ms
from fitroom.nets.pfafn import Pfafn
from fitroom.runtime.interface import LOOK, batched
from fitroom.runtime.openvino import compile_graphs


def time_pfafn(repeats: int) -> Iterator[tuple[str, Spread]]:
    """Time one look at 256x192 with nothing encoded before: in PyTorch eager, OpenVINO float32 and OpenVINO INT8.

    Yields names and milliseconds.
    """
    torch.manual_seed(0)
    network = Pfafn().eval()
    traced = traced_graphs(network, HEIGHT, WIDTH)
    cases = drawn_cases(2, HEIGHT, WIDTH)
    arrays = [batched(picture) for picture in cases[0]]
    module, tensors = traced[LOOK][0], [torch.from_numpy(array) for array in arrays]

    @torch.inference_mode()
    def eager() -> None:
        module(*tensors)

    yield "pfafn_torch_eager", time_ms(eager, repeats, warm_up=1)
    models = converted(traced)
    for name, found in (("fp32", models), ("int8", quantized(models, cases))):
        request = compile_graphs({LOOK: found[LOOK]})[LOOK].create_infer_request()
        timing = time_ms(lambda request=request: request.infer(arrays), repeats, warm_up=1)  # type: ignore[misc]
        yield f"pfafn_openvino_{name}", timing
