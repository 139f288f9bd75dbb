"""Networks to OpenVINO graphs."""

import warnings
from collections.abc import Mapping
from pathlib import Path

from fitroom.export.graphs import Traced
from fitroom.runtime.openvino import ov


def converted(traced: Mapping[str, Traced]) -> dict[str, ov.Model]:
    """OpenVINO models of traced graphs, in float32."""
    models = {}
    for name, (module, example, inputs, outputs) in traced.items():
        with warnings.catch_warnings():
            # sizes are fixed: what tracing makes constant is meant to be
            warnings.filterwarnings("ignore", message="Converting a tensor|torch.from_numpy results")
            model = ov.convert_model(module, example_input=example, input=[tuple(x.shape) for x in example])
        for ports, names in ((model.inputs, inputs), (model.outputs, outputs)):
            for port, port_name in zip(ports, names, strict=True):
                port.get_tensor().set_names({port_name})
        models[name] = model
    return models


def save(models: Mapping[str, ov.Model], folder: Path, half: bool) -> None:
    """Write NAME.xml and NAME.bin of each; with `half` their float constants in 16 bits."""
    for name, model in models.items():
        ov.save_model(model, folder / f"{name}.xml", compress_to_fp16=half)
