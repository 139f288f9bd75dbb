"""From weights to INT8 weights: what `fitroom quantize` does."""

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
# operations of each module, regular expressions on OpenVINO's names
OPERATIONS = {
    "warp": r".*network\.(warp|person_encoder|garment_encoder)[./].*",
    "generator": r".*network\.generator[./].*",
}
COMPARED, CALIBRATED = 8, 128  # pairs
SLOWLY = "loop.learning_rate=2.0e-5"  # of qat, where no settings are given: only roundings are new


@dataclass(frozen=True)
class QuantizeRequest:
    """What to quantize, and how."""

    weights: str  # by name or folder; they must hold tensors
    modules: tuple[str, ...]  # of STAGES_OF
    data: str  # data folder or pack: calibrates, trains, compares
    method: Method = "ptq"
    most_apart: float | None = None  # for ptq: see `quantize.quantizer`
    work: str | None = None  # for qat: folder with fakes, which also keeps the checkpoint
    config: str | None = None  # settings of the stage finetune, YAML; None: the recipe finetune
    overrides: tuple[str, ...] = ()
    max_minutes: float | None = None
    precision: Precision = "32-true"


def check_request(request: QuantizeRequest, weights: Weights) -> None:
    """Raise InputError where a request can't be met, before any work is done."""
    if weights.manifest.precision == "int8":
        raise InputError(f"{weights.folder}: these weights are INT8 already; quantize the float ones.")
    unknown = [module for module in request.modules if module not in STAGES_OF]
    if unknown or not request.modules:
        raise InputError(f"modules {', '.join(unknown) or 'are missing'}; there are: {', '.join(STAGES_OF)}.")
    if request.most_apart is not None and not (request.most_apart > 0 and request.method == "ptq"):
        raise InputError(f"most apart: {request.most_apart} with {request.method}; need a number above 0, and ptq.")
    if request.method == "qat" and not request.work:
        raise InputError("qat needs --work with fakes; fitroom train render-fakes --cut makes some.")


def run_quantize(request: QuantizeRequest, folder: str | Path, faces: Faces = SILENT) -> Exported:
    """Quantize weights and write them. Training that was cut off is taken up again.

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
    """The network of weights after training that simulates INT8, distilled from itself in float32."""

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
