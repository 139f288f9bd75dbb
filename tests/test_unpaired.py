"""Tests of the losses of unpaired samples: the photo itself with another person's garment."""

from dataclasses import replace

import pytest
import torch

from conftest import Shift
from fitroom.body import Label
from fitroom.nets.interface import Dressed
from fitroom.train.batches import Batch
from fitroom.train.tasks.stages import LossConfig, StageConfig, Trainee, look_losses
from fitroom.train.tasks.uncovered import bare_arms
from fitroom.train.tasks.unpaired import told_look_difference, unpaired_regions, with_warp_of


def lay_arms(points, columns, rows):
    """Place both arms straight down: one column per arm, one row each for shoulder, elbow and wrist."""
    for joints, x in zip(((2, 3, 4), (5, 6, 7)), columns, strict=True):
        for joint, y in zip(joints, rows, strict=True):
            points[:, joint] = torch.tensor([x, y, 1.0])


def test_teachers_warp_is_the_target_for_sleeves_of_unpaired_samples(batch):
    """Photos of unpaired samples show another garment and are not targets. Paired samples keep their photos."""
    points = batch.key_points.clone()
    # shoulders 20 pixels apart, arms straight down at columns 6 and 26
    lay_arms(points[1:], (6.0, 26.0), (6.0, 14.0, 22.0))
    batch = batch._replace(
        paired=torch.tensor([1.0, 0.0]), photo=batch.photo.clone(), worn=batch.worn.clone(), key_points=points
    )
    batch.photo[1], batch.worn[1] = 1, 1
    stage = StageConfig("pf_warp", LossConfig(smoothness=0))
    taught = with_warp_of(Shift(0.25), lambda some: some.shown, stage.sleeves, batch)
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


def test_unpaired_looks_are_constrained_by_composition_and_change_masks(batch):
    """The old garment must change and the warped garment must show.

    On bare arms the teacher's warp is the target. Hair may stay in front.
    """
    label = batch.label.clone()
    label[1, 8:24, 8:12], label[1, 8:24, 18:24] = Label.HAIR, Label.LEFT_ARM
    paired, restored = torch.tensor([1.0, 0.0]), torch.tensor([1.0, 0.0])
    batch = batch._replace(label=label, paired=paired, restored=restored)
    arms, before, free = unpaired_regions(batch)
    assert torch.equal(arms[1, 0], (label[1] == Label.LEFT_ARM).float())
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
    costs = changes.sum().item() / all_pixels * 9.21  # -log(1e-4), the largest loss of a pixel
    assert (unchanged["change"] - perfect["change"]).item() == pytest.approx(costs, rel=0.01)
    assert values_of(batch.worn[1], changes)["composition"] == perfect["composition"], "hair is free to stay in front"
    assert {name for name in perfect if unchanged[name] != perfect[name]} == {"change"}


def test_rendered_person_must_have_estimated_colours_where_an_unpaired_garment_was(batch):
    """The new garment and hair are left out. Paired samples have their photo as a better target."""
    points = batch.key_points.clone()
    lay_arms(points, (15.0, 35.0), (0.0, 15.0, 31.0))
    label = batch.label.clone()
    label[:, :2] = Label.FACE
    batch = batch._replace(
        label=label,
        key_points=points,
        paired=torch.tensor([1.0, 0.0]),
        restored=torch.tensor([1.0, 0.0]),
        worn=torch.zeros_like(batch.worn),
        shown=torch.zeros_like(batch.shown),
    )
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


def test_teachers_look_is_the_target_where_the_old_or_the_new_garment_lies(batch):
    """Hair and visible arms are left out. The teacher's generator gets the student's flow."""
    points = batch.key_points.clone()
    lay_arms(points, (22.0, 26.0), (0.0, 15.0, 31.0))
    label = batch.label.clone()
    label[:, 8:12, 8:12] = Label.HAIR
    batch = batch._replace(label=label, key_points=points, paired=torch.tensor([1.0, 0.0]))
    asked = []

    class Painter(Shift):
        def generate(self, person, garment, garment_mask, flow, person_features, garment_features=()):
            asked.append(flow)
            look, none = torch.full_like(garment, 0.5), torch.zeros_like(garment_mask)
            new = none.clone()
            new[:, :, 20:30, 20:30] = 1
            return Dressed(look, flow, garment, garment_mask, look, new, none + 1)

    flow = torch.rand(2, 2, 32, 32)
    region = torch.zeros(32, 32)
    region[5:27, 5:27] = 1  # the label, grown by three pixels
    region[19:31, 19:31] = 1
    bare = bare_arms(points, 32, 32)[1, 0]
    bare[20:30, 20:30] = 0
    assert (bare * region).sum() > 10

    def difference(look):
        return told_look_difference(Painter(0.0), lambda some: some.shown, look, flow, batch).item()

    assert difference(torch.full((2, 3, 32, 32), 0.5)) == 0
    assert torch.equal(asked[-1], flow[1:])
    everywhere = difference(torch.zeros(2, 3, 32, 32)) * 2 * 32 * 32 / 0.5
    # hair and two pixels around it are left out; edges are blended over one pixel
    wanted = region.clone()
    wanted[6:14, 6:14] = 0
    assert everywhere == pytest.approx((wanted * (1 - bare)).sum().item(), rel=0.05)
    elsewhere = torch.full((2, 3, 32, 32), 0.5)
    elsewhere[:, :, :4] = -1  # outside of the region
    elsewhere[0] = -1  # a paired sample, whose photo is the target
    elsewhere[1, :, bare > 0] = -1
    elsewhere[1, :, 6:14, 6:14] = -1
    assert difference(elsewhere) == 0
    stage = StageConfig("pf_generator", LossConfig(told_look=1), unpaired_share=0.5)
    assert "told_look" in Trainee(Painter(0.0), stage, Painter(0.0))(batch)
    assert "told_look" not in Trainee(Painter(0.0), StageConfig("pf_generator"), Painter(0.0))(batch)
    aligned = Painter(0.0)
    aligned.align_corners = True
    Trainee(Shift(0.25), stage, aligned)(batch)
    mine = Shift(0.25).flows((batch.shown,), (batch.garment,))[-1]
    torch.testing.assert_close(asked[-1], mine[1:] * 32 / 31, msg="the same pixels, in the teacher's numbers")
    paired = batch._replace(paired=torch.ones(2))
    assert told_look_difference(Painter(0.0), lambda some: some.shown, batch.shown, flow, paired) == 0
