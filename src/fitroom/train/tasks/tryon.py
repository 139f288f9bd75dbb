"""A stage from a data folder or pack to a checkpoint; a student's last one to weights."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict, fields, replace
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch import Tensor

from fitroom.data.augment import AugmentConfig
from fitroom.data.pack import open_reader
from fitroom.data.reader import Reader
from fitroom.errors import WeightsError
from fitroom.evaluate.evaluate import Evaluation, evaluate
from fitroom.evaluate.plan import Progress, make_plan
from fitroom.evaluate.pretrained import LPIPS, FeatureNetwork, open_lpips
from fitroom.evaluate.systems import open_system
from fitroom.nets.interface import TryOnNetwork
from fitroom.nets.lite import Lite
from fitroom.nets.pfafn import Pfafn
from fitroom.nets.registry import NETWORKS, build_network, load_network
from fitroom.store import Weights, open_weights
from fitroom.train.batches import Batches
from fitroom.train.checkpoint import Checkpoint, check_network, load, to_go_on
from fitroom.train.config import TrainConfig, stage_folder
from fitroom.train.loop import Scalars
from fitroom.train.processes import Precision, launched
from fitroom.train.render import View, render_by_cutting, render_by_network, students_view, teachers_view
from fitroom.train.samples import Fakes, Samples, check_enough, load_fakes, load_samples
from fitroom.train.samples import Progress as Loading
from fitroom.train.session import SILENT, Faces, Finished, Measure, sit
from fitroom.train.tasks.stages import StageName, Trainee
from fitroom.train.tasks.teacher_input import parsed_channels
from fitroom.train.tasks.validate import shown_batch, validate

TRAIN_LIST, VALIDATION_LIST, UNPAIRED_LIST = "train_pairs.txt", "val_pairs_paired.txt", "val_pairs_unpaired.txt"
UNCHANGED = AugmentConfig(*[0.0] * len(fields(AugmentConfig)))
TERMS = (
    "The terms of the training data apply. No licence covers VITON's photographs: weights trained on them are for "
    "research use only, and convey no rights in the photographs or in the persons shown."
)


def network_of(checkpoint: Checkpoint) -> Lite | Pfafn:
    """The averaged network of a checkpoint, in evaluation mode."""
    network = build_network(checkpoint.network, checkpoint.config)
    network.load_state_dict(checkpoint.average)
    return network.eval()


def finished(work: Path, stage: StageName, needed_by: str) -> Checkpoint:
    """The checkpoint of an earlier stage. Raises WeightsError that says what to run where there is none."""
    found = load(stage_folder(work, stage))
    if found is None:
        raise WeightsError(
            f"{stage_folder(work, stage)}: no checkpoint of {stage}, which {needed_by} needs; "
            f"run first: fitroom train {stage} --work {work} ..."
        )
    return found


def first_network(config: TrainConfig, work: Path, dense: bool) -> TryOnNetwork:
    """The network that a stage begins with: that of its `start`, its predecessor's, or a new one.

    Raises WeightsError where there is none, or another one.
    """
    torch.manual_seed(config.loop.seed)
    wanted = config.network_config(dense)
    if config.stage.name == "finetune" and not config.start:
        raise WeightsError("finetune goes on from weights: name them with --set start=DIR.")
    if config.start:
        weights = open_weights(config.start)
        found = load_network(weights)
        check_network(weights.manifest.network, asdict(found.config), config.network, wanted, weights.folder)
        return found
    network = NETWORKS[config.network][0](wanted)  # type: ignore[arg-type]
    if config.stage.predecessor is not None:
        earlier = finished(work, config.stage.predecessor, f"stage {config.stage.name}")
        folder = stage_folder(work, config.stage.predecessor)
        check_network(earlier.network, earlier.config, config.network, wanted, folder)
        network.load_state_dict(earlier.average)
    return network


def as_narrow_as_start(config: TrainConfig) -> TrainConfig:
    """Settings whose network has the widths of the weights to start from, where those were pruned."""
    narrowed = open_weights(config.start).manifest.config.get("widths") if config.start else None
    if not narrowed:
        return config
    widths = {name: (inputs, outputs) for name, (inputs, outputs) in narrowed.items()}
    return replace(config, **{config.network: replace(getattr(config, config.network), widths=widths)})


def find_teacher(config: TrainConfig, work: Path, dense: bool) -> TryOnNetwork | None:
    """The teacher that a student's losses or unpaired samples ask for; None where nothing does. Raises WeightsError."""
    if config.stage.parser_based or not (config.stage.distils or config.stage.unpaired_share):
        return None
    if config.stage.name == "finetune":
        if not config.teacher:
            raise WeightsError("finetune distils from the weights that were pruned: name them with --set teacher=lite.")
        return load_network(open_weights(config.teacher))
    checkpoint = finished(work, "pb_generator", f"what {config.stage.name} learns from a teacher")
    kind, mine = (checkpoint.network, checkpoint.config["pyramid"]), config.network_config(dense).pyramid
    if config.stage.losses.distilled_features and kind != (config.network, mine):
        raise WeightsError(
            f"{stage_folder(work, 'pb_generator')}: the teacher is {kind[0]} with features of {kind[1]} channels, and "
            f"those of {config.network}, {mine}, can't be compared with them: "
            "--set stage.losses.distilled_features=0; its flow teaches any network."
        )
    return told_teacher(checkpoint, dense)


