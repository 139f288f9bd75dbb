"""PF-AFN's four training stages, and fine-tuning: the input, the trained parts and the losses of each.

pb_warp, pb_generator: the parser-based teacher, which sees parsing and pose (`teacher_input.py`).
pf_warp, pf_generator: the parser-free student, which sees only a fake of the person, and learns from the teacher where
the teacher does better ("adjustable" distillation). Some of its samples may be unpaired (`unpaired.py`).
finetune: a pruned student learns from the network before pruning, which gets the same input.
"""

from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn

from fitroom.evaluate.pretrained import FeatureNetwork
from fitroom.nets.interface import Dressed, Features, TryOnNetwork, unrounded
from fitroom.nets.sampling import reread, sample
from fitroom.train.adversary import Adversary
from fitroom.train.batches import Batch
from fitroom.train.loop import Learner
from fitroom.train.tasks.losses import (
    change_target,
    colour_means_difference,
    cross_entropy,
    gradient_difference,
    perceptual_distance,
    structural_dissimilarity,
    warp_losses,
)
from fitroom.train.tasks.teacher_input import parsed_person
from fitroom.train.tasks.unpaired import told_look_difference, unpaired_look_losses, with_warp_of

StageName = Literal["pb_warp", "pb_generator", "pf_warp", "pf_generator", "finetune"]
STAGES: tuple[StageName, ...] = ("pb_warp", "pb_generator", "pf_warp", "pf_generator", "finetune")
WARP_LOSSES = ("garment", "mask", "smoothness")
DISTILLATION = ("distilled_flow", "distilled_features", "distilled_look")


@dataclass(frozen=True)
class LossConfig:
    """Weights of the losses by name; 0 leaves one out."""

    garment: float = 1.0  # L1 of the warped garment, every level
    colour_means: float = 0.0  # L1 of its means over 8 and 16 pixels, finest level only; preserves prints
    mask: float = 2.0  # L1 of the warped garment mask, every level
    smoothness: float = 0.04  # second-order smoothness of the flow, every level
    look: float = 2.0  # L1 of the look, with more weight where it changes
    rendered: float = 1.0  # L1 of the rendered person where it changes
    # L1 of the rendered person's means over 8 and 16 pixels, where an unpaired sample's old garment is gone; the weight
    # is high because these are few pixels of few samples
    uncovered: float = 24.0
    # L1 of an unpaired sample's look against a teacher's for the same flow, where the old or the new garment lies
    told_look: float = 0.0
    gradients: float = 1.0  # L1 of the look's gradients at three scales; replaces a perceptual loss without its weights
    structure: float = 0.0  # 1 - SSIM of the look
    perceptual: float = 0.0  # LPIPS of the look; needs vgg16.pt, see FITROOM_LPIPS in docs/evaluation.md
    adversarial: float = 0.0  # adversarial loss of the look where it changes
    matching: float = 0.0  # L1 of the discriminator's features there; if this and `adversarial` are 0, there is none
    discriminator: float = 1.0  # hinge loss of the discriminator
    composition: float = 1.5  # L1 of the composition mask against the visible garment
    change: float = 1.5  # binary cross-entropy of the change mask
    distilled_flow: float = 0.0  # L1 of the flow against the teacher's, where the teacher's warp is better
    distilled_features: float = 0.0  # squared distance to the teacher's person features, where its warp is better
    distilled_look: float = 0.0  # distance of the generator's outputs to the teacher's, for the same flow


@dataclass(frozen=True)
class StageConfig:
    """Settings of a stage."""

    name: StageName = "pb_warp"
    losses: LossConfig = field(default_factory=LossConfig)
    own_share: float = 0.0  # share of a student's samples that show the photo itself; they train only the warp
    # share of a student's samples that show the photo itself and another person's garment. The teacher's warp is the
    # target for their sleeves. From fakes alone, a student learns that arms without traces of cutting or painting are
    # never under sleeves.
    unpaired_share: float = 0.0
    # weight of unpaired samples' arms in the warp's losses: they are few pixels, and the other pixels have no target
    sleeves: float = 1.0
    rests: Literal["nothing", "warp", "generator"] = "nothing"  # part that is frozen while the other learns

    @property
    def parser_based(self) -> bool:
        """Whether this is a stage of the teacher."""
        return self.name.startswith("pb_")

    @property
    def whole(self) -> bool:
        """Whether the generator is trained."""
        return self.rests != "generator" and (self.name.endswith("_generator") or self.name == "finetune")

    @property
    def warps(self) -> bool:
        """Whether the warp network is trained."""
        return self.rests != "warp"

    @property
    def distils(self) -> bool:
        """Whether the losses compare with a teacher's flow, features or look."""
        return any(getattr(self.losses, name) for name in DISTILLATION)

    @property
    def adversarial(self) -> bool:
        """Whether a discriminator is trained too."""
        return self.whole and bool(self.losses.adversarial or self.losses.matching)

    @property
    def predecessor(self) -> StageName | None:
        """The stage whose network this one continues."""
        return {"pb_generator": "pb_warp", "pf_generator": "pf_warp"}.get(self.name)  # type: ignore[return-value]


