"""Tests of evaluation on street photos and of parsers, through the commands."""

import csv

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from fitroom.body import Label
from fitroom.cli import main
from fitroom.data.label_sets import STREET
from fitroom.data.reader import FolderReader
from fitroom.data.street import open_labelled
from fitroom.errors import DataError
from fitroom.evaluate.parser import Case, measure_parsing, point_figures
from fitroom.evaluate.parser_cases import read_joints, scene_cases, viton_cases
from fitroom.evaluate.street import contrasting_pairs, looks_of_folder, read_street_pairs
from fitroom.photo.parse import Parse
from street_folder import write_street


@pytest.fixture(scope="module")
def street(tmp_path_factory):
    return write_street(tmp_path_factory.mktemp("street"), 3)


@pytest.fixture(scope="module")
def pairs(street, figures):
    """A CSV file that pairs each drawn photo with a garment of another colour."""
    folder, reader = open_labelled(street), FolderReader(figures)
    garments = [pair.garment for pair in reader.pairs("train_pairs.txt").pairs]
    found = contrasting_pairs(folder, folder.names("val.txt"), reader, garments)
    assert len(found) == 3
    path = street / "pairs.csv"
    path.write_text("photo,garment\n" + "".join(f"{pair.photo},{pair.garment}\n" for pair in found))
    return path


def run(*arguments):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_street_evaluation_measures_weights_and_folders_of_looks(street, figures, pairs, tmp_path):
    table = tmp_path / "street.csv"
    common = ["evaluate-street", street, "--pairs", pairs, "--garments", figures, "--owners", "train_pairs.txt"]
    output = run(*common, "--csv", table)
    assert "leftover of the old clothes" in output
    assert "KID (EfficientNet-Lite0)" in output
    looks = tmp_path / "looks"
    looks.mkdir()
    for pair in read_street_pairs(pairs):
        photo = open_labelled(street).photo(pair.photo)
        cv2.imwrite(str(looks / f"{pair.look}.png"), photo[..., ::-1])
    run(*common, "--looks", looks, "--csv", table)
    weights, copies = csv.DictReader(table.open())
    assert float(copies["leftover"]) == 1
    assert float(copies["damage"]) == 0
    assert float(weights["leftover"]) < 0.9
    assert weights["parser"].startswith("parser ")


def test_missing_looks_count_as_refused(street, figures, pairs, tmp_path):
    listed = read_street_pairs(pairs)
    with pytest.raises(DataError, match="holds no look of these pairs"):
        looks_of_folder(tmp_path, listed)
    photo = open_labelled(street).photo(listed[0].photo)
    cv2.imwrite(str(tmp_path / f"{listed[0].look}.png"), photo[..., ::-1])
    output = run(
        "evaluate-street",
        street,
        "--pairs",
        pairs,
        "--garments",
        figures,
        "--owners",
        "train_pairs.txt",
        "--looks",
        tmp_path,
    )
    assert f"refused: {listed[1].look} (no-look)" in output


def test_pair_lists_with_wrong_columns_are_refused(tmp_path):
    (tmp_path / "pairs.csv").write_text("person,shirt\n1,2\n")
    with pytest.raises(DataError, match="columns photo and garment"):
        read_street_pairs(tmp_path / "pairs.csv")


def test_true_labels_score_an_iou_of_one(street):
    folder = open_labelled(street)
    cases = [Case(name, folder.photo(name), folder.sets(name), None) for name in folder.names("val.txt")]
    labels = {case.name: np.where(case.sets < 19, case.sets, Label.BACKGROUND) for case in cases}
    names = iter(cases)

    def find(photo):
        return Parse(labels[next(names).name].astype(np.uint8), np.zeros((18, 3), np.float32), None, ())

    found = measure_parsing(cases, find, STREET)
    assert found.pooled()["top"] == found.medians()["top"] == 1
    assert found.confusion.sum() == sum(case.photo[..., 0].size for case in cases)


def test_key_points_are_scored_by_distance_and_confidence():
    known = np.zeros((1, 18, 3), np.float32)
    known[0, [2, 5, 3, 6]] = [(10, 10, 1), (50, 10, 1), (8, 30, 1), (52, 30, 1)]
    found = known.copy()
    found[0, 3, :2] += 15  # more than a quarter of 40 pixels
    found[..., 2] = np.where(known[..., 2] > 0, 0.75, 0)
    figures = point_figures(found, known)
    assert figures["points"] == 0.75
    assert figures["calibration"] == pytest.approx(0)
    assert point_figures(found, np.zeros_like(known)) == {}


def test_parser_evaluation_measures_street_photos_joints_and_scenes(street, figures, tmp_path):
    joints = tmp_path / "joints.csv"
    joints.write_text("photo,joint,x,y\n0000,right_shoulder,120.5,130\n0000,left_shoulder,190,130\n")
    assert read_joints(joints)["0000"][2].tolist() == [120.5, 130, 1]
    table, drawn = tmp_path / "parser.csv", tmp_path / "confusion.png"
    output = run("evaluate-parser", street, "--joints", joints, "--csv", table, "--confusion", drawn)
    assert "key points found" in output
    assert cv2.imread(str(drawn)).shape[0] > 200
    assert {row["figure"] for row in csv.DictReader(table.open())} >= {
        "IoU of top, pooled",
        "IoU of skin, median",
        "key points found",
    }
    (tmp_path / "list.txt").write_text("\n".join((figures / "train_pairs.txt").read_text().splitlines()[:3]))
    for scenes in ([], ["--scenes"]):
        assert "upper_clothes" in run("evaluate-parser", figures, "--list", tmp_path / "list.txt", *scenes)


def test_scene_cases_are_the_same_in_every_call(figures):
    first, again = (next(iter(scene_cases(figures, "train_pairs.txt"))) for _ in range(2))
    np.testing.assert_array_equal(first.photo, again.photo)
    studio = next(iter(viton_cases(figures, "train_pairs.txt")))
    assert studio.photo.shape == first.photo.shape


def test_unknown_joints_are_refused_with_their_line_number(tmp_path):
    (tmp_path / "joints.csv").write_text("photo,joint,x,y\n1,shoulder,3,4\n")
    with pytest.raises(DataError, match="line 2"):
        read_joints(tmp_path / "joints.csv")
