"""Exports networks to ONNX graphs. Needs the extra `compress`."""

import contextlib
import io
import logging
import warnings
from collections.abc import Mapping
from pathlib import Path

import onnx
import torch

from fitroom.export.graphs import Traced

OPSET = 20


def save(traced: Mapping[str, Traced], folder: Path, half: bool) -> None:
    """Write each traced graph to NAME.onnx. With `half`, weights are stored as float16 and cast to float32 on use."""
    for name, (module, example, inputs, outputs) in traced.items():
        path = folder / f"{name}.onnx"
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        # the exporter prints its steps on the standard output
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), torch.no_grad():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                module, example, input_names=list(inputs), output_names=list(outputs), opset_version=OPSET, dynamo=True
            )
            assert program is not None
            program.save(str(path), external_data=False)
        model = onnx.load(str(path))
        if half:
            halve_weights(model)
        onnx.checker.check_model(model)
        onnx.save(model, str(path))


def halve_weights(model: onnx.ModelProto) -> None:
    """Store float32 constants of 64 or more values as float16 with a cast to float32, in place."""
    graph = model.graph
    casts = []
    for constant in list(graph.initializer):
        values = onnx.numpy_helper.to_array(constant)
        if values.dtype != "float32" or values.size < 64:
            continue
        stored = f"{constant.name}.half"
        casts.append(onnx.helper.make_node("Cast", [stored], [constant.name], to=onnx.TensorProto.FLOAT))
        graph.initializer.remove(constant)
        graph.initializer.append(onnx.numpy_helper.from_array(values.astype("float16"), stored))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