class Trainee(Learner):
    """A network with its input and its losses in one stage."""

    def __init__(
        self,
        network: TryOnNetwork,
        stage: StageConfig,
        teacher: TryOnNetwork | None = None,
        perceptual: FeatureNetwork | None = None,
    ) -> None:
        super().__init__()
        self.network: TryOnNetwork = network
        self.stage, self.stage_name = stage, stage.name
        self.teacher = [teacher.eval().requires_grad_(False)] if teacher is not None else []  # not a submodule
        self.perceptual = perceptual
        self.adversary = Adversary() if stage.adversarial else None
        for name, parameter in network.named_parameters():
            # integer parameters hold bit widths, which have no gradient
            if parameter.is_floating_point():
                generates = "generator" in name.split(".")
                parameter.requires_grad_(stage.whole if generates else stage.warps)

    def frozen(self) -> list[nn.Module]:
        """See `Learner`."""
        return [*self.teacher, *([] if self.perceptual is None else [self.perceptual.network])]

    def train(self, mode: bool = True) -> "Trainee":
        """Set the mode of all but the frozen part, which keeps its batch norm statistics."""
        super().train(mode)
        for name, child in self.network.named_children():
            rests = "generator" if name == "generator" else "warp"
            child.train(mode and self.stage.rests != rests)
        return self

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Compute the unweighted losses of a batch by name, as means over its samples."""
        person, stage, network = view(self.stage, batch), self.stage, self.network
        given = batch
        for teacher in self.teacher:
            batch = with_warp_of(teacher, partial(told_to_teacher, stage), stage.sleeves, given)
        with torch.set_grad_enabled(torch.is_grad_enabled() and stage.warps):
            features = network.person_features(person)
            flows = network.flows(features, network.garment_features(batch.garment, batch.garment_mask))
        flow = flows[-1]
        values = flow_losses(flows, batch, network.align_corners) if stage.warps else {}
        if stage.whole:
            # detached: looks are compared pixel by pixel, which would teach the flow to fold away misplaced prints
            dressed = network.generate(person, batch.garment, batch.garment_mask, flow.detach(), features)
            values |= look_losses(dressed, person, batch, self.perceptual, self.adversary)
        for teacher in self.teacher if stage.whole and stage.losses.told_look else []:
            flow_there = reread(dressed.flow, network.align_corners, teacher.align_corners)
            values["told_look"] = told_look_difference(
                teacher, partial(told_to_teacher, stage), dressed.look, flow_there, given
            )
        for teacher in self.teacher if stage.distils else []:
            told = told_to_teacher(stage, given)
            with torch.no_grad():
                known = teacher.person_features(told)
            if stage.warps:
                values["distilled_flow"], better = flow_distillation(teacher, known, network, flow, batch)
                if stage.losses.distilled_features:
                    values["distilled_features"] = feature_distillation(features, known, better)
            if stage.whole and stage.losses.distilled_look:
                same = dressed._replace(flow=reread(dressed.flow, network.align_corners, teacher.align_corners))
                values["distilled_look"] = look_distillation(teacher, known, told, same, batch)
        return values

    def total(self, values: dict[str, Tensor]) -> Tensor:
        """See `Learner`."""
        weights = self.stage.losses
        return torch.stack([getattr(weights, name) * value for name, value in values.items()]).sum()


def view(stage: StageConfig, batch: Batch) -> Tensor:
    """Return the person as the input of a stage's network."""
    return parsed_view(batch) if stage.parser_based else batch.shown


def parsed_view(batch: Batch) -> Tensor:
    """Return the person as the input of a teacher."""
    return parsed_person(batch.photo, batch.label, batch.key_points, batch.dense)


def told_to_teacher(stage: StageConfig, batch: Batch) -> Tensor:
    """Return the person as the input of the teacher in a student's stage."""
    return batch.shown if stage.name == "finetune" else parsed_view(batch)


def flow_losses(flows: tuple[Tensor, ...], batch: Batch, align_corners: bool) -> dict[str, Tensor]:
    """Compute the losses of the warp.

    `WARP_LOSSES` are averaged over all levels, with less weight for coarse ones. `colour_means` uses the finest level.
    """
    shares = [float(level + 1) for level in range(len(flows))]
    worn = batch.garment, batch.garment_mask, batch.photo, batch.worn
    values = {name: flows[0].new_zeros(()) for name in WARP_LOSSES}
    for flow, share in zip(flows, shares, strict=True):
        level = warp_losses(flow, *worn, align_corners, batch.known)
        for name in WARP_LOSSES:
            values[name] = values[name] + share / sum(shares) * level[name]
    values["colour_means"] = colour_means_difference(flows[-1], *worn, align_corners, batch.known)
    return values


