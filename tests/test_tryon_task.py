"""Tests of the training commands, from a data folder to weights."""

import gzip
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from click.testing import CliRunner
from PIL import Image

from fitroom import TryOn
from fitroom.body import Label
from fitroom.cli import main
from fitroom.data.pack import write_pack
from fitroom.data.viton import read_grey
from fitroom.errors import InputError
from fitroom.nets.registry import load_network
from fitroom.train.checkpoint import load
from fitroom.train.tasks.config import read_config
from fitroom.train.tasks.stages import STAGES

ROOT = Path(__file__).resolve().parents[1]
SMALL = """
height: 64
width: 64
lite:
  {stem: 8, encoder: [8, 8, 16, 16], pyramid: 8, passes: [1, 1, 1, 2], heads: [16, 16, 8, 8, 8],
   generator: [8, 8, 16, 16]}
loop: {steps: 2, batch: 4, log_every: 1, look_every: 2}
"""


@pytest.fixture
def small(tmp_path):
    (tmp_path / "small.yaml").write_text(SMALL)
    return tmp_path / "small.yaml"


def run(*arguments):
    return CliRunner().invoke(main, ["train", *map(str, arguments)])


@pytest.mark.slow
def test_four_stages_train_weights_that_make_looks(figures, small, tmp_path):
    """Train all four stages from a pack, including the distillation that the shipped configs use."""
    root = shutil.copytree(figures, tmp_path / "figures")
    (root / "val_pairs_paired.txt").write_text((root / "train_pairs.txt").read_text())
    (root / "val_pairs_unpaired.txt").write_text((root / "unpaired_pairs.txt").read_text())
    pack, work = write_pack(root, tmp_path / "figures.pack"), tmp_path / "work"
    places = ["--data", pack, "--work", work]
    for stage in ("pb_warp", "pb_generator"):
        result = run(stage, *places, "--config", small)
        assert result.exit_code == 0, result.output
        assert "2 of 2 steps" in result.output
        assert "warp_iou" in result.output
        assert list((work / stage / "tensorboard").iterdir())
        assert yaml.safe_load((work / stage / "settings.yaml").read_text())["stage"]["name"] == stage
    result = run("render-fakes", *places, "--each", 2)
    assert "24 new fakes" in result.output
    assert "0 new fakes" in run("render-fakes", *places, "--each", 2).output
    assert "new fakes" in run("render-fakes", "--data", root, "--work", work, "--each", 1, "--cut").output
    distilled = ["--set", "stage.losses.distilled_flow=1", "--set", "fakes=[fakes, cut-fakes]"]
    other = ["--set", "network=pfafn", "--set", "stage.losses.distilled_features=1"]
    result = run("pf_warp", *places, "--config", small, *distilled, *other)
    assert result.exit_code == 2
    assert "the teacher is lite with features of 8 channels" in result.output
    assert "--set stage.losses.distilled_features=0" in result.output
    assert run("pf_warp", *places, "--config", small, *distilled).exit_code == 0
    result = run("pf_generator", *places, "--config", small, *distilled, "-o", tmp_path / "weights")
    assert result.exit_code == 0, result.output
    for measure in ("swap-back SSIM", "retrieval", "warp IoU"):
        assert measure in result.output, result.output
    pair = (root / "train_img/000000_0.jpg", root / "train_color/000001_1.jpg")
    assert TryOn.load(tmp_path / "weights")(*pair).image.shape == (256, 192, 3)
    assert "VITON" in TryOn.load(tmp_path / "weights").weights.manifest.terms


def test_error_for_a_missing_input_names_the_command_to_run(figures, small, tmp_path, monkeypatch):
    places = ["--data", figures, "--work", tmp_path / "work", "--config", small]
    for stage, needs in (("pb_generator", "pb_warp"), ("pf_generator", "pf_warp")):
        result = run(stage, *places)
        assert result.exit_code == 2
        assert f"run first: fitroom train {needs}" in result.output
    for setting in ("stage.losses.distilled_flow=1", "stage.unpaired_share=0.25"):
        assert "run first: fitroom train pb_generator" in run("pf_warp", *places, "--set", setting).output
    assert "run first: fitroom train pb_generator" in run("render-fakes", *places[:4]).output
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("FITROOM_LPIPS", raising=False)
    assert run("pb_warp", *places).exit_code == 0
    result = run("pb_generator", *places, "--set", "stage.losses.perceptual=1")
    assert result.exit_code == 2
    assert "set FITROOM_LPIPS to vgg16.pt" in result.output
    shutil.rmtree(tmp_path / "work")
    assert "render them with: fitroom train render-fakes" in run("pf_warp", *places).output
    assert not (tmp_path / "work").exists()


