"""Networks on OpenVINO: three compiled graphs, person, garment and dress.

Importing openvino reports the import, and converting reports the conversion, to its maker when the package
openvino_telemetry is found. Nothing of ours calls home: it is hidden here, and openvino is imported nowhere else.
"""

import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import numpy as np

sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
import openvino as ov  # noqa: E402

from fitroom.arrays import Picture  # noqa: E402
from fitroom.runtime.interface import DRESS, GRAPHS, PARSER, GraphRunner, Parsing, batched  # noqa: E402
from fitroom.store import Weights, cache_folder  # noqa: E402

# OpenVINO fills a table of NumPy's when it first needs a dtype, and two threads that both are the first wait for each
# other for ever: one has the table's lock and wants the GIL, the other the reverse. Here one thread is the first.
ov.Type.f32.to_dtype()

__all__ = ["Mode", "OpenVinoParser", "OpenVinoRunner", "compile_graphs", "device_name", "ov"]

Mode = Literal["latency", "throughput"]


def device_name() -> str:
    """Name of the processor, as its maker gives it."""
    return str(ov.Core().get_property("CPU", "FULL_DEVICE_NAME")).strip()


def compile_graphs(
    graphs: Mapping[str, Any], mode: Mode = "latency", cache: Path | None = None, threads: int = 0
) -> dict[str, ov.CompiledModel]:
    """Compile graphs, paths of .xml files or models, for this processor; what float32 computes stays float32.

    With a `cache` folder, compiled graphs are kept there and loaded the next time. OpenVINO tells them apart by graph,
    settings and its own version. `threads` bounds the threads of inference; 0: as many as there are cores.
    """
    settings: dict[str, Any] = {"PERFORMANCE_HINT": mode.upper(), "INFERENCE_PRECISION_HINT": "f32"}
    if threads:
        settings["INFERENCE_NUM_THREADS"] = threads

    def compiled(core: ov.Core) -> dict[str, ov.CompiledModel]:
        return {name: core.compile_model(graph, "CPU", settings) for name, graph in graphs.items()}

    if cache is not None:
        caching = ov.Core()
        caching.set_property({"CACHE_DIR": str(cache)})
        # of two processes that fill a cache at the same time, one may find a file gone that it has just written
        with suppress(RuntimeError):
            return compiled(caching)
    return compiled(ov.Core())


class OpenVinoGraphs:
    """Compiled graphs by name; a thread keeps its own request for each."""

    def __init__(self, compiled: Mapping[str, ov.CompiledModel]) -> None:
        self.compiled = dict(compiled)
        self.local = threading.local()

    def run(self, graph: str, inputs: Sequence[Any]) -> list[Any]:
        """Outputs of one graph, copied, in the graph's order."""
        requests = self.local.__dict__.setdefault("requests", {})
        if graph not in requests:
            requests[graph] = self.compiled[graph].create_infer_request()
        results = requests[graph].infer(list(inputs), share_inputs=True)
        return [np.array(value) for value in results.values()]


def compile_weights(
    weights: Weights, names: Sequence[str], mode: Mode = "latency", threads: int = 0
) -> dict[str, ov.CompiledModel]:
    """Compile graphs of a weights folder. Raises WeightsError where there are none, or a checksum is wrong."""
    weights.need_graphs("openvino")
    for name in names:
        weights.file(f"{name}.bin")
    paths = {name: str(weights.file(f"{name}.xml")) for name in names}
    cache = cache_folder(f"openvino-{ov.get_version().split('-')[0]}")
    return compile_graphs(paths, mode, cache, threads)


class OpenVinoRunner(OpenVinoGraphs, GraphRunner):
    """See `interface.Runner`. Integers where the weights are quantized, float32 elsewhere, on the CPU.

    Mode "latency" answers one caller as fast as the cores can; "throughput" serves as many threads as `streams` says.
    """

    def __init__(self, compiled: Mapping[str, ov.CompiledModel]) -> None:
        """`compiled` gives each of GRAPHS."""
        super().__init__(compiled)
        self.streams = int(self.compiled[DRESS].get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))

    @classmethod
    def from_weights(cls, weights: Weights, mode: Mode = "latency", threads: int = 0) -> "OpenVinoRunner":
        """Compile the graphs of a weights folder; see `compile_weights`."""
        return cls(compile_weights(weights, GRAPHS, mode, threads))


class OpenVinoParser(OpenVinoGraphs):
    """See `interface.PersonParser`."""

    @classmethod
    def from_weights(cls, weights: Weights, mode: Mode = "latency", threads: int = 0) -> "OpenVinoParser":
        """Compile the graph of a parser's weights folder; see `compile_weights`."""
        return cls(compile_weights(weights, (PARSER,), mode, threads))

    def parse(self, picture: Picture) -> Parsing:
        """See `interface.PersonParser`."""
        # parsers from before 0.16.0 have no third output
        return Parsing(*(value[0] for value in self.run(PARSER, [batched(picture)])))
