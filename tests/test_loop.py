"""Tests of the training loop: exact resume, equal results in one and two processes, and errors."""

from dataclasses import replace

import pytest
import torch
from lightning_fabric import Fabric

from conftest import SMALL_LITE, read_samples
from fitroom.data.augment import AugmentConfig
from fitroom.errors import FitroomError, OutputError, WeightsError
from fitroom.nets.lite import Lite
from fitroom.train.batches import Batches
from fitroom.train.batchnorm import share_batch_norm
from fitroom.train.checkpoint import NAME, check_network, load, save
from fitroom.train.loop import LoopConfig, Watch, rate, train
from fitroom.train.samples import Fakes
from fitroom.train.tasks.stages import STAGES, LossConfig, StageConfig, Trainee
from fitroom.train.tasks.teacher_input import PARSED

TEACHER = replace(SMALL_LITE, person=PARSED)
LOSSES = LossConfig(distilled_flow=1.0, distilled_features=1.0)


class Killed(BaseException):
    """Stands in for a kill in the middle of a step."""


def small(config, seed):
    torch.manual_seed(seed)
    network = Lite(config)
    for head in network.warp.heads:
        torch.nn.init.normal_(head.out.weight, std=0.02)
    return network


def parts(samples, name, losses=LOSSES):
    """Return a trainee and its batches, the same in every call."""
    stage = StageConfig(name, losses, own_share=0.25, unpaired_share=0.25)
    fakes = None if stage.parser_based else Fakes(torch.arange(12), samples.photo.roll(1, 0))
    network = small(TEACHER if stage.parser_based else SMALL_LITE, seed=1)
    teacher = None if stage.parser_based else small(TEACHER, seed=2)
    batches = Batches(samples, fakes, AugmentConfig(), 8, stage.own_share, unpaired_share=stage.unpaired_share)
    return Trainee(network, stage, teacher), batches


def run(samples, folder, steps=6, kill_at=None, resume=False, name="pf_generator", minutes=0.0, rate=5e-4):
    """Train. Return the losses by step and the checkpoint, or None for it if killed after step `kill_at`."""
    trainee, batches = parts(samples, name)
    history = {}

    def told(step, scalars):
        history[step] = scalars
        if step == kill_at:
            raise Killed

    config = LoopConfig(steps=steps, batch=8, log_every=1, checkpoint_minutes=minutes, warm_up=2, learning_rate=rate)
    try:
        started = load(folder) if resume else None
        checkpoint = train(
            Fabric(accelerator="cpu", devices=1), trainee, batches, config, folder, Watch(told), started=started
        )
    except Killed:
        checkpoint = None
    return history, checkpoint


@pytest.mark.parametrize("name", STAGES[:4])
def test_every_stage_trains_its_modules_and_lowers_its_losses(training_samples, tmp_path, name):
    before, _ = parts(training_samples, name)
    history, checkpoint = run(training_samples, tmp_path, 24, name=name, minutes=9, rate=4e-3)
    expected = {"garment", "colour_means", "mask", "smoothness", "rate"}
    looks = {"look", "rendered", "uncovered", "gradients", "structure", "composition", "change"}
    expected |= looks if name.endswith("generator") else set()
    expected |= {"distilled_flow", "distilled_features"} if name.startswith("pf") else set()
    assert history[1].keys() == expected
    late = [sum(history[step][key] for step in range(20, 25)) / 5 for key in ("garment", "mask")]
    assert late[0] + late[1] < 0.95 * (history[1]["garment"] + history[1]["mask"])
    moved = {
        tensor.split(".")[0]
        for tensor, value in before.network.named_parameters()
        if not torch.equal(value, checkpoint.tensors[tensor])
    }
    assert ("generator" in moved) == name.endswith("generator")
    assert {"person_encoder", "garment_encoder", "warp"} <= moved


def test_resuming_a_killed_run_equals_an_uninterrupted_one(training_samples, tmp_path):
    whole, expected = run(training_samples, tmp_path / "whole")
    first, _ = run(training_samples, tmp_path / "broken", kill_at=4)
    assert load(tmp_path / "broken").step == 3, "the fourth step was done, but not yet kept"
    second, found = run(training_samples, tmp_path / "broken", resume=True)
    assert first == {step: whole[step] for step in range(1, 5)}
    assert second == {step: whole[step] for step in range(4, 7)}
    for kind in ("tensors", "average"):
        a, b = getattr(expected, kind), getattr(found, kind)
        assert all(torch.equal(a[name], b[name]) for name in a)


