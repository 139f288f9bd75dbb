"""What stages weigh, on cases whose values are known."""

from dataclasses import replace

import pytest
import torch

from fitroom.data.viton import FACE, HAIR, LEFT_ARM
from fitroom.nets.interface import Dressed, TryOnNetwork
from fitroom.nets.lite import Lite, LiteConfig, identity_grid
from fitroom.nets.sampling import sample
from fitroom.train.batches import Batch
from fitroom.train.losses import warp_losses
from fitroom.train.stages import (
    LossConfig,
    StageConfig,
    Trainee,
    flow_losses,
    look_distillation,
    look_losses,
    unpaired_regions,
    view,
    warp_distillation,
    warp_error,
    with_warp_of,
)
from fitroom.train.uncovered import bare_arms


class Shift(TryOnNetwork):
    """Warps by a constant, and shows the warped garment where its mask is."""

    align_corners = False
    config = None

    def __init__(self, by: float) -> None:
        super().__init__()
        self.by = torch.nn.Parameter(torch.tensor(by))

    def person_features(self, person):
        return (person[:, :1] * 0 + self.by,)

    def garment_features(self, garment, garment_mask):
        return (garment,)

    def flows(self, person_features, garment_features):
        grid = identity_grid(garment_features[0]).expand(len(garment_features[0]), -1, -1, -1)
        return (grid[..., ::2, ::2] + self.by, grid + self.by)

    def generate(self, person, garment, garment_mask, flow, person_features):
        half = torch.full_like(garment_mask, 0.5)
        return Dressed(person[:, :3], flow, garment, garment_mask, person[:, :3], half, half)


@pytest.fixture
def batch():
    """Garments worn exactly as they are photographed: the identity is the true flow."""
    generator = torch.Generator().manual_seed(0)
    garment = torch.rand(2, 3, 32, 32, generator=generator) * 2 - 1
    mask = torch.zeros(2, 1, 32, 32)
    mask[:, :, 8:24, 8:24] = 1
    label = (4 * mask[:, 0]).to(torch.uint8)
    shown = torch.zeros(2, 3, 32, 32)
    restored, paired = torch.tensor([1.0, 0.0]), torch.ones(2)
    return Batch(torch.arange(2), garment, label, torch.zeros(2, 18, 3), mask, garment, mask, shown, restored, paired)


def test_levels_weigh_more_the_finer_they_are(batch):
    flows = Shift(0.2).flows((batch.photo,), (batch.garment,))
    values = flow_losses(flows, batch, False)
    levels = [warp_losses(flow, batch.garment, batch.garment_mask, batch.photo, batch.worn) for flow in flows]
    for name in ("garment", "mask", "smoothness"):
        assert values[name].item() == pytest.approx((levels[0][name].item() + 2 * levels[1][name].item()) / 3)


def test_the_look_does_not_bend_the_flow(batch):
    class Worn(Shift):
        def generate(self, person, garment, garment_mask, flow, person_features):
            warped = sample(garment, flow, False)
            return Dressed(warped, flow, warped, garment_mask, warped, garment_mask, garment_mask)

    values = Trainee(Worn(0.2), StageConfig("pf_generator"))(batch)
    assert values["look"] > 0.01
    assert not values["look"].requires_grad
    assert values["garment"].requires_grad


def test_a_perfect_warp_costs_nothing(batch):
    values = flow_losses(Shift(0.0).flows((batch.photo,), (batch.garment,))[1:], batch, False)
    assert values["garment"].item() == pytest.approx(0, abs=1e-6)
    assert values["mask"].item() == pytest.approx(0, abs=1e-6)
    assert warp_error(identity_grid(batch.photo).expand(2, -1, -1, -1), batch, Shift(0.0)).max() < 1e-6


def test_only_a_better_teacher_teaches(batch):
    good, bad = Shift(0.0), Shift(0.3)
    flow = {network: network.flows((batch.photo,), (batch.garment,))[-1] for network in (good, bad)}
    features = bad.person_features(batch.shown)
    taught = warp_distillation(good, good.person_features(batch.photo), flow[bad], features, batch)
    visible = batch.garment_mask.mean().item()  # a flow counts where it shows garment
    assert taught["distilled_flow"].item() == pytest.approx(0.3 * visible)
    assert taught["distilled_features"].item() == pytest.approx(0.09)
    for name, value in warp_distillation(bad, features, flow[good], features, batch).items():
        assert value == 0, name
    unpaired = batch._replace(paired=torch.zeros(2))
    for name, value in warp_distillation(
        good, good.person_features(batch.photo), flow[bad], features, unpaired
    ).items():
        assert value == 0, name


