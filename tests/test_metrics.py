"""Tests of single measures on cases with known values."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchmetrics.image.fid import FrechetInceptionDistance

from fitroom import body
from fitroom.evaluate.metrics import (
    MOST_PSNR,
    Features,
    appearance,
    changeable,
    cut_quad,
    frechet_distance,
    garment_appearance,
    garment_quad,
    kernel_distance,
    mask_iou,
    mean_difference,
    neck_region,
    peak_signal_to_noise,
    retrieval_ranks,
    structural_similarity,
    torso_quad,
    worn_appearance,
)


def test_mask_iou():
    a, b = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    assert mask_iou(a, b) == 1
    a[:2] = True
    assert mask_iou(a, b) == 0
    b[1:3] = True
    assert mask_iou(a, b) == pytest.approx(4 / 12)


def test_mean_difference():
    a, b = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 250, np.uint8)
    where = np.zeros((4, 4), bool)
    assert mean_difference(a, b, where) == 0
    where[0] = True
    assert mean_difference(a, b, where) == 250
    assert mean_difference(b, a, where) == 250


def test_neck_region_contains_the_neck_joint_and_ends_below_the_nose(sample):
    points = sample.photo.key_points
    region = neck_region(points, 256, 192)
    x, y = points[body.NECK, :2].astype(int)
    assert region[y, x]
    assert not region[: int(points[body.NOSE, 1])].any()
    assert 0.005 < region.mean() < 0.08
    assert not neck_region(np.zeros((18, 3), np.float32), 256, 192).any()


def test_changeable_region_covers_both_garments_and_arms_but_not_the_face(sample):
    label, points = sample.photo.label, sample.photo.key_points
    warped = np.zeros(label.shape, bool)
    warped[250:, :10] = True
    found = changeable(label, points, warped)
    assert found[np.isin(label, (4, 11, 13))].all()
    assert found[250:, :10].all()
    assert not found[(label == 12) & ~neck_region(points, 256, 192)].mean() > 0.1
    assert not found[:20].any()


def test_structural_similarity(rng):
    picture = rng.integers(0, 256, (64, 48, 3)).astype(np.uint8)
    assert structural_similarity(picture, picture) == 1
    assert structural_similarity(picture, 255 - picture) < 0
    # flat pictures differ only in luminance: (2ab + c) / (a² + b² + c) with c = (0.01 * 255)²
    flat = [np.full((64, 48, 3), value, np.uint8) for value in (100, 200)]
    constant = (0.01 * 255) ** 2
    expected = (2 * 100 * 200 + constant) / (100**2 + 200**2 + constant)
    assert structural_similarity(*flat) == pytest.approx(expected, abs=1e-4)


def test_peak_signal_to_noise():
    a = np.full((8, 8, 3), 100, np.uint8)
    assert peak_signal_to_noise(a, a) == MOST_PSNR
    assert peak_signal_to_noise(a, a + 10) == pytest.approx(20 * np.log10(255 / 10))
    assert peak_signal_to_noise(a + 10, a) == peak_signal_to_noise(a, a + 10)


def test_torso_quad_lies_between_shoulders_and_hips(sample):
    points = sample.photo.key_points
    quad = torso_quad(points)
    assert np.allclose(quad[:2], points[[body.RIGHT_SHOULDER, body.LEFT_SHOULDER], :2])
    assert quad[0, 0] < quad[1, 0], "the person's right is on the left"
    assert quad[3, 1] < points[body.RIGHT_HIP, 1]
    assert torso_quad(np.zeros((18, 3), np.float32)) is None
    assert worn_appearance(sample.photo.image, np.zeros((18, 3), np.float32)) is None


def test_garment_quad_excludes_sleeves():
    mask = np.zeros((100, 100), np.uint8)
    mask[10:90, 35:65] = 255  # torso
    mask[10:30, 10:90] = 255  # shoulders
    mask[10:80, 10:25] = 255  # hanging sleeves
    mask[10:80, 75:90] = 255
    assert garment_quad(mask).tolist() == [[35, 10], [65, 10], [65, 90], [35, 90]]


def test_cut_quad_returns_an_upright_patch():
    picture = np.zeros((100, 100, 3), np.uint8)
    picture[20:50, 30:60] = (255, 0, 0)
    picture[50:80, 30:60] = (0, 0, 255)
    patch = cut_quad(picture, np.array([(30, 20), (60, 20), (60, 80), (30, 80)], np.float32))
    assert (patch[4:28, 2:-2] == (255, 0, 0)).all()
    assert (patch[36:60, 2:-2] == (0, 0, 255)).all()


def test_appearance_distinguishes_colours_and_their_positions():
    red, blue = np.zeros((64, 48, 3), np.uint8), np.zeros((64, 48, 3), np.uint8)
    red[..., 0], blue[..., 2] = 200, 200
    above, below = red.copy(), blue.copy()
    above[32:], below[32:] = blue[32:], red[32:]
    pale = np.clip(red.astype(int) + 12, 0, 255).astype(np.uint8)

    def distance(a, b):
        return float(np.linalg.norm(appearance(a) - appearance(b)))

    assert distance(red, red) == 0
    assert distance(red, pale) < distance(red, blue) / 2
    assert distance(above, below) > 0
    colours = 20 * 44 * 44
    assert np.allclose(appearance(above)[:colours], appearance(below)[:colours], atol=1e-3)
    assert np.square(appearance(red)[:colours]).sum() == pytest.approx(1, abs=1e-5)


def test_appearance_of_the_torso_is_closest_to_the_garment_that_is_worn(sample):
    own = garment_appearance(sample.garment, sample.garment_mask)
    other = garment_appearance(sample.other_garment, sample.other_garment_mask)
    for photo, worn, not_worn in ((sample.photo, own, other), (sample.other_photo, other, own)):
        seen = worn_appearance(photo.image, photo.key_points)
        assert np.linalg.norm(seen - worn) < np.linalg.norm(seen - not_worn)


def test_retrieval_ranks_of_known_distances():
    garments = np.array([[0.0], [1.0], [2.0], [4.0]], np.float32)
    worn = np.array([[0.1], [1.4], [3.9]], np.float32)
    assert retrieval_ranks(worn, garments, np.array([0, 1, 3])).tolist() == [1, 1, 1]
    assert retrieval_ranks(worn, garments, np.array([3, 2, 0])).tolist() == [4, 2, 4]


def test_identical_descriptors_get_the_rank_expected_by_chance():
    ranks = retrieval_ranks(np.zeros((1, 3), np.float32), np.zeros((101, 3), np.float32), np.array([7]))
    assert ranks.tolist() == [51]


@given(st.integers(2, 30), st.integers(0, 2**31))
def test_retrieval_ranks_match_sorting_by_distance(count, seed):
    rng = np.random.default_rng(seed)
    worn, garments = rng.normal(size=(count, 4)).astype(np.float32), rng.normal(size=(count, 4)).astype(np.float32)
    ranks = retrieval_ranks(worn, garments, np.arange(count))
    for row, rank in enumerate(ranks):
        order = np.argsort(np.linalg.norm(garments.astype(np.float64) - worn[row], axis=1))
        assert order[rank - 1] == row


def normal_features(mean, deviation, count=20000, seed=0):
    """Make features with exactly the given means and standard deviations, and without correlation."""
    points = torch.from_numpy(np.random.default_rng(seed).normal(size=(count, len(mean))))
    points = points - points.mean(0)
    points = points @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(points.T)).T)
    return points * torch.tensor(deviation, dtype=torch.float64) + torch.tensor(mean, dtype=torch.float64)


def test_frechet_distance_of_normal_distributions():
    """The expected value is |m1 - m2|² + sum of (s1 - s2)², because both covariances are diagonal."""
    looks = normal_features([1, 2, 3], [1, 2, 3], seed=1)
    photos = normal_features([1, 0, 6], [2, 2, 0.5], seed=2)
    assert frechet_distance(looks, looks) == pytest.approx(0, abs=1e-6)
    expected = (0 + 4 + 9) + (1 + 0 + 6.25)
    assert frechet_distance(looks, photos) == pytest.approx(expected, rel=1e-6)
    assert frechet_distance(photos, looks) == pytest.approx(expected, rel=1e-6)


def test_frechet_distance_matches_torchmetrics(rng):
    looks, photos = torch.from_numpy(rng.normal(size=(500, 8))), torch.from_numpy(rng.normal(1, 3, size=(300, 8)))
    theirs = FrechetInceptionDistance(Features(8)).set_dtype(torch.float64)
    theirs.update(looks, real=False)
    theirs.update(photos, real=True)
    assert frechet_distance(looks, photos) == pytest.approx(float(theirs.compute()), rel=1e-6)


def test_frechet_distance_with_fewer_pictures_than_features(rng):
    """Additional features that are always zero do not change the distance."""
    few = [torch.from_numpy(rng.normal(size=(40, 20))) for _ in range(2)]
    wide = [torch.cat([features, torch.zeros(40, 200)], dim=1) for features in few]
    assert frechet_distance(*wide) == pytest.approx(frechet_distance(*few), rel=1e-9)
    assert frechet_distance(wide[0][:10], wide[0][:10]) == pytest.approx(0, abs=1e-9)


def test_kernel_distance():
    """Each set repeats one value of a single feature, for which the kernel is (xy + 1)³."""
    looks, photos = torch.full((5, 1), 2.0), torch.full((5, 1), 3.0)
    assert kernel_distance(looks, photos) == pytest.approx((4 + 1) ** 3 + (9 + 1) ** 3 - 2 * (6 + 1) ** 3)
    same = normal_features([0, 0], [1, 1], 2000, seed=3), normal_features([0, 0], [1, 1], 2000, seed=4)
    assert abs(kernel_distance(*same)) < 0.05
    assert kernel_distance(*same) == kernel_distance(*same)
