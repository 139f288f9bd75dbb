"""Compare the speed of convolutions with that of a large matrix product, the limit of the machine."""

from collections import defaultdict

import numpy as np

from fitroom.hardware import Spread, time_ms
from fitroom.runtime.interface import GRAPHS
from fitroom.runtime.openvino import compile_graphs, ov
from fitroom.store import Weights

SIDE = 2048
# memory copies: their only kernel in OpenVINO is called a reference kernel
COPIES = ("Concat", "Pad", "Slice", "Split", "VariadicSplit")


def matrix_product(repeats: int) -> Spread:
    """Time a float32 matrix product of 2048x2048 in OpenVINO on all cores.

    The figures are billions of multiply-adds per second.
    """
    rng = np.random.default_rng(0)
    a, b = (rng.random((SIDE, SIDE), np.float32) for _ in range(2))
    given = ov.opset13.parameter([SIDE, SIDE], np.float32)
    model = ov.Model([ov.opset13.matmul(given, ov.opset13.constant(b), False, False)], [given])
    request = compile_graphs({"product": model})["product"].create_infer_request()
    spread = time_ms(lambda: request.infer([a], share_inputs=True, share_outputs=True), repeats, warm_up=2)
    rates = [SIDE**3 / 1e6 / value for value in (spread.high, spread.median, spread.low)]
    return Spread(rates[1], rates[0], rates[2], spread.runs)


def convolution_work(model: ov.Model) -> int:
    """Count the multiply-adds of a model's convolutions at its input size."""
    total = 0
    for op in model.get_ops():
        if op.get_type_name() == "Convolution":
            # a kernel (out, in, height, width) needs in x height x width multiply-adds per output value
            total += int(np.prod(op.output(0).shape) * np.prod(op.input(1).get_partial_shape().to_shape()[1:]))
    return total


def node_times(model: ov.Model, repeats: int) -> list[tuple[str, str, str, float]]:
    """Return name, type, kernel and median milliseconds of every executed node of a model, slowest first."""
    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32", "PERF_COUNT": "YES"}
    request = ov.Core().compile_model(model, "CPU", settings).create_infer_request()
    inputs = [np.zeros(port.shape, port.element_type.to_dtype()) for port in model.inputs]
    times: dict[tuple[str, str, str], list[float]] = {}
    for repeat in range(repeats + 2):
        request.infer(inputs)
        for node in request.get_profiling_info():
            if repeat >= 2 and node.status == ov.ProfilingInfo.Status.EXECUTED:
                key = node.node_name, node.node_type, node.exec_type
                times.setdefault(key, []).append(node.real_time.total_seconds() * 1000)
    medians = [(*key, float(np.median(values))) for key, values in times.items()]
    return sorted(medians, key=lambda item: -item[3])


def read_models(weights: Weights) -> dict[str, ov.Model]:
    """Read the OpenVINO graphs of weights. Raises WeightsError."""
    for name in GRAPHS:
        weights.file(f"{name}.bin")
    return {name: ov.Core().read_model(str(weights.file(f"{name}.xml"))) for name in GRAPHS}


def convolution_rate(weights: Weights, repeats: int) -> float:
    """Measure the convolutions of the three graphs in billions of multiply-adds per second. Raises WeightsError."""
    work, milliseconds = 0, 0.0
    for model in read_models(weights).values():
        work += convolution_work(model)
        milliseconds += sum(node[3] for node in node_times(model, repeats) if node[1] == "Convolution")
    return work / 1e6 / milliseconds


def costliest(weights: Weights, repeats: int) -> tuple[list[tuple[str, float]], list[str]]:
    """Return milliseconds of the three graphs by operation type, slowest first, and the nodes with reference kernels.

    Raises WeightsError.
    """
    totals: defaultdict[str, float] = defaultdict(float)
    slow = []
    for graph, model in read_models(weights).items():
        for name, kind, kernel, milliseconds in node_times(model, repeats):
            totals[kind] += milliseconds
            if "ref" in kernel.split("_") and kind not in COPIES:
                slow.append(f"{graph}: {name} ({kind}, {kernel}, {milliseconds:.2f} ms)")
    return sorted(totals.items(), key=lambda item: -item[1]), slow
