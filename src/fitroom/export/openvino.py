"""Exports networks to OpenVINO graphs."""

import warnings
from collections.abc import Mapping
from pathlib import Path

import torch

from fitroom.export.graphs import Traced
from fitroom.runtime.openvino import ov


def converted(traced: Mapping[str, Traced]) -> dict[str, ov.Model]:
    """Convert traced graphs to OpenVINO models in float32."""
    models = {}
    for name, (module, example, inputs, outputs) in traced.items():
        with warnings.catch_warnings():
            # sizes are fixed, so tracing may turn them into constants
            warnings.filterwarnings("ignore", message="Converting a tensor|torch.from_numpy results")
            # no trace check: it would double the time, and looks are compared with PyTorch afterwards
            script = torch.jit.trace(module, example, strict=False, check_trace=False)  # type: ignore[no-untyped-call]
            model = ov.convert_model(script, example_input=example, input=[tuple(x.shape) for x in example])
        for ports, names in ((model.inputs, inputs), (model.outputs, outputs)):
            for port, port_name in zip(ports, names, strict=True):
                port.get_tensor().set_names({port_name})
        for port, port_name in zip(model.inputs, inputs, strict=True):
            port.get_node().set_friendly_name(port_name)
        models[name] = model
    return models


def save(models: Mapping[str, ov.Model], folder: Path, half: bool) -> None:
    """Write each model to NAME.xml and NAME.bin. With `half`, float constants are stored in 16 bits."""
    for name, model in models.items():
        ov.save_model(model, folder / f"{name}.xml", compress_to_fp16=half)