def look_losses(
    dressed: Dressed,
    person: Tensor,
    batch: Batch,
    perceptual: FeatureNetwork | None = None,
    adversary: Adversary | None = None,
) -> dict[str, Tensor]:
    """Compute the losses of the generator. Perceptual and adversarial losses are included if their networks are given.

    Paired samples count if they show a fake. Unpaired samples, whose `worn` comes from a teacher, count only in the
    losses of both masks, the discriminator's verdict and "uncovered".
    """
    counts = batch.restored.view(-1, 1, 1, 1)
    changed = change_target(person[:, :3], batch.photo, batch.worn)
    emphasis = (0.5 + 1.5 * changed) * counts
    values = {
        "look": ((dressed.look - batch.photo).abs() * emphasis).mean(),
        "rendered": ((dressed.rendered - batch.photo).abs() * changed * counts).mean(),
        "gradients": gradient_difference(dressed.look * counts, batch.photo * counts),
        "structure": (structural_dissimilarity(dressed.look, batch.photo) * counts).mean(),
        "composition": ((dressed.composition - batch.worn * dressed.warped_mask.detach()).abs() * counts).mean(),
        "change": (cross_entropy(dressed.change, changed) * counts).mean(),
        "uncovered": dressed.look.new_zeros(()),
    }
    if perceptual is not None:
        values["perceptual"] = perceptual_distance(perceptual, dressed.look, batch.photo, batch.restored)
    where, paired = changed * counts, batch.paired.view(-1, 1, 1, 1)
    if not batch.paired.all():
        unpaired, judged = unpaired_look_losses(dressed, batch)
        values |= {name: values[name] + value for name, value in unpaired.items()}
        where = where + judged
    if adversary is not None:
        values |= adversary(dressed.look, batch.photo, where, paired)
    return values


def flow_distillation(
    teacher: TryOnNetwork, known: Features, network: TryOnNetwork, flow: Tensor, batch: Batch
) -> tuple[Tensor, Tensor]:
    """Compute the distance of a network's flow to a teacher's, and the samples that count, (N,) of 0 and 1.

    A sample counts if the garment warped by the teacher is closer to the photo (PF-AFN, section 3.1). Unpaired samples
    have no photo to compare with, and do not count. `known` are the teacher's person features.
    """
    with torch.no_grad():
        target = teacher.flows(known, teacher.garment_features(batch.garment, batch.garment_mask))[-1]
        better = (warp_error(target, batch, teacher) < warp_error(flow, batch, network)).float() * batch.paired
        visible = sample(batch.garment_mask, target, teacher.align_corners, padding="zeros")
        target = reread(target, teacher.align_corners, network.align_corners)
    return ((flow - target).abs() * better.view(-1, 1, 1, 1) * visible).mean(), better


def feature_distillation(features: Features, known: Features, better: Tensor) -> Tensor:
    """Compute the squared distance of person features to a teacher's, on samples where `better` (N,) is 1."""
    counts = better.view(-1, 1, 1, 1)
    squares = [((mine - theirs) ** 2 * counts).mean() for mine, theirs in zip(features, known, strict=True)]
    return torch.stack(squares).mean()


def look_distillation(teacher: TryOnNetwork, known: Features, told: Tensor, dressed: Dressed, batch: Batch) -> Tensor:
    """Compute the distance of a generator's outputs to a teacher's for the same flow.

    It is the sum of L1 of looks and of their gradients, L1 of rendered persons where the teacher changes them, and the
    cross-entropy of both masks. Unlike L1, cross-entropy keeps its gradient where a mask has vanished. `told` is the
    teacher's input, `known` are its person features. The flow in `dressed` must use the teacher's `align_corners`.
    """
    with torch.no_grad():
        target = teacher.generate(told, batch.garment, batch.garment_mask, dressed.flow, known)
    masks = [
        cross_entropy(mine, unrounded(theirs)).mean()
        for mine, theirs in ((dressed.composition, target.composition), (dressed.change, target.change))
    ]
    rendered = ((dressed.rendered - target.rendered).abs() * target.change).mean()
    looks = (dressed.look - target.look).abs().mean() + gradient_difference(dressed.look, target.look)
    return looks + rendered + masks[0] + masks[1]


def warp_error(flow: Tensor, batch: Batch, network: TryOnNetwork) -> Tensor:
    """Compute the mean L1 (N,) between the garment warped by a flow and the garment in the photo."""
    warped = sample(batch.garment * batch.garment_mask, flow, network.align_corners, padding="zeros")
    return (warped - batch.photo * batch.worn).abs().mean(dim=(1, 2, 3))
