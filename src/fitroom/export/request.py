"""Exports weights: runs `fitroom export`."""

from dataclasses import dataclass
from pathlib import Path

from fitroom.export.cases import Cases, read_cases
from fitroom.export.weights import ExportConfig, Exported, Origin, Quantize, Step, export_network, fits_half, silent
from fitroom.nets.registry import load_network
from fitroom.store import GraphFormat, Precision, check_weights_output, open_weights

COMPARED, CALIBRATED = 8, 128  # pairs


@dataclass(frozen=True)
class ExportRequest:
    """What to export, and on which pairs to compare and calibrate it."""

    weights: str = "lite"  # name or folder; they must hold tensors
    graphs: GraphFormat = "openvino"
    precision: Precision = "fp32"
    data: str | None = None  # data folder or pack; None: drawn figures
    pairs: str = "val_pairs_unpaired.txt"  # list for the comparison
    calibration: str = "train_pairs.txt"  # list for calibrating INT8
    kept: tuple[str, ...] = ()  # regular expressions of operations that INT8 leaves in float32
    whole: bool = True  # also export LOOK, the single graph


def run_export(
    request: ExportRequest, folder: str | Path, step: Step = silent, quantize: Quantize | None = None
) -> Exported:
    """Export weights to a folder. INT8 needs `quantize`. Raises WeightsError, DataError, ExportError, OutputError."""
    check_weights_output(folder)
    weights = open_weights(request.weights)
    manifest = weights.manifest
    network = load_network(weights)
    cases = Cases()
    size = manifest.height, manifest.width
    if request.data is not None:
        step("reading pairs")
        calibrated = CALIBRATED if request.precision == "int8" else 0
        cases = Cases(
            read_cases(request.data, request.pairs, COMPARED, *size),
            read_cases(request.data, request.calibration, calibrated, *size) if calibrated else (),
        )
    half = fits_half(network)
    config = ExportConfig(request.graphs, request.precision, request.whole, half_tensors=half, kept=request.kept)
    return export_network(network, folder, Origin.of(manifest), config, cases, *size, step, quantize)