def told_teacher(checkpoint: Checkpoint, dense: bool) -> Lite | Pfafn:
    """A teacher. Raises WeightsError where it was told DensePose, and the data have none, or the other way round."""
    teacher = network_of(checkpoint)
    if teacher.config.person != parsed_channels(dense):
        raise WeightsError(
            f"the teacher is told {teacher.config.person} channels, and this data has {parsed_channels(dense)}: train "
            "both on data with train_densepose, or both without."
        )
    return teacher


def find_perceptual(config: TrainConfig) -> FeatureNetwork | None:
    """The feature network of the perceptual loss, where that has a weight. Raises WeightsError without its file."""
    if not (config.stage.whole and config.stage.losses.perceptual):
        return None
    found = open_lpips(None)
    if found is None:
        raise WeightsError(
            f"stage.losses.perceptual {config.stage.losses.perceptual}: no weights of its network; "
            f"set {LPIPS.variable} to vgg16.pt, or leave the loss out: gradients stands in for it."
        )
    return found


def find_fakes(config: TrainConfig, work: Path, samples: Samples, threads: int, faces: Faces) -> Fakes | None:
    """The fakes that a student is shown, of all its folders; none for a teacher. Raises DataError."""
    if config.stage.parser_based:
        return None
    folders = [Path(name) if Path(name).is_dir() else work / name for name in config.fakes]
    parts = [load_fakes(folder, samples, threads, faces.preparing) for folder in folders]
    return Fakes(torch.cat([part.row for part in parts]), torch.cat([part.picture for part in parts]))


def run_stage(
    config: TrainConfig,
    data: str | Path,
    work: str | Path,
    pairs: str = TRAIN_LIST,
    devices: int = 1,
    nodes: int = 1,
    precision: Precision = "32-true",
    max_minutes: float | None = None,
    resume: bool = False,
    threads: int = 2,
    faces: Faces = SILENT,
    prepared: Callable[[TryOnNetwork], TryOnNetwork] = lambda network: network,
) -> Finished:
    """Train a stage of `config` on a data folder or pack, keeping its files in `work`.

    What is trained is what `prepared` makes of the network that the stage begins with.
    It is measured on val_pairs_paired.txt, where the data has it. With `resume` the stage goes on from
    its checkpoint; without, the stage must have none. Raises DataError, WeightsError, InputError before the first step;
    FitroomError where a loss is not finite.
    """
    config = as_narrow_as_start(config)
    work, folder = Path(work), stage_folder(work, config.stage.name)
    kept = to_go_on(folder, resume)
    reader = open_reader(data)
    if kept is None:
        network = prepared(first_network(config, work, reader.dense))
    else:
        check_network(kept.network, kept.config, config.network, config.network_config(reader.dense), folder)
        network = prepared(build_network(kept.network, kept.config))
    teacher, perceptual = find_teacher(config, work, reader.dense), find_perceptual(config)
    samples = load_samples(reader, reader.pairs(pairs).pairs, config.height, config.width, threads, faces.preparing)
    check_enough(samples, config.loop.batch, data)
    fakes = find_fakes(config, work, samples, threads, faces)
    fabric = launched(devices, nodes, precision, config.loop.batch, config.loop.lost_minutes)
    placed = None if fakes is None else fakes.to(fabric.device)
    batches = Batches(
        samples.to(fabric.device), placed, config.augment, config.loop.batch, config.stage.own_share, config.loop.seed,
        config.stage.unpaired_share,
    )  # fmt: skip
    trainee = Trainee(network, config.stage, teacher, perceptual)
    return sit(
        fabric, trainee, batches, config, folder, kept, max_minutes, faces,
        lambda: measure_of(config, network, validation_batches(config, reader, threads, faces)),
        lambda shown, batch: shown_batch(shown, config.stage, batch),  # type: ignore[arg-type]
    )  # fmt: skip


