"""Tests of folders of labelled photos, and of training samples made from them."""

import numpy as np
import pytest

from fitroom.body import Label
from fitroom.data.label_sets import BELT, NOT_PERSON, ROW, SINGLE, SKIN
from fitroom.data.street import open_labelled
from fitroom.data.street_samples import load_street
from fitroom.data.street_scenes import (
    StreetConfig,
    clear_backgrounds,
    drawn,
    framed,
    matrix_of,
    mirrored,
)
from fitroom.errors import DataError
from fitroom.photo.frames import garment_frame
from street_folder import DrawnParser, write_street


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_street(tmp_path_factory.mktemp("street"), 3)


@pytest.fixture(scope="module")
def photos(root):
    folder = open_labelled(root)
    return load_street(folder, folder.names("val.txt"), DrawnParser())


def test_label_values_are_mapped_to_label_sets(root):
    folder = open_labelled(root)
    name = folder.names("train.txt")[0]
    sets, values = folder.sets(name), folder.values(name)
    assert (sets[values == 12] == ROW[SKIN]).all()
    assert (sets[values == 4] == ROW[SINGLE[Label.UPPER_CLOTHES]]).all()
    assert (sets[:10, :10] == ROW[SINGLE[Label.BACKGROUND]]).all()
    # an unlabelled pixel beside the person may belong to a carried object
    column = int(np.flatnonzero(values[200])[0])
    assert sets[200, column - 3] == ROW[NOT_PERSON]


def test_belt_values_are_mapped_to_the_belt_set(root, tmp_path):
    mapping = tmp_path / "mapping.csv"
    mapping.write_text((root / "labels.csv").read_text().replace("8,value 8,lower", "8,belt,lower"))
    folder = open_labelled(root, mapping)
    name = folder.names("train.txt")[0]
    assert (folder.sets(name)[folder.values(name) == 8] == ROW[BELT]).all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("value,name,group\n0,null,background\n300,bag,other\n", "line 3: found value '300'"),
        ("value,name,group\n4,shirt,shirts\n", "group 'shirts'; need .* upper"),
        ("number;label\n4;x\n", "line 2: found value ''"),
    ],
)
def test_invalid_mapping_file_raises_an_error(root, tmp_path, text, message):
    mapping = tmp_path / "mapping.csv"
    mapping.write_text(text)
    with pytest.raises(DataError, match=message):
        open_labelled(root, mapping)


def test_folder_without_photos_and_labels_is_refused(tmp_path):
    with pytest.raises(DataError, match="need the folders photos and labels"):
        open_labelled(tmp_path)


def test_framing_transforms_labels_and_key_points_alike(photos):
    photo = photos[0]
    whole = garment_frame(photo.sets.shape[1], photo.sets.shape[0])
    picture, sets, points = framed(photo, matrix_of(whole, 256, 192), 256, 192)
    assert picture.shape == (256, 192, 3)
    scale = 256 / whole.height
    shown = photo.points[:, 2] > 0
    expected = (photo.points[shown, :2] + 0.5 - (whole.left, whole.top)) * scale - 0.5
    np.testing.assert_allclose(points[shown, :2], expected, atol=0.6)
    # the median pixel of the garment keeps its label
    row, column = (int(np.median(places)) for places in np.nonzero(photo.sets == ROW[SINGLE[Label.UPPER_CLOTHES]]))
    y, x = round((row - whole.top) * scale), round((column - whole.left) * scale)
    assert sets[y, x] == photo.sets[row, column]


def test_mirroring_twice_restores_the_sample(photos):
    photo = photos[1]
    made = framed(photo, matrix_of(photo.dressed, 128, 96, 5.0), 128, 96)
    for before, after in zip(made, mirrored(*mirrored(*made)), strict=True):
        np.testing.assert_allclose(before, after, atol=1e-4)


def test_samples_depend_only_on_the_seed(photos):
    first, again, other = (drawn(photos[0], StreetConfig(), seed, 128, 96) for seed in (3, 3, 4))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(first[0], other[0])


def test_background_crops_show_no_person(photos):
    crops = [crop for photo in photos for crop in clear_backgrounds(photo, 64, 48)]
    assert crops
    # the drawn photos have a plain background
    assert all(np.abs(crop.astype(int) - crop[0, 0]).max() < 12 for crop in crops)
