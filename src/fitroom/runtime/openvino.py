"""Networks on OpenVINO: three compiled graphs, person, garment and dress.

Importing openvino reports the import, and converting reports the conversion, to its maker when the package
openvino_telemetry is found. Nothing of ours calls home: it is hidden here, and openvino is imported nowhere else.
"""

import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
import openvino as ov  # noqa: E402

from fitroom.runtime.interface import Array, Dressed, Features  # noqa: E402
from fitroom.store import Weights  # noqa: E402

__all__ = ["GRAPHS", "OpenVinoRunner", "device_name", "ov"]

GRAPHS = ("person", "garment", "dress")


def device_name() -> str:
    """Name of the processor, as its maker gives it."""
    return str(ov.Core().get_property("CPU", "FULL_DEVICE_NAME")).strip()


class OpenVinoRunner:
    """See `interface.Runner`. Computes in float32 on the CPU."""

    def __init__(self, graphs: Mapping[str, Path]) -> None:
        """`graphs` gives the .xml of each of GRAPHS; its .bin lies beside it."""
        core = ov.Core()
        settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
        self.compiled = {name: core.compile_model(str(path), "CPU", settings) for name, path in graphs.items()}
        self.local = threading.local()

    @classmethod
    def from_weights(cls, weights: Weights) -> "OpenVinoRunner":
        """Compile the graphs of a weights folder. Raises WeightsError where a checksum is wrong."""
        for name in GRAPHS:
            weights.file(f"{name}.bin")
        return cls({name: weights.file(f"{name}.xml") for name in GRAPHS})

    def run(self, graph: str, inputs: Sequence[Array]) -> Features:
        """Outputs of one graph, copied, in the graph's order; a thread keeps its own request for each graph."""
        requests = self.local.__dict__.setdefault("requests", {})
        if graph not in requests:
            requests[graph] = self.compiled[graph].create_infer_request()
        results = requests[graph].infer(list(inputs), share_inputs=True)
        return tuple(np.array(value, np.float32) for value in results.values())

    def person_features(self, person: Array) -> Features:
        return self.run("person", [person])

    def garment_features(self, garment: Array, garment_mask: Array) -> Features:
        return self.run("garment", [garment, garment_mask])

    def dress(
        self, person: Array, garment: Array, garment_mask: Array, person_features: Features, garment_features: Features
    ) -> Dressed:
        return Dressed(*self.run("dress", [person, garment, garment_mask, *person_features, *garment_features]))