def test_unpaired_samples_are_taught_sleeves_by_the_teachers_warp(batch):
    """Their photos show another garment, which teaches nothing; the others keep theirs, which tell everything."""
    points = batch.key_points.clone()
    # shoulders 20 pixels apart, arms straight down at columns 6 and 26
    for joints, x in (((2, 3, 4), 6.0), ((5, 6, 7), 26.0)):
        for joint, y in zip(joints, (6.0, 14.0, 22.0), strict=True):
            points[1, joint] = torch.tensor([x, y, 1.0])
    batch = batch._replace(
        paired=torch.tensor([1.0, 0.0]), photo=batch.photo.clone(), worn=batch.worn.clone(), key_points=points
    )
    batch.photo[1], batch.worn[1] = 1, 1
    stage = StageConfig("pf_warp", LossConfig(smoothness=0))
    taught = with_warp_of(Shift(0.25), stage, batch)
    assert torch.equal(taught.photo[0], batch.photo[0])
    assert torch.equal(taught.shown, batch.shown)
    assert torch.equal(taught.worn[1], batch.garment_mask[1].roll((-4, -4), dims=(1, 2))), "0.25 is 4 of 32 pixels"
    assert taught.known[0].all()
    assert taught.known[1, 0, 14].tolist() == [0.0] + [1.0] * 11 + [0.0] * 9 + [1.0] * 11, "0.3 of the shoulders' width"

    shifted = Trainee(Shift(0.25), stage, Shift(0.25))(batch)
    assert shifted.keys() == Trainee(Shift(0.25), stage)(batch).keys(), "no distillation without a weight"
    only_unpaired = Batch(*(None if tensor is None else tensor[1:] for tensor in batch))
    assert Trainee(Shift(0.25), stage, Shift(0.25))(only_unpaired)["mask"].item() < 0.02
    missed = Trainee(Shift(0.0), stage, Shift(0.25))(only_unpaired)["mask"].item()
    assert missed > 0.05
    counts_more = replace(stage, sleeves=3.0)
    assert Trainee(Shift(0.0), counts_more, Shift(0.25))(only_unpaired)["mask"].item() == pytest.approx(3 * missed)


def test_unpaired_looks_are_held_by_their_masks_and_the_discriminator(batch):
    """What was worn changes, what the warp lays shows, on bare arms as the teacher says, and hair may stay in front."""
    label = batch.label.clone()
    label[1, 8:24, 8:12], label[1, 8:24, 18:24] = HAIR, LEFT_ARM
    paired, restored = torch.tensor([1.0, 0.0]), torch.tensor([1.0, 0.0])
    batch = batch._replace(label=label, paired=paired, restored=restored)
    arms, before, free = unpaired_regions(batch)
    assert torch.equal(arms[1, 0], (label[1] == LEFT_ARM).float())
    assert before[1, 0, 7:25, 14:19].all()
    assert before[1].sum() == 18 * 5, "the garment with its rim, without hair and 2 pixels around that"
    assert free[1, 0, :, 14:].all()
    assert not free[1, 0, 6:26, 6:14].any()

    def values_of(composition, change):
        mask = torch.stack([torch.full((1, 32, 32), 0.5), composition])
        painted = torch.stack([torch.full((1, 32, 32), 0.5), change])
        look = batch.photo
        dressed = Dressed(look, None, batch.garment, batch.garment_mask, look, mask, painted)
        return look_losses(dressed, batch.shown, batch)

    wanted = batch.worn[1] * free[1]
    changes = torch.maximum(before[1], wanted)
    perfect, all_pixels = values_of(wanted, changes), 2 * 32 * 32
    bare = values_of(wanted * (1 - arms[1]), changes)["composition"] - perfect["composition"]
    assert bare.item() == pytest.approx(arms[1].sum().item() / all_pixels)
    inside = torch.zeros(1, 32, 32)
    inside[:, 12:20, 12:20] = 1
    inside = torch.maximum(inside, arms[1])
    hole = values_of(wanted * arms[1], changes)["composition"] - perfect["composition"]
    assert hole.item() == pytest.approx((wanted * (inside - arms[1])).sum().item() / all_pixels), "nor holes in trunks"
    trimmed = values_of(wanted * inside, changes)["composition"]
    assert trimmed == perfect["composition"], "where a garment ends, paired samples tell"
    unchanged = values_of(wanted, changes * 0)
    costs = changes.sum().item() / all_pixels * 9.21  # -log(1e-4), which is as far as it counts
    assert (unchanged["change"] - perfect["change"]).item() == pytest.approx(costs, rel=0.01)
    assert values_of(batch.worn[1], changes)["composition"] == perfect["composition"], "hair is free to stay in front"
    assert {name for name in perfect if unchanged[name] != perfect[name]} == {"change"}