def test_student_training_starts_from_given_weights(figures, small, small_weights, tmp_path):
    """Continue training given weights on new pairs, without a teacher."""
    places = ["--data", figures, "--work", tmp_path / "work", "--config", small, "--set", "fakes=[cut-fakes]"]
    assert run("render-fakes", *places[:4], "--each", 1, "--cut").exit_code == 0
    start = ["--set", f"start={small_weights.folder}"]
    result = run("pf_generator", *places, *start, "--set", "lite.stem=16")
    assert result.exit_code == 2
    assert "another network (other stem)" in result.output
    result = run("pf_generator", *places, *start, "--set", "loop.learning_rate=0")
    assert result.exit_code == 0, result.output
    assert "skipped the evaluation" in result.output
    kept, started = load(tmp_path / "work/pf_generator").tensors, load_network(small_weights).state_dict()
    assert all(torch.equal(started[name], kept[name]) for name in started if name.endswith((".weight", ".bias")))
    assert "start is only for students" in run("pb_warp", *places, *start).output


def test_weights_render_fakes_for_the_next_student(figures, small, small_weights, tmp_path):
    """The discriminator is stored in the checkpoint and trained further after resuming."""
    places = ["--data", figures, "--work", tmp_path / "work"]
    by_weights = ["render-fakes", *places, "--each", 1, "--weights", small_weights.folder]
    assert "give only one" in run(*by_weights, "--cut").output
    result = run(*by_weights)
    assert f"12 new fakes in {tmp_path / 'work/student-fakes'}" in result.output
    assert "0 new fakes" in run(*by_weights).output
    train = ["pf_generator", *places, "--config", small, "--set", f"start={small_weights.folder}"]
    train += ["--set", "fakes=[student-fakes]", "--set", "stage.losses.matching=1"]
    train += ["--set", "stage.rests=warp", "--set", "loop.look_every=1"]
    assert run(*train).exit_code == 0
    kept = load(tmp_path / "work/pf_generator").adversary
    assert kept
    assert run(*train, "--resume", "--set", "loop.steps=3").exit_code == 0
    checkpoint = load(tmp_path / "work/pf_generator")
    assert any(not torch.equal(kept[name], checkpoint.adversary[name]) for name in kept)
    # looks were drawn during training; the warp stayed frozen before and after
    for name, tensor in load_network(small_weights).state_dict().items():
        assert name.startswith("generator.") or torch.equal(tensor, checkpoint.tensors[name]), name


@pytest.mark.slow
def test_teacher_is_trained_with_densepose_parts(figures, small, tmp_path):
    """Train from a pack. The trained teacher then needs DensePose parts in all data."""
    root = shutil.copytree(figures, tmp_path / "figures")
    (root / "train_densepose").mkdir()
    for number, path in enumerate(sorted((root / "train_label").iterdir())):
        parts = (read_grey(path) == Label.LEFT_ARM) * np.uint8(16)
        if number % 2:
            np.save(root / "train_densepose" / f"{path.stem}.npy", parts)
        else:
            Image.fromarray(parts).save(root / "train_densepose" / path.name)
    pack, work = write_pack(root, tmp_path / "figures.pack"), ["--work", tmp_path / "work"]
    for stage in ("pb_warp", "pb_generator"):
        assert run(stage, "--data", pack, *work, "--config", small).exit_code == 0
        assert load(tmp_path / "work" / stage).config["person"] == 23 + 24
    assert "12 new fakes" in run("render-fakes", "--data", root, *work, "--each", 1).output
    result = run("render-fakes", "--data", figures, *work, "--each", 1)
    assert "train both on data with train_densepose" in result.output
    (root / "train_densepose" / "000001_0.npy").write_bytes(b"broken")
    result = run("pb_warp", "--data", root, "--work", tmp_path / "other", "--config", small)
    assert "000001_0.npy: not a NumPy array" in result.output


