"""Tests of annotating a folder of pictures, with a parser that knows the labels of drawn figures."""

import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from fitroom import tryon
from fitroom.cli import main
from fitroom.data.annotate import annotate
from fitroom.data.check import check
from fitroom.data.synthetic import write_dataset
from fitroom.data.viton import read_grey, read_pose, read_rgb
from fitroom.errors import DataError
from fitroom.photo.frames import shrink
from fitroom.runtime.interface import Parsing

TOLD = ("train_label", "train_pose", "train_edge")


class Knowing:
    """A parser that knows the labels and key points of every figure in a folder, and counts its calls."""

    def __init__(self, root):
        self.truth, self.asked = {}, 0
        for path in sorted((root / "train_img").glob("*.jpg")):
            photo = read_rgb(path)
            label = read_grey(root / "train_label" / f"{path.stem}.png")
            points = read_pose(root / "train_pose" / f"{path.stem}_keypoints.json")
            scale = 256 / len(photo)
            points = np.concatenate([(points[:, :2] + 0.5) * scale - 0.5, points[:, 2:]], axis=1)
            step = len(photo) // 256
            self.truth[shrink(photo).tobytes()] = Parsing(label[step // 2 :: step, step // 2 :: step], points)

    def parse(self, picture):
        self.asked += 1
        nobody = Parsing(np.zeros((256, 192), np.uint8), np.zeros((18, 3), np.float32))
        return self.truth.get(picture.tobytes(), nobody)


@pytest.fixture(scope="module", params=[256, 512])
def full(request, tmp_path_factory):
    """A drawn folder with all annotations."""
    return write_dataset(tmp_path_factory.mktemp("full") / "data", 3, 4, request.param, request.param * 3 // 4)


@pytest.fixture
def drawn(full, tmp_path):
    """A drawn folder with all annotations, and a copy with only the pictures."""
    bare = shutil.copytree(full, tmp_path / "bare")
    for folder in TOLD:
        shutil.rmtree(bare / folder)
    return full, bare


def test_annotations_are_complete_and_agree_with_the_drawn_ones(drawn):
    full, bare = drawn
    done = annotate(bare, Knowing(full))
    assert (done.persons, done.garments, done.problems) == (3, 3, ())
    report = check(bare)
    assert (report.pairs, report.problems) == (6, ())
    for name in ("000000_0", "000001_0", "000002_0"):
        mine, true = (read_grey(root / f"train_label/{name}.png") for root in (bare, full))
        assert (mine == true).mean() > 0.97
        mine, true = (read_pose(root / f"train_pose/{name}_keypoints.json") for root in (bare, full))
        sure = true[:, 2] >= 0.3
        np.testing.assert_allclose(mine[sure], true[sure], atol=0.01)
        assert not mine[~sure].any()
        edge = name.replace("_0", "_1.jpg")
        mine, true = (read_grey(root / "train_edge" / edge) > 127 for root in (bare, full))
        assert (mine & true).sum() / (mine | true).sum() > 0.95


def test_existing_annotations_are_kept_and_missing_ones_added(drawn):
    full, bare = drawn
    parser = Knowing(full)
    annotate(bare, parser)
    kept = {path: path.read_bytes() for folder in TOLD for path in (bare / folder).iterdir()}
    pose = bare / "train_pose/000001_0_keypoints.json"
    pose.unlink()
    done = annotate(bare, parser)
    assert (done.persons, done.garments, parser.asked) == (1, 0, 4)
    assert {path: path.read_bytes() for path in kept} == kept


def test_photos_without_a_person_are_reported_and_the_others_annotated(drawn, monkeypatch):
    full, bare = drawn
    parser = Knowing(full)
    parser.truth.popitem()
    monkeypatch.setattr(tryon, "open_parser", lambda folder: parser)
    result = CliRunner().invoke(main, ["data", "annotate", str(bare), "--parser", "mine"])
    assert result.exit_code == 2
    assert "000002_0.jpg: found no person in an upper garment" in result.output
    assert "2 persons and 3 garments annotated" in result.output
    assert not (bare / "train_label/000002_0.png").exists()


def test_folders_without_train_img_are_refused(tmp_path):
    (tmp_path / "test_img").mkdir()
    with pytest.raises(DataError, match="train_img"):
        annotate(tmp_path, None)