def test_paint_has_the_colours_of_what_an_unpaired_garment_hid(batch):
    """Where neither the new garment lies nor hair is in front; of paired samples the photo tells more."""
    points = batch.key_points.clone()
    for joints, x in (((2, 3, 4), 15.0), ((5, 6, 7), 35.0)):
        for joint, y in zip(joints, (0.0, 15.0, 31.0), strict=True):
            points[:, joint] = torch.tensor([x, y, 1.0])
    label = batch.label.clone()
    label[:, :2] = FACE
    batch = batch._replace(
        label=label, key_points=points, paired=torch.tensor([1.0, 0.0]), restored=torch.tensor([1.0, 0.0]),
        worn=torch.zeros_like(batch.worn), shown=torch.zeros_like(batch.shown),
    )  # fmt: skip
    _, before, _ = unpaired_regions(batch)
    arms = before[1] * bare_arms(points, 32, 32)[1]
    assert arms.sum() > 50

    def uncovered(rendered, composition):
        rendered, mask = torch.full_like(batch.photo, rendered), torch.full_like(batch.worn, composition)
        dressed = Dressed(batch.photo, None, batch.garment, batch.garment_mask, rendered, mask, mask)
        return look_losses(dressed, batch.shown, batch)["uncovered"].item()

    assert uncovered(0.0, 0.0) == 0, "the skin of these is grey"
    assert uncovered(0.5, 0.0) == pytest.approx(0.5 * arms.sum().item() / (2 * 32 * 32))
    assert uncovered(0.5, 1.0) == 0


def test_the_look_of_an_unpruned_network_is_learned(batch):
    """What its generator makes of the same flow; a mask that has vanished is pulled back as hard as any other."""

    class Painted(Shift):
        def generate(self, person, garment, garment_mask, flow, person_features):
            look, mask = torch.zeros_like(garment) + self.by, torch.sigmoid(self.logit) * torch.ones_like(garment_mask)
            return Dressed(look, flow, garment, garment_mask, look, mask, mask)

    def painted(by, logit):
        network = Painted(by)
        network.logit = torch.nn.Parameter(torch.tensor(logit))
        return network

    teacher, student = painted(0.5, 0.0), painted(0.2, -8.0)
    value = look_distillation(teacher, (), batch.shown, student.generate(batch.shown, *batch[5:7], None, ()), batch)
    # 0.3 apart, within a mask of a half as well; each mask's cross-entropy against a half
    entropy = -0.5 * (torch.tensor(8.0).neg().sigmoid().log() + torch.tensor(8.0).sigmoid().log()).item()
    assert value.item() == pytest.approx(0.3 + 0.15 + 2 * entropy, rel=1e-4)
    value.backward()
    assert student.logit.grad.item() == pytest.approx(-1, abs=0.01)
    assert teacher.by.grad is None
    stage = StageConfig("finetune", LossConfig(distilled_look=1), rests="warp")
    assert "distilled_look" in Trainee(student, stage, teacher)(batch)


def test_photos_shown_as_they_are_teach_the_generator_nothing(batch):
    def values_of(batch):
        dressed = Shift(0.0).generate(batch.shown, batch.garment, batch.garment_mask, None, ())
        return look_losses(dressed, batch.shown, batch)

    values = values_of(batch)
    only = batch._replace(shown=torch.cat([batch.shown[:1], batch.photo[1:]]))
    same = values_of(only)
    for name in values:
        assert values[name].item() == pytest.approx(same[name].item(), abs=1e-6), name
    # half of the batch counts; its composition is 0.5 where 1 is wanted inside and 0 outside the garment
    assert values["composition"].item() == pytest.approx(0.25)


def test_the_generator_rests_in_warp_stages(batch):
    network = Shift(0.1)
    network.generator = torch.nn.Conv2d(1, 1, 1)
    for name, whole in (("pf_warp", False), ("pf_generator", True)):
        trainee = Trainee(network, StageConfig(name))
        assert network.generator.weight.requires_grad == whole
        assert ("look" in trainee(batch)) == whole


@pytest.mark.parametrize("rests", ["warp", "generator"])
def test_what_rests_moves_in_nothing(batch, rests):
    network = Lite(LiteConfig(8, (8, 8, 16, 16), 8, (1, 1, 1, 2), (16, 16, 8, 8, 8), (8, 8, 16, 16)))
    trainee = Trainee(network, StageConfig("pf_generator", rests=rests)).train()
    wider = batch._replace(**{
        name: torch.nn.functional.interpolate(getattr(batch, name), size=(64, 64))
        for name in ("photo", "worn", "garment", "garment_mask", "shown")
    })  # fmt: skip
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    optimiser = torch.optim.SGD([p for p in trainee.parameters() if p.requires_grad], 0.1)
    values = trainee(wider)
    assert ("garment" in values, "look" in values) == (rests == "generator", rests == "warp")
    trainee.total(values).backward()
    optimiser.step()
    moved = {
        name.split(".")[0] for name, tensor in network.state_dict().items() if not torch.equal(tensor, before[name])
    }
    everything = {name for name, _ in network.named_children()}
    assert moved == ({"generator"} if rests == "warp" else everything - {"generator"})


def test_the_total_is_weighted(batch):
    trainee = Trainee(Shift(0.1), StageConfig("pf_warp", LossConfig(garment=2, mask=3, smoothness=0)))
    values = trainee(batch)
    assert trainee.total(values).item() == pytest.approx(2 * values["garment"].item() + 3 * values["mask"].item())


def test_what_teacher_and_student_are_shown(batch):
    assert view(StageConfig("pf_generator"), batch) is batch.shown
    assert view(StageConfig("pb_generator"), batch).shape[1] == 23
