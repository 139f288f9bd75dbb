"""Tests of the maps that guide the network: they show the body and hide the old garment."""

import numpy as np
import pytest
import torch

from fitroom import body
from fitroom.body import PREDICTED, Label
from fitroom.data.synthetic import samples
from fitroom.nets.guidance import (
    PAINT_CHANNELS,
    WARP_CHANNELS,
    Group,
    body_maps,
    body_template,
    completed,
    edit_region,
    grouped,
    hair_kept,
    of,
    old_garment,
    paint_maps,
    warp_maps,
)
from fitroom.train.tasks.guided_samples import vary


@pytest.fixture(scope="module")
def person():
    """The photo (1, 3, H, W), labels (H, W) and key points (1, 18, 3) of a drawn figure."""
    photo = next(iter(samples(1, seed=4))).photo
    picture = torch.from_numpy(photo.image).permute(2, 0, 1)[None].float() / 127.5 - 1
    return picture, photo.label, torch.from_numpy(photo.key_points)[None].float()


def shares_of(label):
    """Return the probabilities (1, GROUPS, H, W), all 0 or 1, of labels (H, W)."""
    return grouped(torch.stack([torch.from_numpy(label == value).float() for value in PREDICTED])[None])


def region_of(label, points):
    """Return the edit region (1, 1, H, W) of labels (H, W)."""
    shares = shares_of(label)
    return edit_region(shares, old_garment(shares, points), body_template(points, *label.shape))


def test_completed_joints_equal_those_of_body_complete(person):
    points = person[2].clone()
    missing = [body.RIGHT_HIP, body.LEFT_HIP, body.LEFT_ELBOW, body.LEFT_WRIST, body.RIGHT_WRIST]
    points[0, missing, 2] = 0
    expected = body.complete(points[0].numpy()).points
    rows = [*missing, body.RIGHT_ELBOW, body.RIGHT_SHOULDER]
    np.testing.assert_allclose(completed(points)[0, rows].numpy(), expected[rows], atol=1e-3)


def test_edit_region_covers_the_garment_but_not_face_and_hands(person):
    _, label, points = person
    shown = label.copy()
    shown[200:210, 60:70] = Label.LEFT_HAND
    region = region_of(shown, points)[0, 0].numpy() > 0
    assert region[shown == Label.UPPER_CLOTHES].mean() > 0.99
    assert region[shown == Label.FACE].mean() < 0.05
    assert not region[202:208, 62:68].any()


def test_edit_region_includes_the_outermost_pixels_of_hands_on_the_garment(person):
    _, label, points = person
    shown = label.copy()
    rows, columns = np.nonzero(label == Label.UPPER_CLOTHES)
    y, x = int(np.median(rows)), int(np.median(columns))
    shown[y - 5 : y + 5, x - 5 : x + 5] = Label.LEFT_HAND
    region = region_of(shown, points)[0, 0].numpy() > 0
    hand = shown == Label.LEFT_HAND
    assert region[y - 5, x - 5 : x + 5].all()
    assert not region[y - 4 : y + 4, x - 4 : x + 4].any()
    assert 0 < region[hand].mean() < 0.5


def test_edit_region_excludes_clothes_apart_from_the_trunk(person):
    _, label, points = person
    stray = label.copy()
    stray[2:10, 2:10] = Label.UPPER_CLOTHES
    assert not region_of(stray, points)[..., :20, :20].any()


def test_dresses_are_replaced_above_the_hem_and_kept_below_as_a_skirt(person):
    _, label, points = person
    shoulders, hips = (float(points[0, rows, 1].mean()) for rows in ([2, 5], [8, 11]))
    # compress the pose vertically, so that the photo shows the person down to the knees
    points = points.clone()
    points[..., 1] = points[..., 1] * 0.6
    hem = int(0.6 * (hips + 0.35 * (hips - shoulders)))
    dress = np.zeros_like(label)
    dress[int(0.6 * shoulders) : 250, 60:130] = Label.DRESS
    region = region_of(dress, points)[0, 0].numpy() > 0
    assert region[int(0.6 * hips), 70:120].all()
    assert not region[hem + 60 :, 70:120].any()
    coat = np.where(dress == Label.DRESS, Label.UPPER_CLOTHES, 0).astype(np.uint8)
    assert region_of(coat, points)[0, 0].numpy()[245, 70:120].all()
    lower = maps_of(dress, points)[:, -2]
    assert lower[0, 245, 70:120].all()


def maps_of(label, points):
    """Return the warp network's maps of labels (H, W)."""
    return warp_maps(shares_of(label), body_maps(points, *label.shape), region_of(label, points))


@pytest.mark.parametrize(
    ("rows", "shown"),
    [(slice(0, 110), Label.NECK), (slice(190, 256), Label.LOWER_CLOTHES), (slice(100, 190), Label.LEFT_ARM)],
    ids=["neckline", "hem", "sleeves"],
)
def test_warp_maps_hardly_depend_on_the_cut_of_the_old_garment(person, rows, shown):
    """A deeper neckline, a higher hem or shorter sleeves within the body template change less than 2% of the pixels."""
    _, label, points = person
    inside = body_template(points, *label.shape).amax(dim=1)[0].numpy() > 0
    height, width = label.shape
    limits = np.zeros(label.shape, bool)
    limits[rows] = True
    cut, uncovered = label.copy(), label.copy()
    cut[limits & inside & (label == Label.UPPER_CLOTHES)] = shown
    assert (cut != label).sum() > 500
    before, after = maps_of(label, points), maps_of(cut, points)
    assert before.shape == (1, WARP_CHANNELS, height, width)
    changed = float(((before - after).abs().amax(dim=1) > 0.05).float().mean())
    # removing the whole garment changes more
    uncovered[label == Label.UPPER_CLOTHES] = Label.BACKGROUND
    without = float(((before - maps_of(uncovered, points)).abs().amax(dim=1) > 0.05).float().mean())
    assert changed < 0.02
    assert without > changed


def test_paint_maps_do_not_depend_on_colours_inside_the_region(person):
    photo, label, points = person
    shares = shares_of(label)
    region = region_of(label, points) * (1 - hair_kept(shares))
    other = torch.where(region > 0, torch.rand_like(photo), photo)
    before, after = (paint_maps(picture, shares, region) for picture in (photo, other))
    assert before.shape[1] == PAINT_CHANNELS
    assert torch.equal(before, after)


def test_grouped_sums_the_probabilities_of_each_group():
    soft = torch.zeros(1, len(PREDICTED), 1, 1)
    for label, share in ((Label.LEFT_SHOE, 0.25), (Label.RIGHT_LEG, 0.25), (Label.DRESS, 0.5)):
        soft[:, PREDICTED.index(label)] = share
    shares = grouped(soft)
    assert float(of(shares, Group.LOWER)) == 0.5
    assert float(of(shares, Group.DRESS)) == 0.5
    assert float(shares.sum()) == 1


def test_varied_regions_grow_but_never_cover_kept_pixels():
    region, kept = torch.zeros(2, 1, 64, 48), torch.zeros(2, 1, 64, 48)
    region[..., 20:30, 20:30] = 1
    kept[..., 32:36, 20:30] = 1
    made = vary(region, kept, torch.tensor([[0.99, 0.0], [0.99, 0.99], [0.0, 0.99]]))
    assert made[0].sum() > region[0].sum()
    assert torch.equal(made[1], region[1])
    assert not (made * kept).any()
