"""Tests of the VITON layout, and of the check of data folders."""

import json
from pathlib import Path

import numpy as np
import pytest

from fitroom.data.check import check
from fitroom.data.synthetic import write_dataset
from fitroom.data.viton import Pair, open_layout, read_grey, read_pairs, read_pose, read_rgb
from fitroom.errors import DataError


@pytest.fixture
def folder(tmp_path):
    return write_dataset(tmp_path / "figures", 3, seed=5, height=128, width=96)


def test_valid_folder_has_no_problems(folder):
    report = check(folder)
    assert report.problems == ()
    assert report.pairs == 6
    assert [path.name for path in report.lists] == ["train_pairs.txt", "unpaired_pairs.txt"]


def test_every_broken_or_missing_file_is_named(folder):
    (folder / "train_img/000000_0.jpg").unlink()
    path = folder / "train_color/000001_1.jpg"
    path.write_bytes(path.read_bytes()[:700])
    (folder / "train_edge/000002_1.jpg").write_bytes(b"no picture")
    (folder / "train_pose/000002_0_keypoints.json").write_text(json.dumps({"people": [{"pose_keypoints": [1, 2]}]}))
    problems = "\n".join(check(folder).problems)
    for name in (
        "000000_0.jpg: missing",
        "000001_1.jpg: not a picture, or cut off",
        "000002_1.jpg: not a picture",
        "000002_0_keypoints.json: not a pose",
    ):
        assert name in problems
    assert len(problems.splitlines()) == 4


def test_invalid_labels_and_masks_are_reported(folder):
    from fitroom.photo.encode import save_picture

    save_picture(np.full((128, 96), 77, np.uint8), folder / "train_label/000000_0.png")
    save_picture(np.zeros((64, 48), np.uint8), folder / "train_label/000001_0.png")
    save_picture(np.zeros((128, 96), np.uint8), folder / "train_edge/000002_1.jpg")
    problems = check(folder).problems
    assert any("label 77; labels go from 0 to 13" in problem for problem in problems)
    assert any("000001_0.png: (48, 64) pixels" in problem for problem in problems)
    assert any("that is not a garment mask" in problem for problem in problems)


@pytest.mark.parametrize("garments", ["test_clothes", "test_color"])
def test_test_layout_has_garments_but_no_labels_or_poses(folder, garments):
    for old, new in (("img", "test_img"), ("color", garments), ("edge", "test_edge")):
        (folder / f"train_{old}").rename(folder / new)
    layout = open_layout(folder)
    assert layout.garment_path("a.jpg") == folder / garments / "a.jpg"
    assert check(folder).problems == ()
    with pytest.raises(DataError, match="test layout has no parsing labels"):
        layout.label_path("a.jpg")
    with pytest.raises(DataError, match="test layout has no poses"):
        layout.pose_path("a.jpg")


def test_folder_without_lists_is_paired_by_number(folder):
    for path in folder.glob("*pairs.txt"):
        path.unlink()
    assert check(folder).pairs == 3


def test_pair_lists_are_parsed_and_invalid_ones_are_refused(tmp_path):
    path = tmp_path / "pairs.txt"
    path.write_text("a.jpg b.jpg\n\n c.jpg\td.jpg \n")
    assert read_pairs(path) == [Pair("a.jpg", "b.jpg"), Pair("c.jpg", "d.jpg")]
    path.write_text("a.jpg\n")
    with pytest.raises(DataError, match="line 1: found 1 names, need two"):
        read_pairs(path)
    path.write_text("\n")
    with pytest.raises(DataError, match="is empty"):
        read_pairs(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="not a text file"):
        read_pairs(path)
    with pytest.raises(DataError, match="can't be read"):
        read_pairs(tmp_path / "none.txt")


def test_folder_without_a_known_layout_raises_an_error(tmp_path):
    (tmp_path / "holiday").mkdir()
    with pytest.raises(DataError, match=r"neither train_img nor test_img in it \(found: holiday\)"):
        open_layout(tmp_path)


def test_readers_return_photo_label_and_pose(folder):
    layout = open_layout(folder)
    assert read_rgb(layout.person_path("000000_0.jpg")).shape == (128, 96, 3)
    label = read_grey(layout.label_path("000000_0.jpg"))
    assert {0, 1, 4, 12} <= set(np.unique(label).tolist()) <= {0, 1, 4, 8, 11, 12, 13}
    pose = read_pose(layout.pose_path("000000_0.jpg"))
    assert pose.shape == (18, 3)
    nobody = Path(folder / "nobody.json")
    nobody.write_text('{"people": []}')
    assert not read_pose(nobody).any()
