"""Quantizes OpenVINO graphs to INT8 after training, with NNCF. Needs the extra `compress`."""

import contextlib
import io
import logging
from collections.abc import Mapping, Sequence
from typing import Any

# before nncf, which imports openvino: this module hides openvino's telemetry first
from fitroom.runtime.openvino import OpenVinoRunner, compile_graphs, ov  # isort: skip

import nncf
from nncf.quantization.advanced_parameters import AdvancedQuantizationParameters, OverflowFix

from fitroom.errors import InputError
from fitroom.export.cases import Case, Cases
from fitroom.export.weights import Quantize
from fitroom.runtime.interface import DRESS, GARMENT, GRAPHS, LOOK, PERSON, batched

# Patterns (OpenVINO's names) of operations that stay in float32. Only layers are quantized, because rounding positions,
# masks and colours to 8 bits is visible. The flow's first and last layers stay in float32 too: they are cheap, and
# everything after them depends on them.
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
    """Compute the inputs of every graph for some cases, with features from the float32 `models`."""
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
    """Return the operations that stay in float32: FLOATING and those that match the regular expressions `kept`."""
    return nncf.IgnoredScope(patterns=[*FLOATING, *kept], validate=False)


def settings() -> AdvancedQuantizationParameters:
    """Return settings that limit weights to 7 bits. With 8, sums of products saturate on processors without VNNI."""
    return AdvancedQuantizationParameters(overflow_fix=OverflowFix.ENABLE)


def of_inputs(model: ov.Model, inputs: Sequence[Sequence[Any]], kept: Sequence[str] = ()) -> ov.Model:
    """Quantize a model to INT8, with activation ranges from `inputs`. For `kept`, see `ignored`."""
    nncf.set_log_level(logging.ERROR)
    # keep NNCF's progress bars off the standard output
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
    """Quantize models to INT8, with activation ranges from `cases`. For `kept`, see `ignored`.

    Raises InputError if there are no cases.
    """
    if not cases:
        raise InputError("INT8 needs pairs to calibrate on; found none.")
    inputs = calibration_inputs(models, cases)
    return {name: of_inputs(model, inputs[name], kept) for name, model in models.items()}


def quantizer(kept: Sequence[str] = (), most_apart: float | None = None) -> Quantize:
    """Make a quantization function for `export_network`. Operations that match `kept` stay in float32.

    With `most_apart`, further operations stay in float32 so that looks differ from the float32 looks by at most
    `most_apart`/255 on average. See `accuracy.controlled`.
    """

    def quantize(models: dict[str, ov.Model], cases: Cases) -> dict[str, ov.Model]:
        if most_apart is None:
            return quantized(models, cases.calibrated, kept)
        from fitroom.compress.accuracy import controlled

        return controlled(models, cases.calibrated, cases.compared, kept, most_apart)

    return quantize
