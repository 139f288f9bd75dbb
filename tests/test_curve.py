"""The curve's file goes on where its run goes on."""

import pytest

from fitroom.errors import OutputError
from fitroom.train.curve import Curve


def test_rows(tmp_path):
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


def test_what_was_lost_is_dropped_when_a_run_goes_on(tmp_path):
    Curve(tmp_path, "pb_warp").add(20, {"mask": 0.5})
    Curve(tmp_path, "pb_warp", 20).add(40, {"mask": 0.4})
    again = Curve(tmp_path, "pb_warp", 30, seconds=600)
    again.add(40, {"mask": 0.3})
    assert [(row["step"], row["value"]) for row in again.rows()] == [("20", "0.5"), ("40", "0.3")]
    assert float(again.rows()[-1]["minutes"]) >= 10


def test_a_file_in_the_way(tmp_path):
    (tmp_path / "pb_warp").write_text("")
    with pytest.raises(OutputError, match="can't be written"):
        Curve(tmp_path / "pb_warp", "pb_warp")
