"""Quantizes weights to INT8: runs `fitroom quantize`."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from fitroom.compress.finetuning import finetune_config
from fitroom.compress.qat import STAGES_OF, QuantizedNetwork, simulated
from fitroom.compress.quantize import quantizer
from fitroom.data.viton import TRAIN_LIST, UNPAIRED_LIST
from fitroom.errors import InputError
from fitroom.export.cases import Cases, read_cases
from fitroom.export.weights import ExportConfig, Exported, Origin, export_network, fits_half
from fitroom.nets.interface import TryOnNetwork
from fitroom.nets.registry import load_network
from fitroom.store import Weights, check_weights_output, open_weights
from fitroom.train.processes import Precision
from fitroom.train.session import SILENT, Faces
from fitroom.train.task import RunConfig, run_task
from fitroom.train.tasks.tryon import TryOnTask

Method = Literal["ptq", "qat"]
# regular expressions for each module's operations, by OpenVINO's names
OPERATIONS = {
    "warp": r".*network\.(warp|person_encoder|garment_encoder)[./].*",
    "generator": r".*network\.generator[./].*",
}
COMPARED, CALIBRATED = 8, 128  # pairs
SLOWLY = "loop.learning_rate=2.0e-5"  # for qat without a config: a low rate, because only the rounding is new


@dataclass(frozen=True)
class QuantizeRequest:
    """What to quantize, and with which method."""

    weights: str  # name or folder; they must hold tensors
    modules: tuple[str, ...]  # keys of STAGES_OF
    data: str  # data folder or pack, for calibration, training and comparison
    method: Method = "ptq"
    most_apart: float | None = None  # for ptq; see `quantize.quantizer`
    work: str | None = None  # for qat: folder with fakes; the checkpoint is kept there too
    config: str | None = None  # YAML settings of the stage finetune; None: the recipe finetune
    overrides: tuple[str, ...] = ()
    max_minutes: float | None = None
    precision: Precision = "32-true"


def check_request(request: QuantizeRequest, weights: Weights) -> None:
    """Raise InputError if a request can't be carried out."""
    if weights.manifest.precision == "int8":
        raise InputError(f"{weights.folder}: these weights are INT8 already; quantize the float ones.")
    unknown = [module for module in request.modules if module not in STAGES_OF]
    if unknown or not request.modules:
        raise InputError(f"modules {', '.join(unknown) or 'are missing'}; there are: {', '.join(STAGES_OF)}.")
    if request.most_apart is not None and not (request.most_apart > 0 and request.method == "ptq"):
        raise InputError(
            f"--most-apart {request.most_apart} with method {request.method}: need a number above 0, and ptq."
        )
    if request.method == "qat" and not request.work:
        raise InputError("qat needs --work with fakes; render them with: fitroom train render-fakes --cut.")


def run_quantize(request: QuantizeRequest, folder: str | Path, faces: Faces = SILENT) -> Exported:
    """Quantize weights and write them to `folder`. Resumes interrupted training.

    Raises InputError, WeightsError, DataError, ExportError, OutputError.
    """
    check_weights_output(folder)
    weights = open_weights(request.weights)
    check_request(request, weights)
    manifest, network = weights.manifest, load_network(weights)
    size = manifest.height, manifest.width
    faces.report("reading pairs")
    cases = Cases(
        read_cases(request.data, UNPAIRED_LIST, COMPARED, *size),
        read_cases(request.data, TRAIN_LIST, CALIBRATED, *size),
    )
    if not cases.calibrated:
        raise InputError(f"{request.data}: no pair of {TRAIN_LIST} to calibrate on.")
    left = tuple(OPERATIONS[module] for module in STAGES_OF if module not in request.modules)
    config = ExportConfig(precision="int8", half_tensors=fits_half(network), kept=left)
    done = f"{', '.join(request.modules)} quantized ({request.method}), from {manifest.name} {manifest.version}"
    origin = replace(Origin.of(manifest), history=(*manifest.history, done))
    if request.method == "qat":
        trained = train_quantized(request, weights, cases, faces)
        return export_network(network, folder, origin, config, cases, *size, step=faces.report, simulated=trained)
    quantize = quantizer(left, request.most_apart)
    return export_network(network, folder, origin, config, cases, *size, step=faces.report, quantize=quantize)


def train_quantized(request: QuantizeRequest, weights: Weights, cases: Cases, faces: Faces) -> QuantizedNetwork:
    """Train the network of weights while simulating INT8, with its float32 version as teacher."""

    def prepared(network: TryOnNetwork) -> QuantizedNetwork:
        return simulated(network.eval(), cases.calibrated, request.modules)

    slowly = (SLOWLY,) if request.config is None else ()
    config = finetune_config(weights, request.weights, request.modules, request.config, (*slowly, *request.overrides))
    run = RunConfig(
        request.data, str(request.work), precision=request.precision, max_minutes=request.max_minutes, resume=True
    )
    finished = run_task(TryOnTask(config, prepared), run, faces)
    trained = finished.network.cpu()
    trained.load_state_dict(finished.checkpoint.average)
    return trained  # type: ignore[return-value]
