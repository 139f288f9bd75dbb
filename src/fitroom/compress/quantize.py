"""Post-training quantization of OpenVINO graphs to INT8 by NNCF. Needs the extra `compress`."""

import contextlib
import io
import logging
from collections.abc import Mapping, Sequence
from typing import Any

# before nncf, which imports openvino: see there why
from fitroom.runtime.openvino import OpenVinoRunner, compile_graphs, ov  # isort: skip

import nncf
from nncf.quantization.advanced_parameters import AdvancedQuantizationParameters, OverflowFix

from fitroom.errors import InputError
from fitroom.export.cases import Case, Cases
from fitroom.export.weights import Quantize
from fitroom.runtime.interface import DRESS, GARMENT, GRAPHS, LOOK, PERSON, batched

# what stays in float32, by OpenVINO's names: everything on positions, masks and colours, where eight bits show; and the
# first and last layers of the flow, which cost little and move everything behind them; layers alone are quantized
FLOATING = (
    r"(__module/)?aten::.*",
    r".*network/.*",
    r".*network(\.warp)+(\.flow)?/.*",
    r".*network(\.warp)+\.(upsample|affine).*",
    r".*network\.painter/.*",
    r".*network\.parser/.*",
    r".*\.heads\.\d+/.*",
    r".*_encoder\.stem.*",
    r".*\.heads\.\d+\.out.*",
)


def calibration_inputs(models: Mapping[str, ov.Model], cases: Sequence[Case]) -> dict[str, list[list[Any]]]:
    """What every graph is fed on some cases, features computed by the given float32 models."""
    runner = OpenVinoRunner(compile_graphs({name: models[name] for name in GRAPHS}))
    inputs: dict[str, list[list[Any]]] = {PERSON: [], GARMENT: [], DRESS: [], LOOK: []}
    for case in cases:
        person, garment, mask = (batched(picture) for picture in case)
        features = runner.person_features(case.person), runner.garment_features(case.garment, case.garment_mask)
        inputs[PERSON].append([person])
        inputs[GARMENT].append([garment, mask])
        inputs[DRESS].append([person, garment, mask, *features[0], *features[1]])
        inputs[LOOK].append([person, garment, mask])
    return inputs


def ignored(kept: Sequence[str]) -> nncf.IgnoredScope:
    """What stays in float32: FLOATING, and operations whose names match `kept`, regular expressions."""
    return nncf.IgnoredScope(patterns=[*FLOATING, *kept], validate=False)


def settings() -> AdvancedQuantizationParameters:
    """Weights use 7 bits of 8: on processors without VNNI sums of products would saturate otherwise."""
    return AdvancedQuantizationParameters(overflow_fix=OverflowFix.ENABLE)


def of_inputs(model: ov.Model, inputs: Sequence[Sequence[Any]], kept: Sequence[str] = ()) -> ov.Model:
    """A model in INT8, its activations' ranges from inputs. What matches `kept` stays in float32, see `ignored`."""
    nncf.set_log_level(logging.ERROR)
    # its bars go to the standard output, which is not ours to write on
    with contextlib.redirect_stdout(io.StringIO()):
        return nncf.quantize(
            model,
            nncf.Dataset(inputs),
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(inputs),
            ignored_scope=ignored(kept),
            advanced_parameters=settings(),
        )


def quantized(models: Mapping[str, ov.Model], cases: Sequence[Case], kept: Sequence[str] = ()) -> dict[str, ov.Model]:
    """Models in INT8, their activations' ranges from the cases; see `of_inputs`. Raises InputError without cases."""
    if not cases:
        raise InputError("INT8 needs pairs to calibrate on; found none.")
    inputs = calibration_inputs(models, cases)
    return {name: of_inputs(model, inputs[name], kept) for name, model in models.items()}


def quantizer(kept: Sequence[str] = (), most_apart: float | None = None) -> Quantize:
    """Make what `export_network` quantizes with. Operations whose names match `kept` stay in float32.

    With `most_apart`, more of them do, until looks differ from float32's by so many 255ths on average at most.
    """

    def quantize(models: dict[str, ov.Model], cases: Cases) -> dict[str, ov.Model]:
        if most_apart is None:
            return quantized(models, cases.calibrated, kept)
        from fitroom.compress.accuracy import controlled

        return controlled(models, cases.calibrated, cases.compared, kept, most_apart)

    return quantize
