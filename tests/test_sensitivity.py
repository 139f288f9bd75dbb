"""Tests of module costs, and of pruning schemes measured without fine-tuning."""

import shutil
from dataclasses import asdict, replace

import pytest
import torch
from click.testing import CliRunner

from conftest import NOBODY, random_statistics
from fitroom.cli import main
from fitroom.compress.measure import Worth, costs
from fitroom.compress.sensitivity import COLUMNS, RATIOS, Measurer, Row, kept_rows, search, sensitivity, written
from fitroom.errors import OutputError
from fitroom.evaluate.plan import make_plan
from fitroom.export.weights import ExportConfig, export_network
from fitroom.files import append_row
from fitroom.nets.lite import Lite, LiteConfig
from fitroom.nets.pfafn import Pfafn
from fitroom.store import open_weights

MODULES = ("warp.person", "warp.garment", "warp.flow", "generator")
ROW = Row("lite 1", "unpruned", "l2", 1.0, 2.0, 10.0, 0.9, 0.05, 0.8, 0.9, 0.0, 60, "list", "cpu", "v", "fitroom prune")


def test_costs_match_the_published_network():
    """The original's tables list parameters and multiply-adds.

    One encoder has 9.37 M and 6.63 G, the generator 43.90 M and 21.95 G.
    """
    found = costs(Pfafn(), 256, 192)
    network = Pfafn()
    encoder = sum(p.numel() for p in network.warp.garment_encoder.parameters()) / 1e6
    assert found["warp.garment"].parameters > encoder
    assert found["generator"].parameters == pytest.approx(43.90, abs=0.01)
    assert found["generator"].multiply_adds == pytest.approx(21.95, abs=0.05)
    assert found["all"].parameters == pytest.approx(73.2, abs=0.3)
    parts = [found[module] for module in MODULES]
    assert sum(part.parameters for part in parts) == pytest.approx(found["all"].parameters, rel=1e-6)
    assert found["generator"].megabytes == pytest.approx(4 * 43.90, abs=0.1)


def test_module_costs_of_lite_add_up_to_nearly_the_total():
    found = costs(Lite(), 256, 192)
    assert 0.9 < sum(found[module].parameters for module in MODULES) / found["all"].parameters <= 1
    assert 0.9 < sum(found[module].multiply_adds for module in MODULES) / found["all"].multiply_adds <= 1


def test_loss_is_the_largest_relative_loss_of_a_figure():
    before = Worth({"swap_back_ssim": 0.8, "retrieval_top5": 0.5}, 10)
    assert Worth({"swap_back_ssim": 0.76, "retrieval_top5": 0.49}, 9).loss_against(before) == pytest.approx(0.05)
    assert Worth({"swap_back_ssim": 0.9, "retrieval_top5": 0.6}, 9).loss_against(before) < 0


class Rehearsed:
    """Computes rows by rules instead of measuring: each tenth of a module saves milliseconds and costs quality."""

    def __init__(self, rules):
        self.rules = rules

    def row(self, scheme):
        saved = sum(self.rules[module][0] * ratio * 10 for module, ratio in scheme.items())
        lost = sum(self.rules[module][1] * ratio * 10 for module, ratio in scheme.items())
        return replace(ROW, scheme=written(scheme), ms=10 - saved, loss=lost)


def test_search_finds_the_fastest_scheme_within_the_budget():
    found = search(Rehearsed({"generator": (1.0, 0.008), "warp.flow": (0.5, 0.001)}), ("generator", "warp.flow"), 0.02)
    assert found.scheme == "generator 0.2, warp.flow 0.4"
    assert search(Rehearsed({"generator": (1.0, 0.5)}), ("generator",), 0.02).scheme == "unpruned"
    assert search(Rehearsed({"generator": (-1.0, 0.0)}), ("generator",), 0.02).scheme == "unpruned"


