"""Prunes and fine-tunes weights: runs `fitroom prune`."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fitroom.compress.finetuning import finetune_config
from fitroom.compress.prune import ROUND_TO, Importance, check_pruning, pruned
from fitroom.compress.taylor import gather_gradients
from fitroom.data.pack import open_reader
from fitroom.data.viton import TRAIN_LIST
from fitroom.errors import InputError
from fitroom.export.weights import ExportConfig, Exported, Origin, export_network, fits_half
from fitroom.nets.registry import load_network
from fitroom.store import Weights, check_weights_output, open_weights
from fitroom.train.checkpoint import load
from fitroom.train.processes import Precision
from fitroom.train.session import SILENT, Faces
from fitroom.train.task import RunConfig, run_task
from fitroom.train.tasks.config import TrainConfig, stage_folder
from fitroom.train.tasks.tryon import TryOnTask, network_of


@dataclass(frozen=True)
class PruneRequest:
    """What to prune, and how to fine-tune the pruned network."""

    weights: str  # name or folder; they must hold tensors
    modules: tuple[str, ...]
    ratio: float  # share of the channels inside each module that is removed
    importance: Importance = "l2"
    round_to: int = ROUND_TO
    data: str | None = None  # data folder or pack, for fine-tuning and for gradients
    work: str | None = None  # folder with fakes; the checkpoint is kept there too
    config: str | None = None  # YAML settings of the stage finetune; None: the recipe finetune
    overrides: tuple[str, ...] = ()
    epochs: int | None = None  # passes over the training pairs; without epochs and minutes, nothing is fine-tuned
    max_minutes: float | None = None
    precision: Precision = "32-true"

    @property
    def finetunes(self) -> bool:
        """Whether fine-tuning is requested."""
        return self.epochs is not None or self.max_minutes is not None


def check_request(request: PruneRequest, weights: Weights) -> None:
    """Raise InputError if a request can't be carried out."""
    network = load_network(weights)
    check_pruning(network, request.modules, request.ratio)
    needs = [
        what
        for what, needed in (("fine-tuning", request.finetunes), ("importance taylor", request.importance == "taylor"))
        if needed
    ]
    if needs and not (request.data and request.work):
        raise InputError(
            f"{needs[0]} needs --data, and --work with fakes; render them with: fitroom train render-fakes --cut."
        )


def run_prune(request: PruneRequest, folder: str | Path, faces: Faces = SILENT) -> Exported:
    """Prune weights, fine-tune them if requested, and write them to `folder`. Resumes an interrupted run.

    Raises InputError, WeightsError, DataError, OutputError.
    """
    check_weights_output(folder)
    weights = open_weights(request.weights)
    check_request(request, weights)
    manifest, network = weights.manifest, load_network(weights)
    if request.importance == "taylor":
        gather_gradients(network, stage_config(request, weights, request.weights), str(request.data), str(request.work))
    small = pruned(network, request.modules, request.ratio, request.importance, request.round_to)
    named = f"{manifest.name} {manifest.version}"
    done = f"pruned {', '.join(request.modules)} by {request.ratio} ({request.importance}), from {named}"
    origin = replace(Origin.of(manifest), history=(*manifest.history, done))
    size: Any = {"height": manifest.height, "width": manifest.width}
    if not request.finetunes:
        config = ExportConfig(half_tensors=fits_half(small))
        return export_network(small, folder, origin, config, **size, step=faces.report)
    data, work = str(request.data), Path(str(request.work))
    start = work / "pruned"
    if load(stage_folder(work, "finetune")) is None:
        work.mkdir(parents=True, exist_ok=True)
        export_network(small, start, origin, ExportConfig(half_tensors=fits_half(small)), **size, step=faces.report)
    begun = open_weights(start).manifest.history
    if begun != origin.history:
        raise InputError(
            f"{work}: found the fine-tuning of other weights ({'; '.join(begun)}); need {done}. Name another --work, "
            f"or remove {stage_folder(work, 'finetune')}."
        )
    run = RunConfig(data, work, precision=request.precision, max_minutes=request.max_minutes, resume=True)
    finished = run_task(TryOnTask(stage_config(request, weights, str(start))), run, faces)
    checkpoint = finished.checkpoint
    tuned = f"fine-tuned for {checkpoint.step} steps, {checkpoint.seconds / 60:.0f} minutes, distilled from {named}"
    origin = replace(origin, history=(*origin.history, tuned))
    return export_network(
        network_of(checkpoint), folder, origin, ExportConfig(half_tensors=True), **size, step=faces.report
    )


def stage_config(request: PruneRequest, weights: Weights, start: str) -> TrainConfig:
    """Return the settings of the fine-tuning, which starts from `start` with the unpruned weights as teacher."""
    config = finetune_config(weights, start, request.modules, request.config, request.overrides)
    if request.epochs is None:
        return config
    pairs = len(open_reader(str(request.data)).pairs(TRAIN_LIST).pairs)
    steps = max(request.epochs * pairs // config.loop.batch, 1)
    return replace(config, loop=replace(config.loop, steps=steps))
