"""Tests of the file with a run's training curve."""

import pytest

from fitroom.errors import OutputError
from fitroom.train.curve import Curve


def test_added_values_become_rows_of_stage_step_name_and_value(tmp_path):
    curve = Curve(tmp_path / "pb_warp", "pb_warp")
    curve.add(20, {"garment": 0.12345678, "mask": 0.5})
    curve.add(40, {"garment": 0.1})
    rows = curve.rows()
    assert [(row["step"], row["name"], row["value"]) for row in rows] == [
        ("20", "garment", "0.123457"),
        ("20", "mask", "0.5"),
        ("40", "garment", "0.1"),
    ]
    assert {row["stage"] for row in rows} == {"pb_warp"}


def test_resuming_drops_rows_after_the_resumed_step(tmp_path):
    Curve(tmp_path, "pb_warp").add(20, {"mask": 0.5})
    Curve(tmp_path, "pb_warp", 20).add(40, {"mask": 0.4})
    again = Curve(tmp_path, "pb_warp", 30, seconds=600)
    again.add(40, {"mask": 0.3})
    assert [(row["step"], row["value"]) for row in again.rows()] == [("20", "0.5"), ("40", "0.3")]
    assert float(again.rows()[-1]["minutes"]) >= 10


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "pb_warp").write_text("")
    with pytest.raises(OutputError, match="can't be written"):
        Curve(tmp_path / "pb_warp", "pb_warp")
