"""Tests of the quantization table: rows match the original's, and each is measured once."""

from types import SimpleNamespace

import pytest

from fitroom.compress.measure import Worth
from fitroom.compress.quantizing import QuantizeRequest
from fitroom.errors import InputError, WeightsError
from fitroom.evaluate.report import COMPARISONS
from fitroom.files import read_rows
from fitroom.reproduce import quantization
from fitroom.reproduce.quantization import COLUMNS, QuantizationRequest, run_quantization_table
from fitroom.store import check_weights_output
from fitroom.train.session import Faces

FIGURES = {"swap_back_ssim": 0.9, "swap_back_lead": 0.06, "retrieval_top5": 0.8}


@pytest.fixture
def asked(monkeypatch, small_weights):
    """Methods and modules that were quantized. Stand-ins replace quantizing and measuring."""
    made = []

    def quantize(request, folder, faces):
        check_weights_output(folder)
        made.append((request.method, request.modules))
        manifest = small_weights.manifest.model_copy(update={"history": (f"by {request.method}",)})
        return SimpleNamespace(weights=SimpleNamespace(manifest=manifest, file=small_weights.file))

    monkeypatch.setattr(quantization, "run_quantize", quantize)
    monkeypatch.setattr(quantization, "measured", lambda weights, plan: Worth(FIGURES, 5.0))
    monkeypatch.setattr(quantization, "make_plan", lambda *arguments: None)
    monkeypatch.setattr(quantization, "eight_bit_values", lambda weights: 1000)
    return made


def test_table_has_the_originals_rows_and_existing_rows_are_not_measured_again(asked, small_weights, tmp_path):
    path = tmp_path / "quantization.csv"
    request = QuantizeRequest(str(small_weights.folder), ("warp", "generator"), "data", work=str(tmp_path))

    def run(*methods):
        wanted = QuantizationRequest(request, methods, str(path))
        run_quantization_table(wanted, lambda row: None, Faces(), lambda items, what: items)
        return read_rows(path, COLUMNS, "quantization table")

    rows = run("qat")
    assert [row["optimization"] for row in rows] == [
        "Unquantized",
        "Quantize CWM",
        "Quantize IGM",
        "Quantize CWM & IGM",
    ]
    assert asked == [("qat", ("warp",)), ("qat", ("generator",)), ("qat", ("warp", "generator"))]
    assert float(rows[1]["original_mb"]) - float(rows[1]["quantized_mb"]) == pytest.approx(0.003, abs=0.011)
    assert (rows[0]["loss_percent"], rows[1]["finetuned"]) == ("0.00", "by qat")
    assert float(rows[3]["original_mb"]) == pytest.approx(
        float(rows[1]["original_mb"]) + float(rows[2]["original_mb"]), abs=0.02
    )
    assert [row["optimization"] for row in run("ptq", "qat")][4:] == [
        "Quantize CWM, post-training",
        "Quantize IGM, post-training",
        "Quantize CWM & IGM, post-training",
    ]
    assert len(asked) == 6


def test_first_columns_match_the_original():
    theirs = next(table for table in COMPARISONS if table.file == "quantization.csv").headings
    assert COLUMNS[: len(theirs)] == tuple(theirs)


def test_missing_work_folder_and_quantized_weights_raise_errors(asked, small_weights, tmp_path):
    for work, precision, error in ((None, "fp32", WeightsError), ("work", "int8", InputError)):
        request = QuantizeRequest(str(small_weights.folder), ("warp", "generator"), "data", work=work)
        with pytest.MonkeyPatch.context() as patch:
            manifest = small_weights.manifest.model_copy(update={"precision": precision})
            stand_in = SimpleNamespace(manifest=manifest, folder=small_weights.folder)
            patch.setattr(quantization, "open_weights", lambda name, found=stand_in: found)
            with pytest.raises(error):
                run_quantization_table(
                    QuantizationRequest(request, ("ptq",), str(tmp_path / "t.csv")), print, Faces(), lambda i, w: i
                )
    assert asked == []