def validation_batches(config: TrainConfig, reader: Reader, threads: int, faces: Faces) -> Batches | None:
    """The validation persons, unchanged, on the CPU; None where the data has no list of them."""
    if VALIDATION_LIST not in reader.lists():
        return None
    pairs = reader.pairs(VALIDATION_LIST).pairs
    samples = load_samples(reader, pairs, config.height, config.width, threads, faces.preparing)
    return Batches(samples, None, UNCHANGED, largest_divisor(len(samples), 30))


def measure_of(config: TrainConfig, trained: TryOnNetwork, persons: Batches | None) -> Measure:
    """Warp IoU and L1 of averaged tensors on validation persons; nothing where there are none."""

    def measure(average: dict[str, Tensor]) -> Scalars:
        if persons is None:
            return {}
        network = deepcopy(trained).eval()
        network.load_state_dict(average)
        device = next(network.parameters()).device
        there = Batches(persons.samples.to(device), None, UNCHANGED, persons.size)
        return validate(network, config.stage, there)

    return measure


def largest_divisor(number: int, most: int) -> int:
    """The largest divisor of a number that is at most `most`."""
    return next(size for size in range(min(most, number), 0, -1) if number % size == 0)


def evaluate_student(weights: Weights, data: str | Path, progress: Progress) -> Evaluation | None:
    """What `fitroom evaluate` measures of weights on the validation lists; None where the data has no such lists."""
    if not {VALIDATION_LIST, UNPAIRED_LIST} <= set(open_reader(data).lists()):
        return None
    plan = make_plan(data, UNPAIRED_LIST, VALIDATION_LIST, progress)
    return evaluate(open_system(weights.folder), plan, progress=progress)


def render_teacher(
    data: str | Path, work: str | Path, pairs: str, each: int, seed: int, precision: Precision, progress: Loading
) -> tuple[int, Path]:
    """Let the teacher dress every person in others' garments; how many fakes are new, and where they lie.

    Raises DataError, OutputError, and WeightsError where the teacher's last stage has no checkpoint.
    """
    teacher = finished(Path(work), "pb_generator", "render-fakes")
    network = told_teacher(teacher, open_reader(data).dense)
    folder = Path(work) / "fakes"
    return render_network(network, teachers_view, data, pairs, folder, each, seed, precision, progress), folder


def render_student(
    weights: str, data: str | Path, work: str | Path, pairs: str, each: int, seed: int, precision: Precision,
    progress: Loading,
) -> tuple[int, Path]:  # fmt: skip
    """The same by a student's weights, for the next one. Raises DataError, OutputError, WeightsError."""
    network = load_network(open_weights(weights))
    folder = Path(work) / "student-fakes"
    return render_network(network, students_view, data, pairs, folder, each, seed, precision, progress), folder


def render_network(
    network: TryOnNetwork, view: View, data: str | Path, pairs: str, folder: Path, each: int, seed: int,
    precision: Precision, progress: Loading,
) -> int:  # fmt: skip
    """The same by a network that is shown a view of persons; how many fakes are new."""
    fabric = Fabric(devices=1, precision=precision)
    reader = open_reader(data)
    samples = load_samples(reader, reader.pairs(pairs).pairs, 256, 192, 2, progress).to(fabric.device)
    with fabric.autocast():
        return render_by_network(network.to(fabric.device), view, samples, folder, each, seed, progress)


def render_cut(
    data: str | Path, work: str | Path, pairs: str, each: int, seed: int, progress: Loading
) -> tuple[int, Path]:
    """The same by cutting and pasting. Raises DataError, OutputError."""
    folder = Path(work) / "cut-fakes"
    return render_by_cutting(data, pairs, folder, each, seed, 2, progress), folder
