"""Tests of the tool for blind comparisons: sheets, keys and scores."""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from click import ClickException
from click.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))
import blind


@pytest.fixture
def cases(tmp_path):
    """Five cases with plain looks: dark ones from system A, light ones from system B."""
    for folder, value in (("a", 40), ("b", 200), ("inputs", 120)):
        (tmp_path / folder).mkdir()
        for number in range(5):
            cv2.imwrite(str(tmp_path / folder / f"n{number}.png"), np.full((64, 48, 3), value, np.uint8))
    picture = tmp_path / "inputs"
    lines = [f"n{number} {picture}/n{number}.png {picture}/n{number}.png" for number in range(5)]
    (tmp_path / "cases.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


def sheets(cases, key):
    return CliRunner().invoke(
        blind.main, ["sheets", *(str(cases / name) for name in ("cases.txt", "a", "b", "sheets")), str(key)]
    )


def test_sheets_show_each_system_on_the_side_given_in_the_key(cases):
    assert sheets(cases, cases / "key.json").exit_code == 0
    key = json.loads((cases / "key.json").read_text())
    assert len(key) == 5
    assert {one["left"] for one in key.values()} == {"A", "B"}
    assert sorted(path.name for path in (cases / "sheets").iterdir()) == ["sheet_00.png", "sheet_01.png"]
    sheet = cv2.imread(str(cases / "sheets" / "sheet_00.png"))
    height, width = 384, 288
    for row in range(3):
        left = sheet[row * height + 100, blind.LABEL + 2 * width + 100].mean()
        assert abs(left - (40 if key[str(row)]["left"] == "A" else 200)) < 5


def test_a_key_in_the_folder_of_the_sheets_is_refused(cases):
    result = sheets(cases, cases / "sheets" / "key.json")
    assert result.exit_code == 1
    assert "viewers must not see it" in result.output


def test_scores_count_wins_ties_and_passes(cases):
    sheets(cases, cases / "key.json")
    key = json.loads((cases / "key.json").read_text())
    side = {number: ("left" if one["left"] == "A" else "right") for number, one in key.items()}
    answers = {number: {"better": side[number], "pass": [side[number]]} for number in key}
    answers["0"] = {"better": "tie", "pass": ["left", "right"]}
    assert blind.scores(key, answers) == {"A": 4, "B": 0, "tie": 1, "A passes": 5, "B passes": 1}
    (cases / "answers.json").write_text(json.dumps(answers))
    result = CliRunner().invoke(blind.main, ["score", str(cases / "key.json"), str(cases / "answers.json")])
    assert "A better 4, B better 0, tie 1; A passes 5, B passes 1 of 5" in result.output


@pytest.mark.parametrize("answer", [{}, {"better": "both", "pass": []}, {"better": "left", "pass": "left"}])
def test_invalid_answers_are_refused(answer):
    with pytest.raises(ClickException, match="case 0"):
        blind.scores({"0": {"name": "n", "left": "A", "right": "B"}}, {"0": answer})
