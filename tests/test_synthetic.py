"""Tests of drawn figures, which are reproducible, varied, and annotated correctly."""

import cv2
import numpy as np
import pytest

from fitroom import body
from fitroom.data.figure import photograph, random_figure
from fitroom.data.garment_art import NECKLINES, PRINTS, lay_out, random_garment, shop_picture
from fitroom.data.synthetic import random_outfit, samples, write_dataset
from fitroom.errors import OutputError


def test_same_seed_draws_the_same_files(tmp_path):
    roots = [write_dataset(tmp_path / name, 2, seed=3, height=128, width=96) for name in ("a", "b")]
    files = [sorted(path.relative_to(root) for path in root.rglob("*") if path.is_file()) for root in roots]
    assert files[0] == files[1]
    assert all((roots[0] / name).read_bytes() == (roots[1] / name).read_bytes() for name in files[0])
    other = write_dataset(tmp_path / "c", 2, seed=4, height=128, width=96)
    assert (other / files[0][0]).read_bytes() != (roots[0] / files[0][0]).read_bytes()


def test_non_empty_folder_is_refused_and_unchanged(tmp_path):
    (tmp_path / "thesis.txt").write_text("x")
    with pytest.raises(OutputError, match="already holds something"):
        write_dataset(tmp_path, 2)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_outfits_vary():
    outfits = [random_outfit(0, index) for index in range(200)]
    assert {garment.print for _, garment in outfits} == set(PRINTS)
    assert {garment.neckline for _, garment in outfits} == set(NECKLINES)
    assert len({garment.sleeve for _, garment in outfits}) >= 5
    assert len({figure.skin for figure, _ in outfits}) >= 5
    assert len({figure.hair_style for figure, _ in outfits}) == 4
    assert len({figure.elbows for figure, _ in outfits}) > 100


def test_flow_label_and_picture_agree(rng):
    """Sampling the flat garment with the flow gives the garment in the photo, up to folds and shading."""
    figure, garment = random_figure(rng), random_garment(rng)
    flat = lay_out(garment, 256, 192)
    photo = photograph(figure, flat)
    worn = photo.label == 4
    assert worn.mean() > 0.1
    assert (np.isfinite(photo.flow).all(axis=2) == worn).all()
    where = np.nan_to_num(photo.flow)
    pixels = (((where + 1) * (192, 256) - 1) / 2).astype(np.float32)
    warped = cv2.remap(flat.cloth, pixels, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    inside = cv2.erode(worn.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    light = photo.image[inside].astype(float).mean(axis=1) / np.maximum(warped[inside].mean(axis=1), 1)
    assert 0.7 < np.median(light) < 1.1
    mask = cv2.remap(flat.mask, pixels, None, cv2.INTER_LINEAR)
    assert mask[inside].mean() > 0.99


def test_another_garment_changes_only_the_clothes(sample):
    photo, other = sample.photo, sample.other_photo
    np.testing.assert_array_equal(photo.key_points, other.key_points)
    skin_and_cloth = np.isin(photo.label, (4, 11, 13)) | np.isin(other.label, (4, 11, 13))
    away = cv2.dilate(skin_and_cloth.astype(np.uint8), np.ones((15, 15), np.uint8)) == 0
    away &= (photo.label == 1) | (photo.label == 12)
    assert away.sum() > 300
    assert np.abs(photo.image[away].astype(int) - other.image[away]).max() <= 12


def test_key_points_lie_on_the_body(sample):
    points = sample.photo.key_points
    for joint, labels in ((body.NOSE, (12,)), (body.RIGHT_WRIST, (13, 4)), (body.LEFT_WRIST, (11, 4))):
        x, y, known = points[joint]
        if known:
            assert sample.photo.label[round(float(y)), round(float(x))] in labels
    assert points[body.RIGHT_SHOULDER, 0] < points[body.LEFT_SHOULDER, 0]


def test_shop_picture_shows_a_garment_on_white(sample):
    picture, mask = shop_picture(lay_out(random_outfit(1, 1)[1], 256, 192))
    assert set(np.unique(mask)) == {0, 255}
    assert 0.15 < (mask > 0).mean() < 0.9
    assert picture[0].min() > 240


def test_samples_have_the_given_count_and_size():
    drawn = list(samples(2, seed=0, height=128, width=96))
    assert len(drawn) == 2
    np.testing.assert_array_equal(drawn[0].other_garment, drawn[1].garment)
    assert drawn[0].photo.image.shape == (128, 96, 3)
