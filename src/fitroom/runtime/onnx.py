"""Runs the person, garment and dress graphs of a network on ONNX Runtime. Needs the extra `onnx`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import onnxruntime as rt

from fitroom.runtime.interface import GRAPHS, GraphRunner
from fitroom.store import Weights


def open_session(path: str | Path) -> rt.InferenceSession:
    """Open a graph on the CPU. Only errors are logged."""
    options = rt.SessionOptions()
    options.log_severity_level = 3
    return rt.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


class OnnxRunner(GraphRunner):
    """A `Runner` on ONNX Runtime. Computes on the CPU, in the precision of the graphs."""

    def __init__(self, graphs: Mapping[str, Path]) -> None:
        """Open the graphs. `graphs` maps each of GRAPHS to its .onnx file."""
        self.sessions = {name: open_session(path) for name, path in graphs.items()}

    @classmethod
    def from_weights(cls, weights: Weights) -> "OnnxRunner":
        """Open the graphs of a weights folder. Raises WeightsError if it has no ONNX graphs or a checksum is wrong."""
        weights.need_graphs("onnx")
        return cls({name: weights.file(f"{name}.onnx") for name in GRAPHS})

    def run(self, graph: str, inputs: Sequence[Any]) -> list[Any]:
        """See `GraphRunner`."""
        session = self.sessions[graph]
        names = [port.name for port in session.get_inputs()]
        return list(session.run(None, dict(zip(names, inputs, strict=True))))