def test_checkpoint_is_not_overwritten_or_resumed_by_another_network(figures, small, tmp_path):
    places = ["--data", figures, "--work", tmp_path / "work", "--config", small]
    assert run("pb_warp", *places).exit_code == 0
    result = run("pb_warp", *places)
    assert result.exit_code == 2
    assert "continue with --resume" in result.output
    result = run("pb_warp", *places, "--resume", "--set", "lite.stem=16")
    assert result.exit_code == 2
    assert "another network" in result.output
    assert run("pb_warp", *places, "--resume", "--set", "loop.steps=3").exit_code == 0
    assert load(tmp_path / "work/pb_warp").step == 3


def test_run_of_version_0_15_0_can_be_resumed(figures, tmp_path):
    """Resume from its checkpoint, with its saved settings."""
    before = ROOT / "tests/fixtures/training-0.15.0/pb_warp"
    (tmp_path / "pb_warp").mkdir()
    packed = (before / "checkpoint.pt.gz").read_bytes()
    (tmp_path / "pb_warp/checkpoint.pt").write_bytes(gzip.decompress(packed))
    places = ["--data", figures, "--work", tmp_path, "--config", before / "settings.yaml"]
    result = run("pb_warp", *places, "--resume")
    assert result.exit_code == 0, result.output
    assert "pb_warp: 4 of 4 steps" in result.output


@pytest.mark.slow
def test_killed_training_can_be_resumed(figures, small, tmp_path):
    """Kill training with SIGKILL. The checkpoint is complete, and the run continues from it."""
    arguments = ["train", "pb_warp", "--data", figures, "--work", tmp_path / "work", "--config", small]
    arguments += ["--set", "loop.steps=100000", "--set", "loop.checkpoint_minutes=0"]
    process = subprocess.Popen([sys.executable, "-m", "fitroom", *map(str, arguments)], stderr=subprocess.DEVNULL)
    folder = tmp_path / "work/pb_warp"
    deadline = time.monotonic() + 120
    while not (folder / "checkpoint.pt").exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    time.sleep(1.5)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = load(folder).step
    assert kept >= 1
    result = run(*arguments[1:-4], "--resume", "--set", f"loop.steps={kept + 2}")
    assert result.exit_code == 0, result.output
    assert load(folder).step == kept + 2


@pytest.mark.slow
def test_two_processes_train_the_same_weights_as_one(figures, small, tmp_path):
    """Only one of the two processes prints the result."""
    arguments = ["pb_warp", "--data", figures, "--config", small, "--work"]
    command = [sys.executable, "-m", "fitroom", "train", *map(str, arguments), str(tmp_path / "two"), "--devices", "2"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert result.stdout.count("2 of 2 steps") == 1
    assert run(*arguments, tmp_path / "one").exit_code == 0
    one, two = (load(tmp_path / name / "pb_warp").average for name in ("one", "two"))
    for name, tensor in one.items():
        assert torch.allclose(tensor.float(), two[name].float(), atol=1e-3), name


def test_settings_are_merged_and_invalid_ones_are_refused(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text("loop: {batch: 4}\n")
    found = read_config("pb_warp", path, ("loop.learning_rate=0.5", "stage.losses.mask=3"))
    assert (found.loop.batch, found.loop.learning_rate, found.stage.losses.mask) == (4, 0.5, 3)
    assert found.stage.name == "pb_warp"
    for override, says in (
        ("loop.bach=3", r"unknown settings: loop\.bach"),
        ("loop.batch=many", r"loop\.batch: "),
        ("loop.batch", "need key=value"),
        ("loop.batch.x=1", "batch is a value"),
        ("stage.name=pf_warp", "found settings of stage pf_warp; need settings of pb_warp"),
        ("height=100", "multiples of 32"),
        ("stage.rests=warp", "nothing to train"),
    ):
        with pytest.raises(InputError, match=says):
            read_config("pb_warp", path, (override,))
    with pytest.raises(InputError, match="can't be read"):
        read_config("pb_warp", tmp_path / "none.yaml")


def test_shipped_settings_are_valid_for_every_stage():
    for stage in STAGES:
        assert read_config(stage, stage).stage.name == stage
        assert read_config(stage, "debug").loop.steps == 20
        assert read_config(stage, None).stage.name == stage
