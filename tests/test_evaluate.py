"""Tests of evaluations with known results, and of the command."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from fitroom.cli import main
from fitroom.data.viton import read_pairs
from fitroom.evaluate.evaluate import evaluate
from fitroom.evaluate.measures import table
from fitroom.evaluate.plan import make_plan
from fitroom.evaluate.systems import Copy, FitroomSystem, Paste, Worn
from fitroom.photo.decode import read
from fitroom.tryon import TryOn


@pytest.fixture(scope="module")
def plan(figures):
    return make_plan(figures, figures / "unpaired_pairs.txt", figures / "train_pairs.txt")


class Truth:
    """A system that returns the drawing of each person in the other garment, and the photo for that drawing."""

    name, version, backend, needs_poses = "truth", "", "", False

    def __init__(self, figures):
        self.looks = {
            (figures / "train_img" / pair.person): read(
                figures / "train_other" / f"{Path(pair.person).stem}_{Path(pair.garment).stem}.png"
            )
            for pair in read_pairs(figures / "unpaired_pairs.txt")
        }
        self.photos = {read(path).tobytes(): (path, look) for path, look in self.looks.items()}
        self.back = {look.tobytes(): read(path) for path, look in self.looks.items()}

    def dress(self, photo, garment, key_points):
        if photo.tobytes() in self.photos:
            return Worn(self.photos[photo.tobytes()][1])
        return Worn(self.back[photo.tobytes()])


class Shuffled:
    """A system that mixes up the pairs: it dresses each person in the garment of a random pair."""

    name, version, backend, needs_poses = "shuffled", "", "", True

    def __init__(self, plan, seed):
        garments = [pair.garment for pair in plan.unpaired.pairs]
        order = np.random.default_rng(seed).permutation(len(garments))
        self.instead = {
            plan.garment(g).tobytes(): plan.garment(garments[o]) for g, o in zip(garments, order, strict=True)
        }

    def dress(self, photo, garment, key_points):
        return Paste().dress(photo, self.instead[garment.tobytes()], key_points)


def test_copy_baseline_has_perfect_swap_back_and_changes_nothing(plan):
    figures = evaluate(Copy(), plan).figures
    assert figures["swap_back_ssim"] == figures["nothing_ssim"] == 1
    assert figures["swap_back_lead"] == 0
    assert figures["swap_back_psnr"] == figures["nothing_psnr"] == 100
    assert figures["retrieval_top1"] <= 2 / 12
    assert figures["changed_share"] == figures["outside_change"] == 0
    assert "warp_iou" not in figures


def test_paste_baseline_has_high_retrieval_and_low_warp_iou(plan):
    figures = evaluate(Paste(), plan).figures
    assert figures["retrieval_top1"] > 0.8
    assert figures["retrieval_top5"] > 0.9
    assert figures["swap_back_lead"] < 0.05
    assert figures["warp_iou"] < 0.8


def test_true_looks_have_perfect_swap_back_and_high_retrieval(figures, plan):
    result = evaluate(Truth(figures), plan)
    assert result.figures["swap_back_ssim"] == 1
    assert result.figures["swap_back_lead"] == pytest.approx(1 - result.figures["nothing_ssim"])
    assert result.figures["retrieval_top1"] > 0.7
    assert result.not_measured["warp, paired"] == "truth warps nothing"


def test_shuffled_looks_are_retrieved_only_by_chance(plan):
    """The garments of Paste are nearly always retrieved. With mixed-up garments, they are retrieved by chance."""
    found = [evaluate(Shuffled(plan, seed), plan).figures["retrieval_top1"] for seed in range(4)]
    assert np.mean(found) < 3 / 12


def test_equal_runs_give_equal_figures(plan, small_weights):
    runs = [
        evaluate(FitroomSystem(TryOn.load(small_weights.folder, parser="none"), "openvino"), plan) for _ in range(2)
    ]
    assert runs[0] == runs[1]


def test_missing_measures_state_their_reason(figures, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("FITROOM_INCEPTION", raising=False)
    root = tmp_path / "test"
    for kind, name in (("img", "img"), ("color", "clothes"), ("edge", "edge")):
        shutil.copytree(figures / f"train_{kind}", root / f"test_{name}")
    result = evaluate(Copy(), make_plan(root, figures / "unpaired_pairs.txt"))
    assert set(result.figures) == {
        "looks",
        "swap_back_ssim",
        "nothing_ssim",
        "swap_back_lead",
        "swap_back_psnr",
        "nothing_psnr",
    }
    assert result.not_measured["garment retrieval"] == "the layout has no poses"
    assert result.not_measured["outside change"] == "the layout has no parsing labels and poses"
    assert result.not_measured["warp, paired"] == "no --paired list"
    assert "--inception download" in result.not_measured["FID and KID"]
    lines = table(result.figures, result.not_measured)
    assert any(line.startswith("FID ") and " - " in line for line in lines)


def test_swap_back_of_renamed_garments_needs_a_paired_list(figures, tmp_path):
    root = tmp_path / "renamed"
    shutil.copytree(figures, root)
    for kind in ("color", "edge"):
        (root / f"train_{kind}" / "000003_1.jpg").rename(root / f"train_{kind}" / "shirt.jpg")
    lines = (root / "unpaired_pairs.txt").read_text().replace("000003_1.jpg", "shirt.jpg")
    (root / "unpaired_pairs.txt").write_text(lines)
    result = evaluate(Copy(), make_plan(root, root / "unpaired_pairs.txt"))
    assert "swap_back_ssim" not in result.figures
    assert "--paired" in result.not_measured["swap-back"]
    (root / "paired.txt").write_text((root / "train_pairs.txt").read_text().replace("000003_1.jpg", "shirt.jpg"))
    assert (
        "swap_back_ssim" in evaluate(Copy(), make_plan(root, root / "unpaired_pairs.txt", root / "paired.txt")).figures
    )


def run(*arguments):
    return CliRunner().invoke(main, ["evaluate", *map(str, arguments)])


@pytest.mark.slow
def test_shipped_weights_reach_the_required_values_on_drawn_persons(figures, tmp_path):
    """Run the whole command. Copying the input would fail on retrieval, redrawing it on outside change."""
    lists = ["--data", figures, "--pairs", figures / "unpaired_pairs.txt", "--paired", figures / "train_pairs.txt"]
    result = run(
        *lists, "-o", tmp_path / "m.json", "--csv", tmp_path / "e.csv", "--grid", tmp_path / "g.png", "--cases", 4
    )
    assert result.exit_code == 0, result.output
    measured = json.loads((tmp_path / "m.json").read_text())
    assert measured["figures"]["looks"] == len(measured["cases"]) == len(measured["paired_cases"]) == 12
    assert measured["figures"]["retrieval_top5"] > 0.8
    assert measured["figures"]["changed_share"] > 0.8
    assert measured["figures"]["outside_change"] < 4
    assert measured["figures"]["warp_iou"] > 0.8
    assert measured["figures"]["swap_back_lead"] > 0
    row = next(csv.DictReader((tmp_path / "e.csv").open()))
    assert row["system"] == "lite"
    assert float(row["warp_iou"]) == pytest.approx(measured["figures"]["warp_iou"], abs=1e-6)
    assert read(tmp_path / "g.png").shape == (2 * 276, 3 * (4 * 192 + 12), 3)


def test_command_evaluates_the_copy_baseline_and_draws_a_grid(figures, tmp_path):
    lists = ["--data", figures, "--pairs", figures / "unpaired_pairs.txt"]
    result = run(*lists, "--baseline", "copy", "--grid", tmp_path / "g.png", "--worst", "retrieval_rank", "--cases", 2)
    assert result.exit_code == 0, result.output
    assert "1.0000 doing nothing" in result.output
    assert read(tmp_path / "g.png").shape == (276, 2 * (4 * 192 + 12), 3)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--grid", "g.png", "--worst", "beauty"], "'beauty' is unknown"),
        (["--grid", "g.png", "--worst", "warp_iou"], "needs a paired list"),
        (["--grid", "g.tiff"], "need one of"),
        (["--csv", "none/e.csv"], "does not exist"),
        (["-o", "none/m.json"], "does not exist"),
        (["--inception", "none.pt"], "no such file"),
        (["--pairs", "none.txt"], "can't be read"),
        (["--weights", "none"], "unknown weights"),
    ],
)
def test_bad_arguments_are_refused_and_nothing_is_written(figures, tmp_path, monkeypatch, arguments, says):
    monkeypatch.chdir(tmp_path)
    result = run("--data", figures, "--pairs", figures / "unpaired_pairs.txt", *arguments)
    assert result.exit_code == 2
    assert says in result.output
    assert result.output.count("\n") == 1
    assert not list(tmp_path.iterdir())