def test_a_run_stopped_by_the_time_limit_can_be_resumed(training_samples, tmp_path):
    trainee, batches = parts(training_samples, "pb_warp")
    config = LoopConfig(steps=4, batch=8)
    fabric = Fabric(accelerator="cpu", devices=1)
    stopped = train(fabric, trainee, batches, config, tmp_path, Watch(), max_minutes=1e-6)
    assert stopped.step == load(tmp_path).step == 1
    trainee, batches = parts(training_samples, "pb_warp")
    assert train(fabric, trainee, batches, config, tmp_path, Watch(), started=load(tmp_path)).step == 4


def test_losses_that_are_not_finite_stop_the_run(training_samples, tmp_path):
    trainee, batches = parts(training_samples, "pb_warp")
    fabric = Fabric(accelerator="cpu", devices=1)
    train(fabric, trainee, batches, LoopConfig(steps=1, batch=8), tmp_path, Watch())
    spoilt, batches = parts(training_samples, "pb_warp", LossConfig(mask=float("nan")))
    with pytest.raises(FitroomError, match=r"step 1: .* not finite.*00000\d_0\.jpg 00000\d_1\.jpg"):
        train(fabric, spoilt, batches, LoopConfig(steps=2, batch=8), tmp_path, Watch(), started=load(tmp_path))
    assert load(tmp_path).step == 1


def gradients(fabric, figures, name, path):
    """Save the gradients of the first step's total loss, and the running statistics, in the first process."""
    samples = read_samples(figures)
    trainee, batches = parts(samples, name)
    share_batch_norm(trainee.network)
    for teacher in trainee.teacher:
        teacher.double()
    wrapped = fabric.setup(trainee)
    values = wrapped(batches.of_step(0, fabric.global_rank, fabric.world_size))
    fabric.backward(trainee.total(values))
    if fabric.is_global_zero:
        named = trainee.network.named_parameters()
        found = {key: value.grad for key, value in named if value.grad is not None}
        statistics = {key: value for key, value in trainee.network.named_buffers() if "running" in key}
        torch.save({**found, **statistics}, path)


def check_same_gradients(one, two):
    """Check that files saved by `gradients` have equal statistics and gradients, within 1e-5 of the norm."""
    a, b = (torch.load(path, weights_only=True) for path in (one, two))
    assert a.keys() == b.keys()
    assert any("generator" in key for key in a)
    trained = [key for key in a if "running" not in key]
    apart = sum(float((a[key] - b[key]).square().sum()) for key in trained) ** 0.5
    assert apart <= 1e-5 * sum(float(a[key].square().sum()) for key in trained) ** 0.5
    for key in a.keys() - set(trained):
        assert torch.allclose(a[key], b[key], rtol=1e-5, atol=1e-5), key


@pytest.mark.parametrize("name", ["pb_generator", "pf_generator"])
def test_two_processes_give_the_same_gradients_as_one(figures, tmp_path, name):
    gradients(Fabric(accelerator="cpu", devices=1, precision="64-true"), figures, name, tmp_path / "one.pt")
    two = Fabric(accelerator="cpu", devices=2, strategy="ddp_spawn", precision="64-true")
    two.launch(gradients, figures, name, tmp_path / "two.pt")
    check_same_gradients(tmp_path / "one.pt", tmp_path / "two.pt")


def test_learning_rate_warms_up_and_decays_to_its_final_share():
    config = LoopConfig(steps=1000, learning_rate=1.0, warm_up=100, final_share=0.1)
    assert rate(0, config) == pytest.approx(0.01)
    assert rate(99, config) > 0.95
    assert rate(500, config) == pytest.approx(0.55)
    assert rate(1000, config) == pytest.approx(0.1)


def test_failed_saves_keep_the_previous_checkpoint(training_samples, tmp_path, monkeypatch):
    _, checkpoint = run(training_samples, tmp_path, 1)

    def full(*arguments):
        arguments[1].write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OutputError, match=r"No space left on device.*the checkpoint before it is kept"):
        save(replace(checkpoint, step=2), tmp_path)
    assert load(tmp_path).step == 1
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_checkpoints_of_other_networks_are_refused(training_samples, tmp_path):
    _, checkpoint = run(training_samples, tmp_path, 1)
    found = (checkpoint.network, checkpoint.config)
    check_network(*found, "lite", SMALL_LITE, tmp_path)
    with pytest.raises(WeightsError, match=r"another network \(other stem\)"):
        check_network(*found, "lite", replace(SMALL_LITE, stem=16), tmp_path)
    with pytest.raises(WeightsError, match=r"another network \(lite\)"):
        check_network(*found, "pfafn", SMALL_LITE, tmp_path)
    (tmp_path / NAME).write_text("damaged")
    with pytest.raises(WeightsError, match="not a checkpoint"):
        load(tmp_path)
