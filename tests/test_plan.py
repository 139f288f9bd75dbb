"""Lists and files that an evaluation can't use are named before it starts."""

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


def test_a_sound_folder(figures):
    plan = make_plan(figures, figures / "unpaired_pairs.txt", figures / "train_pairs.txt")
    assert (plan.height, plan.width) == (256, 192)
    assert len(plan.unpaired.pairs) == len(plan.paired.pairs) == 12
    assert plan.own["000003_0.jpg"] == "000003_1.jpg"
    assert len(plan.unpaired.sha256) == 64
    subject = plan.subject("000003_0.jpg")
    assert subject.photo.shape[:2] == subject.label.shape == (256, 192)
    assert subject.key_points.shape == (18, 3)


def test_a_missing_person(folder):
    (folder / "train_img" / "000003_0.jpg").unlink()
    assert "000003_0.jpg: missing" in refused(folder)


def test_a_missing_garment(folder):
    (folder / "train_color" / "000003_1.jpg").unlink()
    assert "000003_1.jpg: missing" in refused(folder)


def test_a_broken_pose(folder):
    (folder / "train_pose" / "000003_0_keypoints.json").write_text("{")
    assert "not a pose" in refused(folder)


def test_many_problems_are_counted(folder):
    for path in sorted((folder / "train_label").iterdir())[: SHOWN + 3]:
        path.unlink()
    found = refused(folder)
    assert found.count("missing") == SHOWN
    assert "And 3 more" in found


def test_an_empty_list(folder):
    (folder / "unpaired_pairs.txt").write_text("\n")
    assert "empty" in refused(folder)


def test_photos_of_several_sizes(folder):
    for kind in ("img", "label"):
        path = next((folder / f"train_{kind}").glob("000003_0.*"))
        Image.open(path).resize((384, 512), Image.Resampling.NEAREST).save(path)
    found = refused(folder)
    assert "000003_0.jpg has 384 x 512" in found
    assert "192 x 256" in found


def test_a_label_of_another_size(folder):
    path = folder / "train_label" / "000003_0.png"
    Image.open(path).resize((96, 128), Image.Resampling.NEAREST).save(path)
    assert "its label is 96 x 128 pixels, its photo 192 x 256" in refused(folder)


def test_photos_that_are_not_3_to_4(folder):
    for kind in ("img", "label"):
        for path in (folder / f"train_{kind}").iterdir():
            Image.open(path).resize((256, 256), Image.Resampling.NEAREST).save(path)
    assert "need 3:4" in refused(folder)
