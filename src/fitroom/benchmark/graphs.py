"""Time the graphs of weights one by one."""

import numpy as np

from fitroom.hardware import Spread, time_ms
from fitroom.runtime.interface import GRAPHS, LOOK
from fitroom.store import Weights

REPEATS = 30


def time_graphs(weights: Weights, repeats: int = REPEATS) -> dict[str, Spread]:
    """Time each graph of a weights folder on the CPU, in milliseconds. Raises WeightsError."""
    ending = {"openvino": "xml", "onnx": "onnx"}[weights.manifest.graphs]
    held = [name for name in (*GRAPHS, LOOK) if f"{name}.{ending}" in weights.manifest.files]
    paths = {name: str(weights.file(f"{name}.{ending}")) for name in held}
    return (in_onnxruntime if ending == "onnx" else in_openvino)(paths, repeats)


def in_openvino(paths: dict[str, str], repeats: int) -> dict[str, Spread]:
    """Time OpenVINO graphs in milliseconds."""
    from fitroom.runtime.openvino import compile_graphs

    timings = {}
    for name, compiled in compile_graphs(paths).items():
        request = compiled.create_infer_request()
        inputs = [np.zeros(port.shape, port.element_type.to_dtype()) for port in compiled.inputs]
        timings[name] = time_ms(lambda request=request, inputs=inputs: request.infer(inputs), repeats)  # type: ignore[misc]
    return timings


def in_onnxruntime(paths: dict[str, str], repeats: int) -> dict[str, Spread]:
    """Time ONNX graphs in milliseconds."""
    from fitroom.runtime.onnx import open_session

    kinds = {"tensor(uint8)": np.uint8, "tensor(float)": np.float32}
    timings = {}
    for name, path in paths.items():
        session = open_session(path)
        inputs = {port.name: np.zeros(port.shape, kinds[port.type]) for port in session.get_inputs()}
        timings[name] = time_ms(lambda session=session, inputs=inputs: session.run(None, inputs), repeats)  # type: ignore[misc]
    return timings
