"""Tests of evaluation plans, which report unusable lists and files before the evaluation starts."""

import shutil

import pytest
from PIL import Image

from fitroom.errors import DataError
from fitroom.evaluate.plan import SHOWN, make_plan


@pytest.fixture
def folder(figures, tmp_path):
    return shutil.copytree(figures, tmp_path / "figures")


def refused(folder):
    with pytest.raises(DataError) as caught:
        make_plan(folder, folder / "unpaired_pairs.txt", folder / "train_pairs.txt")
    return str(caught.value)


def test_plan_of_a_valid_folder(figures):
    plan = make_plan(figures, figures / "unpaired_pairs.txt", figures / "train_pairs.txt")
    assert (plan.height, plan.width) == (256, 192)
    assert len(plan.unpaired.pairs) == len(plan.paired.pairs) == 12
    assert plan.own["000003_0.jpg"] == "000003_1.jpg"
    assert len(plan.unpaired.sha256) == 64
    subject = plan.subject("000003_0.jpg")
    assert subject.photo.shape[:2] == subject.label.shape == (256, 192)
    assert subject.key_points.shape == (18, 3)


def test_missing_photo_is_reported(folder):
    (folder / "train_img" / "000003_0.jpg").unlink()
    assert "000003_0.jpg: missing" in refused(folder)


def test_missing_garment_is_reported(folder):
    (folder / "train_color" / "000003_1.jpg").unlink()
    assert "000003_1.jpg: missing" in refused(folder)


def test_invalid_pose_is_reported(folder):
    (folder / "train_pose" / "000003_0_keypoints.json").write_text("{")
    assert "not a pose" in refused(folder)


def test_long_lists_of_problems_are_shortened(folder):
    for path in sorted((folder / "train_label").iterdir())[: SHOWN + 3]:
        path.unlink()
    found = refused(folder)
    assert found.count("missing") == SHOWN
    assert "And 3 more" in found


def test_empty_list_is_reported(folder):
    (folder / "unpaired_pairs.txt").write_text("\n")
    assert "empty" in refused(folder)


def test_photos_of_different_sizes_are_reported(folder):
    for kind in ("img", "label"):
        path = next((folder / f"train_{kind}").glob("000003_0.*"))
        Image.open(path).resize((384, 512), Image.Resampling.NEAREST).save(path)
    found = refused(folder)
    assert "000003_0.jpg has 384 x 512" in found
    assert "192 x 256" in found


def test_label_of_another_size_than_its_photo_is_reported(folder):
    path = folder / "train_label" / "000003_0.png"
    Image.open(path).resize((96, 128), Image.Resampling.NEAREST).save(path)
    assert "its label has 96 x 128 pixels, but its photo has 192 x 256" in refused(folder)


def test_photos_with_another_aspect_ratio_than_3_to_4_are_reported(folder):
    for kind in ("img", "label"):
        for path in (folder / f"train_{kind}").iterdir():
            Image.open(path).resize((256, 256), Image.Resampling.NEAREST).save(path)
    assert "need 3:4" in refused(folder)
