"""Tests of the losses of training stages, on cases with known values."""

import pytest
import torch

from conftest import Shift
from fitroom.nets.interface import Dressed
from fitroom.nets.lite import Lite, LiteConfig, identity_grid
from fitroom.nets.sampling import reread, sample
from fitroom.train.tasks.losses import warp_losses
from fitroom.train.tasks.stages import (
    LossConfig,
    StageConfig,
    Trainee,
    feature_distillation,
    flow_distillation,
    flow_losses,
    look_distillation,
    look_losses,
    view,
    warp_error,
)


def test_finer_levels_get_more_weight(batch):
    flows = Shift(0.2).flows((batch.photo,), (batch.garment,))
    values = flow_losses(flows, batch, False)
    levels = [warp_losses(flow, batch.garment, batch.garment_mask, batch.photo, batch.worn) for flow in flows]
    for name in ("garment", "mask", "smoothness"):
        assert values[name].item() == pytest.approx((levels[0][name].item() + 2 * levels[1][name].item()) / 3)


def test_look_loss_has_no_gradient_to_the_flow(batch):
    class Worn(Shift):
        def generate(self, person, garment, garment_mask, flow, person_features, garment_features=()):
            warped = sample(garment, flow, False)
            return Dressed(warped, flow, warped, garment_mask, warped, garment_mask, garment_mask)

    values = Trainee(Worn(0.2), StageConfig("pf_generator"))(batch)
    assert values["look"] > 0.01
    assert not values["look"].requires_grad
    assert values["garment"].requires_grad


def test_perfect_warp_has_zero_loss(batch):
    values = flow_losses(Shift(0.0).flows((batch.photo,), (batch.garment,))[1:], batch, False)
    assert values["garment"].item() == pytest.approx(0, abs=1e-6)
    assert values["mask"].item() == pytest.approx(0, abs=1e-6)
    assert warp_error(identity_grid(batch.photo).expand(2, -1, -1, -1), batch, Shift(0.0)).max() < 1e-6


def test_distillation_counts_only_paired_samples_with_a_better_teacher(batch):
    good, bad = Shift(0.0), Shift(0.3)
    flow = {network: network.flows((batch.photo,), (batch.garment,))[-1] for network in (good, bad)}
    features = bad.person_features(batch.shown)
    known = good.person_features(batch.photo)
    distance, better = flow_distillation(good, known, bad, flow[bad], batch)
    visible = batch.garment_mask.mean().item()  # a flow counts only where it samples the garment
    assert distance.item() == pytest.approx(0.3 * visible)
    assert better.tolist() == [1, 1]
    assert feature_distillation(features, known, better).item() == pytest.approx(0.09)
    unpaired = batch._replace(paired=torch.zeros(2))
    for distance, better in (
        flow_distillation(bad, features, good, flow[good], batch),
        flow_distillation(good, known, bad, flow[bad], unpaired),
    ):
        assert distance == 0
        assert not better.any()
        assert feature_distillation(features, known, better) == 0


def test_flow_distillation_converts_between_corner_alignments(batch):
    """The flows use different coordinates for the same pixels. Features of different shapes are not compared."""

    class CornerAligned(Shift):
        align_corners = True

        def person_features(self, person):
            return (person[:, :2] * 0 + self.by,)

        def flows(self, person_features, garment_features):
            return tuple(reread(flow, False, True) for flow in super().flows(person_features, garment_features))

    teacher, student = CornerAligned(0.0), Shift(0.25)
    for one, other in ((teacher, student), (student, teacher)):
        mine = one.flows((batch.photo,), (batch.garment,))[-1]
        distance, _ = flow_distillation(other, (), one, mine, batch)
        nearer = other is teacher
        wider = 1 if one is student else 32 / 31
        assert distance.item() == pytest.approx(nearer * 0.25 * wider * batch.garment_mask.mean().item(), rel=1e-5)
    stage = StageConfig("pf_warp", LossConfig(distilled_flow=1))
    values = Trainee(student, stage, teacher)(batch)
    assert "distilled_flow" in values
    assert "distilled_features" not in values


