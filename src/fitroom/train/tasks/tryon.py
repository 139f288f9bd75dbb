"""The try-on task: find the initial network, teacher and fakes of a stage, and measure its warp."""

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import Tensor

from fitroom.data.augment import UNCHANGED
from fitroom.data.pack import open_reader
from fitroom.data.viton import UNPAIRED_LIST, VALIDATION_LIST
from fitroom.errors import WeightsError
from fitroom.evaluate.evaluate import Evaluation, evaluate
from fitroom.evaluate.metrics import mask_iou, mean_difference
from fitroom.evaluate.plan import Progress, make_plan
from fitroom.evaluate.pretrained import LPIPS, FeatureNetwork, open_lpips
from fitroom.evaluate.systems import open_system
from fitroom.nets.interface import TryOnNetwork
from fitroom.nets.lite import LiteConfig
from fitroom.nets.pfafn import PfafnConfig
from fitroom.nets.registry import NETWORKS, build_network, load_network
from fitroom.nets.sampling import sample
from fitroom.store import Weights, open_weights
from fitroom.train.batches import Batch, Batches
from fitroom.train.checkpoint import Checkpoint, check_network, finished
from fitroom.train.loop import Scalars
from fitroom.train.samples import Fakes, Samples, load_fakes
from fitroom.train.session import Faces
from fitroom.train.task import THREADS, RunConfig, Task
from fitroom.train.tasks.config import TrainConfig, stage_folder
from fitroom.train.tasks.stages import StageConfig, Trainee, view
from fitroom.train.tasks.teacher_input import parsed_channels


def network_of(checkpoint: Checkpoint) -> TryOnNetwork:
    """Load the averaged network of a checkpoint, in evaluation mode."""
    network = build_network(checkpoint.network, checkpoint.config)
    network.load_state_dict(checkpoint.average)
    return network.eval()


def first_network(config: TrainConfig, work: Path, dense: bool) -> TryOnNetwork:
    """Load the network that a stage starts from: that of its `start` weights, its predecessor's, or a new one.

    Raises WeightsError if the weights are missing or belong to another network.
    """
    torch.manual_seed(config.loop.seed)
    wanted = config.network_config(dense)
    if config.stage.name == "finetune" and not config.start:
        raise WeightsError("finetune starts from existing weights; name them with --set start=DIR.")
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
    """Return settings whose network has the widths of the weights to start from, if those were pruned."""
    narrowed = open_weights(config.start).manifest.config.get("widths") if config.start else None
    if not narrowed:
        return config
    widths = {name: (inputs, outputs) for name, (inputs, outputs) in narrowed.items()}
    return replace(config, **{config.network: replace(getattr(config, config.network), widths=widths)})


def find_teacher(config: TrainConfig, work: Path, dense: bool) -> TryOnNetwork | None:
    """Load the teacher that a student's losses or unpaired samples need, if any. Raises WeightsError."""
    if config.stage.parser_based or not (config.stage.distils or config.stage.unpaired_share):
        return None
    if config.stage.name == "finetune":
        if not config.teacher:
            raise WeightsError("finetune needs the unpruned weights as its teacher; name them with --set teacher=lite.")
        return load_network(open_weights(config.teacher))
    checkpoint = finished(work, "pb_generator", f"stage {config.stage.name}, which learns from a teacher,")
    kind, mine = (checkpoint.network, checkpoint.config["pyramid"]), config.network_config(dense).pyramid
    if config.stage.losses.distilled_features and kind != (config.network, mine):
        raise WeightsError(
            f"{stage_folder(work, 'pb_generator')}: the teacher is {kind[0]} with features of {kind[1]} channels, but "
            f"the features of {config.network} have {mine}, so they can't be compared; give "
            "--set stage.losses.distilled_features=0. The teacher's flow can be distilled into any network."
        )
    return told_teacher(checkpoint, dense)


def told_teacher(checkpoint: Checkpoint, dense: bool) -> TryOnNetwork:
    """Load the teacher of a checkpoint. Raises WeightsError if only one of teacher and data has DensePose."""
    teacher = network_of(checkpoint)
    if teacher.config.person != parsed_channels(dense):
        raise WeightsError(
            f"the teacher's input has {teacher.config.person} channels, but this data gives {parsed_channels(dense)}; "
            "train both on data with train_densepose, or both without."
        )
    return teacher


def find_perceptual(config: TrainConfig) -> FeatureNetwork | None:
    """Load the feature network of the perceptual loss, if that loss is used. Raises WeightsError without its file."""
    if not (config.stage.whole and config.stage.losses.perceptual):
        return None
    found = open_lpips(None)
    if found is None:
        raise WeightsError(
            f"stage.losses.perceptual {config.stage.losses.perceptual}: the weights of its network are missing; "
            f"set {LPIPS.variable} to vgg16.pt, or leave the loss out and use stage.losses.gradients instead."
        )
    return found


def find_fakes(config: TrainConfig, work: Path, samples: Samples, faces: Faces) -> Fakes | None:
    """Load a student's fakes from all its folders; None for a teacher. Raises DataError."""
    if config.stage.parser_based:
        return None
    folders = [Path(name) if Path(name).is_dir() else work / name for name in config.fakes]
    parts = [load_fakes(folder, samples, THREADS, faces.preparing) for folder in folders]
    return Fakes(torch.cat([part.row for part in parts]), torch.cat([part.picture for part in parts]))


