"""Runs `fitroom prune --sensitivity` and `fitroom prune --search`."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from fitroom.compress.prune import Importance, check_pruning
from fitroom.compress.sensitivity import Measurer, Row, search, sensitivity, written
from fitroom.errors import InputError
from fitroom.evaluate.plan import Progress, make_plan
from fitroom.evaluate.plots import draw_sensitivity, losses_alone
from fitroom.export.cases import drawn_cases
from fitroom.export.weights import ExportConfig, Exported, Origin, Step, export_network, fits_half
from fitroom.nets.registry import load_network
from fitroom.store import check_weights_output, open_weights

UNPAIRED, PAIRED = "val_pairs_unpaired.txt", "val_pairs_paired.txt"


@dataclass(frozen=True)
class ExploreRequest:
    """Settings of pruning measurements without fine-tuning."""

    weights: str
    modules: tuple[str, ...]
    data: str  # data folder or pack with validation lists
    csv: str  # file of measured rows; rows already in it are reused
    importance: Importance = "l2"
    looks: int = 60  # number of pairs, from the start of each list


def open_measurer(request: ExploreRequest, tell: Callable[[Row], None], progress: Progress) -> Measurer:
    """Read and check everything that a request needs. Raises InputError, WeightsError, DataError, OutputError."""
    weights = open_weights(request.weights)
    if request.importance == "taylor":
        raise InputError("--importance taylor needs gradients, which only fine-tuning computes; use l2 or batch_norm.")
    network = load_network(weights)
    check_pruning(network, request.modules, 0)
    if not Path(request.csv).absolute().parent.is_dir():
        raise InputError(f"{request.csv}: its folder does not exist; make it first.")
    plan = make_plan(request.data, UNPAIRED, PAIRED, progress).first(request.looks)
    case = drawn_cases(1, weights.manifest.height, weights.manifest.width)[0]
    return Measurer(network, weights, plan, case, request.importance, Path(request.csv), tell)


def run_sensitivity(
    request: ExploreRequest, plot: str | None, tell: Callable[[Row], None], progress: Progress
) -> list[Row]:
    """Measure every module alone at every ratio. Writes rows to the CSV and, with `plot`, an SVG of the losses."""
    rows = list(sensitivity(open_measurer(request, tell, progress), request.modules))
    if plot:
        draw_sensitivity(losses_alone([asdict(row) for row in rows]), Path(plot))
    return rows


def run_search(
    request: ExploreRequest,
    budget: float,
    folder: str,
    tell: Callable[[Row], None],
    progress: Progress,
    step: Step = lambda message: None,
) -> Exported:
    """Search for the fastest pruning scheme and write its weights to `folder`.

    `budget` is the largest relative loss of quality, for example 0.02.
    """
    check_weights_output(folder)
    measurer = open_measurer(request, tell, progress)
    best = search(measurer, request.modules, budget)
    scheme = {
        name: float(ratio) for name, ratio in (part.split(" ") for part in best.scheme.split(", ") if " " in part)
    }
    network, manifest = measurer.narrowed(scheme), measurer.weights.manifest
    done = f"pruned {written(scheme)} ({request.importance}) by a search within {budget:.1%}, from {measurer.name}"
    origin = Origin(manifest.name, manifest.version, manifest.training_data, manifest.terms, (*manifest.history, done))
    config = ExportConfig(half_tensors=fits_half(network))
    return export_network(network, folder, origin, config, height=manifest.height, width=manifest.width, step=step)