def test_look_distillation_compares_looks_rendered_persons_and_masks(batch):
    """The teacher's generator gets the same flow. A mask that has vanished still gets a strong gradient."""

    class Painted(Shift):
        def generate(self, person, garment, garment_mask, flow, person_features, garment_features=()):
            look, mask = torch.zeros_like(garment) + self.by, torch.sigmoid(self.logit) * torch.ones_like(garment_mask)
            return Dressed(look, flow, garment, garment_mask, look, mask, mask)

    def painted(by, logit):
        network = Painted(by)
        network.logit = torch.nn.Parameter(torch.tensor(logit))
        return network

    teacher, student = painted(0.5, 0.0), painted(0.2, -8.0)
    value = look_distillation(teacher, (), batch.shown, student.generate(batch.shown, *batch[5:7], None, ()), batch)
    # looks differ by 0.3, rendered persons by 0.3 in a mask of 0.5; both masks have cross-entropy against 0.5
    entropy = -0.5 * (torch.tensor(8.0).neg().sigmoid().log() + torch.tensor(8.0).sigmoid().log()).item()
    assert value.item() == pytest.approx(0.3 + 0.15 + 2 * entropy, rel=1e-4)
    value.backward()
    assert student.logit.grad.item() == pytest.approx(-1, abs=0.01)
    assert teacher.by.grad is None
    stage = StageConfig("finetune", LossConfig(distilled_look=1), rests="warp")
    assert "distilled_look" in Trainee(student, stage, teacher)(batch)


def test_samples_that_show_the_photo_itself_do_not_train_the_generator(batch):
    def values_of(batch):
        dressed = Shift(0.0).generate(batch.shown, batch.garment, batch.garment_mask, None, ())
        return look_losses(dressed, batch.shown, batch)

    values = values_of(batch)
    only = batch._replace(shown=torch.cat([batch.shown[:1], batch.photo[1:]]))
    same = values_of(only)
    for name in values:
        assert values[name].item() == pytest.approx(same[name].item(), abs=1e-6), name
    # half of the batch counts; its composition is 0.5, and the target is 1 inside the garment and 0 outside
    assert values["composition"].item() == pytest.approx(0.25)


def test_generator_is_frozen_in_warp_stages(batch):
    network = Shift(0.1)
    network.generator = torch.nn.Conv2d(1, 1, 1)
    for name, whole in (("pf_warp", False), ("pf_generator", True)):
        trainee = Trainee(network, StageConfig(name))
        assert network.generator.weight.requires_grad == whole
        assert ("look" in trainee(batch)) == whole


@pytest.mark.parametrize("rests", ["warp", "generator"])
def test_frozen_modules_keep_their_weights_and_statistics(batch, rests):
    network = Lite(LiteConfig(8, (8, 8, 16, 16), 8, (1, 1, 1, 2), (16, 16, 8, 8, 8), (8, 8, 16, 16)))
    trainee = Trainee(network, StageConfig("pf_generator", rests=rests)).train()
    wider = batch._replace(
        **{
            name: torch.nn.functional.interpolate(getattr(batch, name), size=(64, 64))
            for name in ("photo", "worn", "garment", "garment_mask", "shown")
        }
    )
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


def test_total_is_the_weighted_sum_of_the_losses(batch):
    trainee = Trainee(Shift(0.1), StageConfig("pf_warp", LossConfig(garment=2, mask=3, smoothness=0)))
    values = trainee(batch)
    assert trainee.total(values).item() == pytest.approx(2 * values["garment"].item() + 3 * values["mask"].item())


def test_student_gets_the_fake_and_teacher_gets_the_parsed_person(batch):
    assert view(StageConfig("pf_generator"), batch) is batch.shown
    assert view(StageConfig("pb_generator"), batch).shape[1] == 23
