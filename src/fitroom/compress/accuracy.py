"""Quantizes with NNCF's accuracy control: operations that cost too much quality return to float32."""

import contextlib
import io
import logging
from collections.abc import Iterable, Mapping, Sequence

# before nncf, which imports openvino: this module hides openvino's telemetry first
from fitroom.runtime.openvino import OpenVinoRunner, compile_graphs, ov  # isort: skip

import nncf
import numpy as np

from fitroom.compress.quantize import calibration_inputs, ignored, settings
from fitroom.errors import InputError
from fitroom.export.cases import Case
from fitroom.export.parity import look
from fitroom.runtime.interface import GRAPHS, LOOK

RANKED = 4  # pairs on which operations are ranked by their cost in quality


def controlled(
    models: Mapping[str, ov.Model], cases: Sequence[Case], compared: Sequence[Case], kept: Sequence[str], most: float
) -> dict[str, ov.Model]:
    """Quantize the three graphs as `quantized` does, but return costly operations to float32.

    On average, looks of `compared` then differ from the float32 looks by at most `most`/255, provided that enough
    operations can return. Graphs are quantized in turn, and each may use a third of that difference. Raises InputError
    if `cases` or `compared` is empty, or if `models` has LOOK.
    """
    if not cases or not compared:
        raise InputError("accuracy control needs pairs to calibrate on and to compare; found none.")
    if LOOK in models:
        raise InputError(
            "accuracy control works only on the three separate graphs; leave out the graph of the whole look."
        )
    nncf.set_log_level(logging.ERROR)
    inputs = calibration_inputs(models, cases)
    reference = OpenVinoRunner(compile_graphs({name: models[name] for name in GRAPHS}))
    expected = [look(reference, case).astype(np.float32) for case in compared]
    done = dict(models)

    def control(name: str) -> ov.Model:
        others = compile_graphs({other: done[other] for other in GRAPHS if other != name})

        def likeness(compiled: ov.CompiledModel, numbers: Iterable[int]) -> tuple[float, list[float]]:
            runner = OpenVinoRunner({**others, name: compiled})
            each = [255 - float(np.abs(look(runner, compared[n]) - expected[n]).mean()) for n in numbers]
            return float(np.mean(each)), each

        start, _ = likeness(compile_graphs({name: done[name]})[name], range(len(compared)))
        allowed = start - (255 - most * (GRAPHS.index(name) + 1) / len(GRAPHS))
        return nncf.quantize_with_accuracy_control(
            done[name],
            nncf.Dataset(inputs[name]),
            nncf.Dataset(list(range(len(compared)))),
            likeness,
            max_drop=allowed,
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(cases),
            ignored_scope=ignored(kept),
            advanced_quantization_parameters=settings(),
            advanced_accuracy_restorer_parameters=nncf.AdvancedAccuracyRestorerParameters(ranking_subset_size=RANKED),
        )

    # keep NNCF's progress bars off the standard output
    with contextlib.redirect_stdout(io.StringIO()):
        for name in GRAPHS:
            done[name] = control(name)
    return done
