"""Time correlation at PF-AFN's five sizes: ours, shift-multiply-sum, and the original system's im2col form."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fitroom.export.openvino import converted
from fitroom.hardware import Spread, time_ms
from fitroom.nets.correlation import correlation, correlation_reference
from fitroom.runtime.openvino import compile_graphs, ov

CHANNELS = 256
SIZES = ((8, 6), (16, 12), (32, 24), (64, 48), (128, 96))
RADIUS = 3


def correlation_im2col(first: Tensor, second: Tensor, radius: int = RADIUS) -> Tensor:
    """Correlate by unfolding every window into a column, as the original system does; the result is the same."""
    batch, channels, height, width = first.shape
    side = 2 * radius + 1
    columns = F.unfold(second, side, padding=radius).reshape(batch, channels, side * side, height * width)
    return (first.reshape(batch, channels, 1, -1) * columns).sum(dim=1).reshape(batch, -1, height, width)


FORMS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "ours": correlation,
    "shift_multiply_sum": correlation_reference,
    "im2col": correlation_im2col,
}


class Correlation(nn.Module):
    """One form of correlation, as a module that can be converted to OpenVINO."""

    def __init__(self, form: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.form = form

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Correlate two feature maps (N, C, H, W)."""
        return self.form(first, second)


def time_correlation(repeats: int) -> dict[str, Spread]:
    """Time all five sizes in sequence, in milliseconds, by runtime and form: openvino_ours, torch_im2col, ..."""
    generator = torch.Generator().manual_seed(0)
    inputs = [tuple(torch.randn(1, CHANNELS, *size, generator=generator) for _ in range(2)) for size in SIZES]
    timings = {}
    for name, form in FORMS.items():
        module = Correlation(form).eval()
        names = ("first", "second")
        models = converted({str(size): (module, pair, names, ("correlation",)) for size, pair in enumerate(inputs)})
        requests = [compiled.create_infer_request() for compiled in compile_graphs(models).values()]
        arrays = [[x.numpy() for x in pair] for pair in inputs]

        def in_openvino(requests: list[ov.InferRequest] = requests, arrays: Any = arrays) -> None:
            for request, pair in zip(requests, arrays, strict=True):
                request.infer(pair, share_inputs=True, share_outputs=True)

        @torch.inference_mode()
        def in_torch(form: Callable[[Tensor, Tensor], Tensor] = form) -> None:
            for pair in inputs:
                form(*pair)

        timings[f"openvino_{name}"] = time_ms(in_openvino, repeats)
        timings[f"torch_{name}"] = time_ms(in_torch, repeats)
    return timings
