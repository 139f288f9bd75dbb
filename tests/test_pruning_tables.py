"""Tests of the pruning tables: rows match the original's, and each is measured once."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from conftest import SMALL_LITE
from fitroom.compress.measure import Cost, Worth
from fitroom.errors import OutputError
from fitroom.evaluate.report import COMPARISONS, PRUNING
from fitroom.files import read_rows
from fitroom.nets.lite import Lite
from fitroom.nets.pfafn import Pfafn, PfafnConfig
from fitroom.reproduce import pruning
from fitroom.reproduce.pruning import (
    BEST_COLUMNS,
    BEST_FILE,
    COLUMNS,
    TABLES,
    TableRequest,
    run_best,
    run_costs,
    run_table,
)
from fitroom.store import check_weights_output
from fitroom.train.session import Faces

PRUNABLE_PFAFN = {"encoder": (32,) * 5, "pyramid": 16, "heads": (16, 16, 16), "generator": 8}
FIGURES = {"swap_back_ssim": 0.9, "swap_back_lead": 0.06, "retrieval_top5": 0.8}


@pytest.fixture
def asked(monkeypatch, small_weights):
    """Ratios that were pruned. Stand-ins replace pruning and measuring: a ratio removes that share of all costs."""
    ratios = []

    def prune(request, folder, faces):
        check_weights_output(folder)
        ratios.append(request.ratio)
        manifest = small_weights.manifest.model_copy(update={"history": (f"by {request.ratio}",)})
        return SimpleNamespace(weights=SimpleNamespace(manifest=manifest))

    def measure(weights, plan):
        left = 1 - float((weights.manifest.history or ("by 0",))[-1].removeprefix("by "))
        cost = Cost(2 * left, 3 * left)
        figures = FIGURES | {"retrieval_top5": 0.8 * (0.5 + 0.5 * left)}
        return dict.fromkeys((*pruning.WARP, "generator", "all"), cost), Worth(figures, 10 * left)

    monkeypatch.setattr(pruning, "run_prune", prune)
    monkeypatch.setattr(pruning, "measured", measure)
    monkeypatch.setattr(pruning, "make_plan", lambda *arguments: None)
    return ratios


def test_table_has_the_originals_rows_and_existing_rows_are_not_measured_again(asked, small_weights, tmp_path):
    path = tmp_path / "warp_pruning.csv"
    request = TableRequest("warp", str(small_weights.folder), "data", str(tmp_path), str(path), minutes=1)
    told = []
    run_table(request, told.append, Faces(), lambda items, what: items)
    assert asked == [0.2, 0.3, 0.4, 0.5]
    rows = read_rows(path, COLUMNS, "pruning table")
    assert [row["metrics"] for row in rows] == [
        f"Ratio={r:g} with FineTuning" if r else "Original Module" for r in (0, 0.2, 0.3, 0.4, 0.5)
    ]
    assert (rows[0]["loss_percent"], rows[0]["compression_ratio_percent"]) == ("0.00", "100.00")
    half = rows[-1]
    assert (half["params_m"], half["size_mb"], half["total_size_mb"]) == ("1.500", "6.00", "18.00")
    assert (half["compression_ratio_percent"], half["ms"], half["loss_percent"]) == ("50.00", "5.00", "25.00")
    assert half["finetuned"] == "by 0.5"
    assert len(told) == 5
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:3]) + "\n")
    run_table(request, told.append, Faces(), lambda items, what: items)
    assert asked[4:] == [0.3, 0.4, 0.5]
    assert len(read_rows(path, COLUMNS, "pruning table")) == 5


def test_best_scheme_table_compares_pruned_with_original_weights(asked, small_weights, tmp_path, monkeypatch):
    manifest = small_weights.manifest.model_copy(update={"history": ("by 0.25",)})
    opened = {"full": small_weights, "small": SimpleNamespace(manifest=manifest)}
    monkeypatch.setattr(pruning, "open_weights", opened.__getitem__)
    path = run_best("full", "small", "data", str(tmp_path / "best.csv"), lambda items, what: items)
    warp, generator = read_rows(path, BEST_COLUMNS, "table")
    assert (warp["original_mb"], warp["pruned_mb"], warp["sparsity_percent"]) == ("36.00", "27.00", "25.0")
    assert (generator["model"], generator["pruned_mb"]) == ("IGM (image generation module)", "9.00")
    assert (warp["fps"], warp["loss_percent"], warp["finetuned"]) == ("133.3", "12.50", "by 0.25")


def test_first_columns_match_the_original():
    theirs = next(table for table in COMPARISONS if table.file == BEST_FILE).headings
    assert BEST_COLUMNS[: len(theirs)] == tuple(theirs)
    assert COLUMNS[: len(PRUNING)] == tuple(PRUNING)
    assert replace(TABLES["generator"]).ratios == (0.2, 0.25, 0.3, 0.35, 0.4)


def test_reading_a_file_with_another_table_raises_an_error(tmp_path):
    path = tmp_path / "other.csv"
    path.write_text("a,b\n")
    with pytest.raises(OutputError, match="not a pruning table"):
        read_rows(path, COLUMNS, "pruning table")


@pytest.mark.parametrize("build", [lambda: Lite(SMALL_LITE), lambda: Pfafn(PfafnConfig(**PRUNABLE_PFAFN))])
def test_cost_table_is_filled_once_without_quality_figures(build, tmp_path, monkeypatch):
    monkeypatch.setitem(TABLES, "warp", replace(TABLES["warp"], ratios=(0.4,)))
    network, path, told = build(), tmp_path / "costs.csv", []
    for _ in range(2):
        run_costs("warp", network.eval(), str(path), told.append, 64, 64)
    rows = read_rows(path, COLUMNS, "table")
    assert [row["metrics"] for row in rows] == [row["metrics"] for row in told]
    assert len(rows) == 2
    sizes = [float(row["total_size_mb"]) for row in rows]
    assert sizes[1] < sizes[0]
    assert all(row["network"] == f"{network.name} untrained" and float(row["ms"]) > 0 for row in rows)
    assert not any(row["swap_back_ssim"] for row in rows)