class TryOnTask(Task):
    """Training of one stage of the try-on."""

    def __init__(
        self, config: TrainConfig, prepared: Callable[[TryOnNetwork], TryOnNetwork] = lambda network: network
    ) -> None:
        """Set the stage. `prepared` turns the network that the stage starts from into the network to train."""
        self.config = as_narrow_as_start(config)
        self.stage, self.prepared = config.stage.name, prepared

    def network(self, dense: bool) -> tuple[str, LiteConfig | PfafnConfig]:
        """See `Task`."""
        return self.config.network, self.config.network_config(dense)

    def learner(self, run: RunConfig, dense: bool, kept: Checkpoint | None) -> Trainee:
        """See `Task`. Raises WeightsError if a stage or weights that this stage needs are missing."""
        config, work = self.config, Path(run.work)
        begun = first_network(config, work, dense) if kept is None else build_network(kept.network, kept.config)
        teacher, perceptual = find_teacher(config, work, dense), find_perceptual(config)
        return Trainee(self.prepared(begun), config.stage, teacher, perceptual)

    def batches(self, run: RunConfig, samples: Samples, faces: Faces) -> Batches:
        """See `Task`."""
        config = self.config
        fakes = find_fakes(config, Path(run.work), samples, faces)
        fakes = None if fakes is None else fakes.to(samples.photo.device)
        return Batches(
            samples,
            fakes,
            config.augment,
            config.loop.batch,
            config.stage.own_share,
            config.loop.seed,
            config.stage.unpaired_share,
        )

    def validation(self, samples: Samples, size: int) -> dict[str, Batches]:
        """See `Task`. The batches hold unchanged persons in their own garments."""
        return {"": Batches(samples, None, UNCHANGED, size)}

    def figures(self, network: TryOnNetwork, batches: Batches) -> Scalars:
        """See `Task`."""
        samples = batches.samples.to(next(network.parameters()).device)
        return validate(network, self.config.stage, Batches(samples, None, UNCHANGED, batches.size))

    def sheet(self, network: TryOnNetwork, batch: Batch) -> Tensor:  # type: ignore[override]
        """See `Task`."""
        return shown_batch(network, self.config.stage, batch)


def evaluate_student(weights: Weights, data: str | Path, progress: Progress) -> Evaluation | None:
    """Measure weights on the validation lists as `fitroom evaluate` does; None if the data has no such lists."""
    if not {VALIDATION_LIST, UNPAIRED_LIST} <= set(open_reader(data).lists()):
        return None
    plan = make_plan(data, UNPAIRED_LIST, VALIDATION_LIST, progress)
    return evaluate(open_system(weights.folder), plan, progress=progress)


@torch.no_grad()
def validate(network: TryOnNetwork, stage: StageConfig, batches: Batches) -> dict[str, float]:
    """Measure warp IoU and L1 once over every sample, as `fitroom evaluate` does; see evaluate/measures.py.

    The network should be in evaluation mode, and the batches without changes. The batch size must divide the number of
    samples.
    """
    overlap, difference = [], []
    for step in range(batches.count // batches.size):
        batch = batches.of_step(step)
        features = network.person_features(view(stage, batch))
        flow = network.flows(features, network.garment_features(batch.garment, batch.garment_mask))[-1]
        mask = sample(batch.garment_mask, flow, network.align_corners, padding="zeros") > 0.5
        warped = pictures(sample(batch.garment, flow, network.align_corners))
        photos, worn = pictures(batch.photo), (batch.worn > 0.5).cpu().numpy()[:, 0]
        for row, covers in enumerate(mask.cpu().numpy()[:, 0]):
            overlap.append(mask_iou(covers, worn[row]))
            difference.append(mean_difference(warped[row], photos[row], covers & worn[row]))
    return {"warp_iou": sum(overlap) / len(overlap), "warp_l1": sum(difference) / len(difference)}


def pictures(tensor: torch.Tensor):  # type: ignore[no-untyped-def]
    """Convert pictures (N, 3, H, W) in [-1, 1] to uint8 (N, H, W, 3)."""
    return ((tensor + 1) * 127.5 + 0.5).clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()


def shown_batch(network: TryOnNetwork, stage: StageConfig, batch: Batch) -> torch.Tensor:
    """Draw up to six samples, (3, H, W) in [0, 1]: the network's input, garment, warped garment, look and photo.

    The look is left out if the generator is not trained.
    """
    person = view(stage, batch)
    with torch.no_grad():
        features = network.person_features(person)
        flow = network.flows(features, network.garment_features(batch.garment, batch.garment_mask))[-1]
        dressed = network.generate(person, batch.garment, batch.garment_mask, flow, features)
        warped = sample(batch.garment, flow, network.align_corners) * dressed.warped_mask
    columns = [person[:, :3], batch.garment * batch.garment_mask, warped]
    columns += [dressed.look, batch.photo] if stage.whole else [batch.photo]
    rows = torch.cat([column.float()[:6] for column in columns], dim=3)  # each row a sample
    return ((torch.cat(list(rows), dim=1) + 1) / 2).clamp(0, 1).cpu()
