"""Times untrained candidates of the guided network, which decides its shape: time does not depend on weights.

    python tools/time_guided.py OUT.csv

Every candidate is one graph from maps, garment and mask to the look, at 256x192. It runs in OpenVINO, in float32 and in
INT8, and in ONNX Runtime. Candidates take turns, so that a noisy moment meets all; the medians are written.
"""

# before nncf, see runtime/openvino.py
from fitroom.runtime.openvino import ov  # isort: skip

import csv
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from fitroom.compress.quantize import of_inputs
from fitroom.export.graphs import folded
from fitroom.export.openvino import converted
from fitroom.nets.body_warp import GuidedWarp, WarpConfig
from fitroom.nets.guidance import BODY_CHANNELS, PAINT_CHANNELS, WARP_CHANNELS
from fitroom.nets.painter import PaintConfig, Painter
from fitroom.nets.sampling import sample

ROUNDS, REPEATS = 15, 5
WARP, PAINT = WarpConfig(), PaintConfig()
CANDIDATES = {
    "as it is": (WARP, PAINT),
    "warp: wider": (replace(WARP, encoder=(32, 64, 96, 96), heads=(96, 96, 96, 64, 64, 32, 48)), PAINT),
    "warp: one pass at 1/4": (replace(WARP, passes=(1, 2, 2, 1), heads=(64, 64, 64, 48, 56, 48)), PAINT),
    "warp: narrow at 1/4": (replace(WARP, encoder=(16, 48, 96, 96), heads=(64, 64, 64, 48, 48, 16, 32)), PAINT),
    "painter: 16 at 1/2": (WARP, PaintConfig((16, 48, 80, 104))),
    "painter: 32 at 1/2": (WARP, PaintConfig((32, 48, 80, 104))),
    "painter: wide inside": (WARP, PaintConfig((24, 40, 96, 128))),
    "painter: wide at 1/4": (WARP, PaintConfig((24, 64, 80, 96))),
}


class Candidate(nn.Module):
    """From maps, a garment and its mask to the look, as the dress graph will do."""

    def __init__(self, warp: GuidedWarp, painter: Painter) -> None:
        super().__init__()
        self.warp, self.painter = warp, painter

    def forward(self, maps: Tensor, shown: Tensor, drawn: Tensor, garment: Tensor, mask: Tensor) -> Tensor:
        flow = self.warp(maps, F.avg_pool2d(garment, 2), F.avg_pool2d(mask, 2))[-1]
        flow = F.interpolate(flow, scale_factor=2.0, mode="bilinear", align_corners=False)
        warped = sample(garment, flow, False)
        painted = self.painter(
            self.painter.person_features(shown, drawn), warped, sample(mask, flow, False, padding="zeros")
        )
        return painted.rendered + painted.composition * (warped - painted.rendered)


def timers(network: Candidate, inputs: tuple[Tensor, ...], folder: Path) -> dict[str, Callable[[], object]]:
    """Make calls of the candidate in every runtime."""
    names = "maps", "shown", "drawn", "garment", "mask"
    model = converted({"dress": (network, inputs, names, ("look",))})["dress"]
    arrays = [part.numpy() for part in inputs]
    calls: dict[str, Callable[[], object]] = {}
    for name, one in (("openvino float32", model), ("openvino int8", of_inputs(model, [arrays] * 4))):
        compiled = ov.Core().compile_model(one, "CPU", {"PERFORMANCE_HINT": "LATENCY"})
        request = compiled.create_infer_request()
        calls[name] = lambda request=request: request.infer(arrays, share_inputs=True)
    path = str(folder / "dress.onnx")
    torch.onnx.export(
        network, inputs, path, opset_version=19, dynamo=False, input_names=list(names), output_names=["look"]
    )
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    calls["onnx float32"] = lambda: session.run(None, dict(zip(names, arrays, strict=True)))
    return calls


def main(out: str) -> None:
    """Time all candidates and write OUT."""
    generator = torch.Generator().manual_seed(0)
    shapes = (
        (WARP_CHANNELS, 128, 96),
        (PAINT_CHANNELS, 256, 192),
        (BODY_CHANNELS, 128, 96),
        (3, 256, 192),
        (1, 256, 192),
    )
    inputs = tuple(torch.rand(1, *shape, generator=generator) for shape in shapes)
    rows, calls = {}, {}
    for name, (warp, paint) in CANDIDATES.items():
        network = folded(Candidate(GuidedWarp(warp), Painter(paint))).requires_grad_(False)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(*inputs)
        counts = [sum(p.numel() for p in part.parameters()) / 1e6 for part in (network.warp, network.painter)]
        rows[name] = {
            "candidate": name,
            "G multiply-adds": f"{counter.get_total_flops() / 2e9:.2f}",
            "M parameters, warp": f"{counts[0]:.2f}",
            "M parameters, painter": f"{counts[1]:.2f}",
        }
        with tempfile.TemporaryDirectory() as folder:
            calls[name] = timers(network, inputs, Path(folder))
    spent: dict[tuple[str, str], list[float]] = {}
    for _ in range(ROUNDS):
        for name, runtimes in calls.items():
            for runtime, call in runtimes.items():
                call()  # the others' calls have filled the caches
                begun = time.perf_counter()
                for _ in range(REPEATS):
                    call()
                spent.setdefault((name, runtime), []).append(1000 * (time.perf_counter() - begun) / REPEATS)
    for (name, runtime), values in spent.items():
        rows[name][f"ms, {runtime}"] = f"{np.median(values):.1f}"
    with Path(out).open("w", newline="") as file:
        writer = csv.DictWriter(file, list(next(iter(rows.values()))))
        writer.writeheader()
        writer.writerows(rows.values())


if __name__ == "__main__":
    main(sys.argv[1])