@pytest.mark.slow
def test_stored_rows_are_not_measured_again(figures, tmp_path, monkeypatch):
    network = Lite(LiteConfig(8, (16, 16, 16, 16), 8, (1, 1, 1, 2), (16,) * 5, (16, 16, 16, 16)))
    random_statistics(network)
    config = ExportConfig(half_tensors=True)
    weights = export_network(network, tmp_path / "weights", NOBODY, config).weights
    root = shutil.copytree(figures, tmp_path / "figures")
    (root / "val_pairs_paired.txt").write_text((root / "train_pairs.txt").read_text())
    (root / "val_pairs_unpaired.txt").write_text((root / "unpaired_pairs.txt").read_text())
    monkeypatch.chdir(tmp_path)
    arguments = ["prune", "--weights", str(weights.folder), "--data", str(root), "--looks", "8"]
    arguments += ["--module", "generator", "--csv", "rows.csv"]
    monkeypatch.setattr("fitroom.compress.sensitivity.RATIOS", RATIOS[4:])
    result = CliRunner().invoke(main, [*arguments, "--sensitivity", "--plot", "plot.svg"])
    assert result.exit_code == 0, result.output
    rows = kept_rows(tmp_path / "rows.csv")
    assert [row.scheme for row in rows] == ["unpruned", "generator 0.5"]
    assert rows[0].loss == 0
    assert rows[1].parameters < rows[0].parameters
    assert (tmp_path / "plot.svg").read_text().startswith("<?xml")

    # these stored rows lead the search to 0.1, which halves the time; 0.2 exceeds the budget
    for scheme, ms, loss in ("generator 0.1", rows[0].ms / 2, 0.01), ("generator 0.2", rows[0].ms / 4, 0.5):
        kept = replace(rows[0], scheme=scheme, ms=ms, loss=loss)
        append_row(tmp_path / "rows.csv", COLUMNS, asdict(kept))

    def measured(*_):
        raise AssertionError("what is kept is measured again")

    monkeypatch.setattr("fitroom.compress.sensitivity.worth", measured)
    again = CliRunner().invoke(main, [*arguments, "--sensitivity"])
    assert again.exit_code == 0, again.output
    assert "generator 0.5" not in again.output
    result = CliRunner().invoke(main, [*arguments, "--search", "--budget-loss", "2%", "-o", "found"])
    assert result.exit_code == 0, result.output
    assert len(kept_rows(tmp_path / "rows.csv")) == 4
    (said,) = open_weights("found").manifest.history
    assert "generator" in said
    assert "by a search within 2.0%" in said


def test_sensitivity_measures_every_module_at_every_ratio():
    asked = []

    class Listening:
        def row(self, scheme):
            asked.append(written(scheme))
            return replace(ROW, scheme=asked[-1])

    rows = list(sensitivity(Listening(), ("generator", "warp.flow")))
    assert asked == ["unpruned", *(f"{m} {r:g}" for m in ("generator", "warp.flow") for r in RATIOS)]
    assert len(rows) == 11


def test_invalid_pruning_requests_are_refused(tmp_path, small_weights, figures):
    run = CliRunner().invoke
    weights = ["--weights", str(small_weights.folder)]
    assert "name them with --data" in run(main, ["prune", *weights, "--sensitivity"]).output
    assert "--module is missing" in run(main, ["prune", *weights, "--ratio", "0.3", "-o", "x"]).output
    assert "--ratio is missing" in run(main, ["prune", *weights, "--module", "generator", "-o", "x"]).output
    assert "is not a number" in run(main, ["prune", *weights, "--search", "--budget-loss", "much"]).output
    path = tmp_path / "other.csv"
    path.write_text("a,b\n")
    with pytest.raises(OutputError, match="not a table of fitroom prune"):
        kept_rows(path)
    plan = make_plan(figures, figures / "unpaired_pairs.txt", figures / "train_pairs.txt").first(3)
    assert len(plan.unpaired.pairs) == len(plan.paired.pairs) == 3
    assert len(COLUMNS) == 16
    assert torch.is_tensor(Measurer(Lite(), small_weights, plan, None, "l2").network.warp.affine.weight)
