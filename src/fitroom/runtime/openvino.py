"""Runs networks and parsers on OpenVINO.

If the package openvino_telemetry is installed, OpenVINO reports imports and conversions to its maker. This module
therefore hides that package before it imports openvino. No other module of fitroom may import openvino directly.
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

# OpenVINO fills a table of NumPy dtypes on first use. Two threads that do so at once deadlock: one holds the table's
# lock and waits for the GIL, the other the reverse. This call fills the table at import, in one thread.
ov.Type.f32.to_dtype()

__all__ = ["Mode", "OpenVinoParser", "OpenVinoRunner", "compile_graphs", "device_name", "ov"]

Mode = Literal["latency", "throughput"]


def device_name() -> str:
    """Return the processor's full name."""
    return str(ov.Core().get_property("CPU", "FULL_DEVICE_NAME")).strip()


def compile_graphs(
    graphs: Mapping[str, Any], mode: Mode = "latency", cache: Path | None = None, threads: int = 0
) -> dict[str, ov.CompiledModel]:
    """Compile graphs, given as models or paths of .xml files, for the CPU.

    Float32 operations stay float32, even on processors with faster narrower types. With a `cache` folder, compiled
    graphs are stored there and loaded the next time; the key is graph, settings and OpenVINO's version. `threads`
    limits the inference threads; 0 means one per core.
    """
    settings: dict[str, Any] = {"PERFORMANCE_HINT": mode.upper(), "INFERENCE_PRECISION_HINT": "f32"}
    if threads:
        settings["INFERENCE_NUM_THREADS"] = threads

    def compiled(core: ov.Core) -> dict[str, ov.CompiledModel]:
        return {name: core.compile_model(graph, "CPU", settings) for name, graph in graphs.items()}

    if cache is not None:
        caching = ov.Core()
        caching.set_property({"CACHE_DIR": str(cache)})
        # if two processes fill the cache at once, a file just written can be gone; then compile without the cache
        with suppress(RuntimeError):
            return compiled(caching)
    return compiled(ov.Core())


class OpenVinoGraphs:
    """Compiled graphs by name. Thread-safe: each thread has its own inference requests."""

    def __init__(self, compiled: Mapping[str, ov.CompiledModel]) -> None:
        self.compiled = dict(compiled)
        self.local = threading.local()

    def run(self, graph: str, inputs: Sequence[Any]) -> list[Any]:
        """Run one graph. Returns copies of its outputs in the graph's order."""
        requests = self.local.__dict__.setdefault("requests", {})
        if graph not in requests:
            requests[graph] = self.compiled[graph].create_infer_request()
        results = requests[graph].infer(list(inputs), share_inputs=True)
        return [np.array(value) for value in results.values()]


def compile_weights(
    weights: Weights, names: Sequence[str], mode: Mode = "latency", threads: int = 0
) -> dict[str, ov.CompiledModel]:
    """Compile graphs of a weights folder. Raises WeightsError if it has no OpenVINO graphs or a checksum is wrong."""
    weights.need_graphs("openvino")
    for name in names:
        weights.file(f"{name}.bin")
    paths = {name: str(weights.file(f"{name}.xml")) for name in names}
    cache = cache_folder(f"openvino-{ov.get_version().split('-')[0]}")
    return compile_graphs(paths, mode, cache, threads)


class OpenVinoRunner(OpenVinoGraphs, GraphRunner):
    """A `Runner` on OpenVINO. Computes on the CPU: INT8 in quantized layers, float32 elsewhere.

    Mode "latency" minimizes the time of one call. Mode "throughput" serves `streams` threads at once.
    """

    def __init__(self, compiled: Mapping[str, ov.CompiledModel]) -> None:
        """Use compiled graphs. `compiled` has each of GRAPHS."""
        super().__init__(compiled)
        self.streams = int(self.compiled[DRESS].get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))

    @classmethod
    def from_weights(cls, weights: Weights, mode: Mode = "latency", threads: int = 0) -> "OpenVinoRunner":
        """Compile the graphs of a weights folder. See `compile_weights`."""
        return cls(compile_weights(weights, GRAPHS, mode, threads))


class OpenVinoParser(OpenVinoGraphs):
    """A `PersonParser` on OpenVINO."""

    @classmethod
    def from_weights(cls, weights: Weights, mode: Mode = "latency", threads: int = 0) -> "OpenVinoParser":
        """Compile the graph of a parser's weights folder. See `compile_weights`."""
        return cls(compile_weights(weights, (PARSER,), mode, threads))

    def parse(self, picture: Picture) -> Parsing:
        """See `PersonParser`."""
        # parsers from before 0.16.0 have no third output
        return Parsing(*(value[0] for value in self.run(PARSER, [batched(picture)])))
