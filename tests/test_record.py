"""Tests of writing evaluation results to CSV and JSON."""

import csv
import json

import pytest

from fitroom.errors import OutputError
from fitroom.evaluate.evaluate import Evaluation
from fitroom.evaluate.plan import make_plan
from fitroom.evaluate.record import COLUMNS, append_csv, check_csv, origin, write_json

RESULT = Evaluation(
    {"swap_back_ssim": 0.123456789, "looks": 1.0}, {"FID and KID": "no weights"}, cases=[{"person": "p"}]
)


@pytest.fixture
def came_from(figures):
    plan = make_plan(figures, figures / "unpaired_pairs.txt")
    return origin("copy", "", "", plan, "parser 0.2.0", "fitroom evaluate --baseline copy")


def test_csv_rows_record_their_origin(tmp_path, came_from):
    for _ in range(2):
        append_csv(tmp_path / "e.csv", RESULT, came_from)
    rows = list(csv.DictReader((tmp_path / "e.csv").open()))
    assert len(rows) == 2
    assert tuple(rows[0]) == COLUMNS
    assert rows[0]["swap_back_ssim"] == "0.123457"
    assert rows[0]["fid"] == rows[0]["paired"] == ""
    assert rows[0]["parser"] == "parser 0.2.0"
    assert rows[0]["pairs"] == "unpaired_pairs.txt"
    assert len(rows[0]["pairs_sha256"]) == 64
    assert rows[0]["command"] == "fitroom evaluate --baseline copy"
    assert "openvino" in rows[0]["versions"]
    assert rows[0]["hardware"].endswith("cores")


def test_file_with_other_columns_is_refused_and_unchanged(tmp_path, came_from):
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(OutputError, match="columns are not those"):
        check_csv(tmp_path / "other.csv")
    with pytest.raises(OutputError, match="columns are not those"):
        append_csv(tmp_path / "other.csv", RESULT, came_from)
    assert (tmp_path / "other.csv").read_text() == "a,b\n1,2\n"


def test_json_contains_figures_cases_and_origin(tmp_path, came_from):
    written = json.loads(write_json(tmp_path / "m.json", RESULT, came_from).read_text())
    assert written["figures"] == RESULT.figures
    assert written["not_measured"] == RESULT.not_measured
    assert written["cases"] == RESULT.cases
    assert written["origin"]["system"] == "copy"


def test_unwritable_output_paths_raise_errors(tmp_path):
    with pytest.raises(OutputError, match="directory"):
        check_csv(tmp_path)
    with pytest.raises(OutputError, match="does not exist"):
        check_csv(tmp_path / "none" / "e.csv")
