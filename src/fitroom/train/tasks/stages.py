"""PF-AFN's four stages: what each shows its network, trains, and weighs.

pb_warp, pb_generator: the teacher, which is told parsing and pose (`teacher_input.py`). pf_warp, pf_generator: the
student, which sees a fake and nothing else, and learns from the teacher where that one does better ("adjustable"
distillation). Some of its samples may be unpaired (`unpaired.py`).
Beyond the four, finetune: a student that was narrowed learns from the one it came from, which is shown the same.
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
    colour_means: float = 0.0  # L1 of the same in means over 8 and 16 pixels, of the finest level: keeps prints
    mask: float = 2.0  # L1 of the warped garment mask, every level
    smoothness: float = 0.04  # second-order, of the flow, every level
    look: float = 2.0  # L1 of the look, more where it changes
    rendered: float = 1.0  # L1 of the rendered person where it changes
    # L1 of its means over 8 and 16 pixels, where an unpaired sample's garment has gone: few pixels of few samples
    uncovered: float = 24.0
    # L1 of an unpaired sample's look to a teacher's of the same flow, where the old garment was or the new one lies
    told_look: float = 0.0
    gradients: float = 1.0  # of the look, at three scales; stands in for a perceptual loss where there are no weights
    structure: float = 0.0  # 1 - SSIM of the look
    perceptual: float = 0.0  # LPIPS of the look; needs vgg16.pt, see FITROOM_LPIPS in docs/evaluation.md
    adversarial: float = 0.0  # how surely a discriminator tells the look from photographs, where it changes
    matching: float = 0.0  # L1 of the discriminator's features there; 0, as the one above: there is none
    discriminator: float = 1.0  # hinge loss that the discriminator learns from
    composition: float = 1.5  # L1 of the composition mask against the garment that shows
    change: float = 1.5  # binary cross-entropy of the change mask
    distilled_flow: float = 0.0  # L1 of the flow against the teacher's, where the teacher's warp is better
    distilled_features: float = 0.0  # squared distance of person features, the same
    distilled_look: float = 0.0  # distance of the generator's outputs to those of the teacher's, for the same flow


@dataclass(frozen=True)
class StageConfig:
    """What a stage is."""

    name: StageName = "pb_warp"
    losses: LossConfig = field(default_factory=LossConfig)
    own_share: float = 0.0  # of a student's samples that show the photo itself; they train the warp alone
    # of a student's samples that show the photo itself and somebody else's garment, whose sleeves a teacher lays.
    # Fakes alone teach that arms without a trace of cutting or painting are never under sleeves.
    unpaired_share: float = 0.0
    sleeves: float = 1.0  # how much the arms of those count in the warp's losses: few pixels, and all they tell of it
    rests: Literal["nothing", "warp", "generator"] = "nothing"  # what stays as it is, while the other learns

    @property
    def parser_based(self) -> bool:
        """Whether this is a stage of the teacher."""
        return self.name.startswith("pb_")

    @property
    def whole(self) -> bool:
        """Whether the generator is trained too."""
        return self.rests != "generator" and (self.name.endswith("_generator") or self.name == "finetune")

    @property
    def warps(self) -> bool:
        """Whether the warp is trained."""
        return self.rests != "warp"

    @property
    def distils(self) -> bool:
        """Whether a teacher's flow, features or look are learned from."""
        return any(getattr(self.losses, name) for name in DISTILLATION)

    @property
    def adversarial(self) -> bool:
        """Whether a discriminator is trained along."""
        return self.whole and bool(self.losses.adversarial or self.losses.matching)

    @property
    def predecessor(self) -> StageName | None:
        """The stage whose network this one continues."""
        return {"pb_generator": "pb_warp", "pf_generator": "pf_warp"}.get(self.name)  # type: ignore[return-value]


class Trainee(Learner):
    """A network, what it is shown in a stage, and the losses of a batch."""

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
            # numbers of bits are whole
            if parameter.is_floating_point():
                generates = "generator" in name.split(".")
                parameter.requires_grad_(stage.whole if generates else stage.warps)

    def frozen(self) -> list[nn.Module]:
        """Networks that only tell, and train nothing."""
        return [*self.teacher, *([] if self.perceptual is None else [self.perceptual.network])]

    def train(self, mode: bool = True) -> "Trainee":
        """What rests keeps its batch norm's statistics too."""
        super().train(mode)
        for name, child in self.network.named_children():
            rests = "generator" if name == "generator" else "warp"
            child.train(mode and self.stage.rests != rests)
        return self

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Losses of a batch by name, unweighted means over its samples."""
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
            # the flow learns nothing from looks: they are compared pixel by pixel, and would fold away prints that they
            # find misplaced
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
        """The weighted sum of losses."""
        weights = self.stage.losses
        return torch.stack([getattr(weights, name) * value for name, value in values.items()]).sum()


def view(stage: StageConfig, batch: Batch) -> Tensor:
    """The person as a stage's network is shown it."""
    return parsed_view(batch) if stage.parser_based else batch.shown


def parsed_view(batch: Batch) -> Tensor:
    """The person as a teacher is shown it."""
    return parsed_person(batch.photo, batch.label, batch.key_points, batch.dense)


def told_to_teacher(stage: StageConfig, batch: Batch) -> Tensor:
    """The person as the teacher of a stage's student is shown it."""
    return batch.shown if stage.name == "finetune" else parsed_view(batch)


def flow_losses(flows: tuple[Tensor, ...], batch: Batch, align_corners: bool) -> dict[str, Tensor]:
    """The warp's losses: `WARP_LOSSES` over all levels, coarse ones counting less, and `colour_means` of the finest."""
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
    """The generator's losses, of the samples that show a fake; perceptual and adversarial ones with their networks.

    Of unpaired samples, whose `worn` is a teacher's, both masks, the discriminator's verdict, and "uncovered" alone.
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
    """Distance of a network's flow to a teacher's, who knows the person's features `known`; and of which samples, (N,)
    of 0 and 1.

    Of the samples whose garment the teacher's flow lays closer to the photo (PF-AFN, section 3.1); of unpaired ones,
    where nothing tells whether it does, none.
    """
    with torch.no_grad():
        target = teacher.flows(known, teacher.garment_features(batch.garment, batch.garment_mask))[-1]
        better = (warp_error(target, batch, teacher) < warp_error(flow, batch, network)).float() * batch.paired
        visible = sample(batch.garment_mask, target, teacher.align_corners, padding="zeros")
        target = reread(target, teacher.align_corners, network.align_corners)
    return ((flow - target).abs() * better.view(-1, 1, 1, 1) * visible).mean(), better


def feature_distillation(features: Features, known: Features, better: Tensor) -> Tensor:
    """Squared distance of person features to a teacher's, of the samples (N,) where that one does better."""
    counts = better.view(-1, 1, 1, 1)
    squares = [((mine - theirs) ** 2 * counts).mean() for mine, theirs in zip(features, known, strict=True)]
    return torch.stack(squares).mean()


def look_distillation(teacher: TryOnNetwork, known: Features, told: Tensor, dressed: Dressed, batch: Batch) -> Tensor:
    """Distance of a generator's outputs to those that a teacher's makes of the same flow, the person shown as `told`.

    L1 of looks and of their gradients, and of rendered persons where the teacher changes them; cross-entropy of both
    masks, which, unlike L1, pulls as hard where a mask has vanished.
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
    """Mean L1 (N,) of the garment warped by a flow against the garment worn."""
    warped = sample(batch.garment * batch.garment_mask, flow, network.align_corners, padding="zeros")
    return (warped - batch.photo * batch.worn).abs().mean(dim=(1, 2, 3))
