"""Maps that guide the network: they show the body, and nothing of the old garment."""

import numpy as np
import pytest
import torch

from fitroom import body
from fitroom.body import PREDICTED, Label
from fitroom.data.synthetic import samples
from fitroom.nets.guidance import (
    PAINT_CHANNELS,
    WARP_CHANNELS,
    body_template,
    completed,
    edit_region,
    hair_kept,
    paint_maps,
    warp_maps,
)
from fitroom.train.tasks.guided_samples import vary


@pytest.fixture(scope="module")
def person():
    """A drawn figure's photo (1, 3, H, W), labels (H, W) and key points (1, 18, 3)."""
    photo = next(iter(samples(1, seed=4))).photo
    picture = torch.from_numpy(photo.image).permute(2, 0, 1)[None].float() / 127.5 - 1
    return picture, photo.label, torch.from_numpy(photo.key_points)[None].float()


def soft_of(label):
    """Probabilities (1, labels, H, W) that are sure of labels (H, W)."""
    return torch.stack([torch.from_numpy(label == value).float() for value in PREDICTED])[None]


def test_joints_are_completed_as_the_library_does(person):
    points = person[2].clone()
    missing = [body.RIGHT_HIP, body.LEFT_HIP, body.LEFT_ELBOW, body.LEFT_WRIST, body.RIGHT_WRIST]
    points[0, missing, 2] = 0
    expected = body.complete(points[0].numpy()).points
    rows = [*missing, body.RIGHT_ELBOW, body.RIGHT_SHOULDER]
    np.testing.assert_allclose(completed(points)[0, rows].numpy(), expected[rows], atol=1e-3)


def test_the_region_covers_the_garment_and_spares_face_and_hands(person):
    _, label, points = person
    shown = label.copy()
    shown[200:210, 60:70] = Label.LEFT_HAND
    soft = soft_of(shown)
    region = edit_region(soft, body_template(points, *label.shape))[0, 0].numpy() > 0
    assert region[shown == Label.UPPER_CLOTHES].mean() > 0.99
    assert not region[shown == Label.FACE].any()
    assert not region[shown == Label.LEFT_HAND].any()


def test_what_does_not_hang_together_with_the_trunk_is_no_part_of_the_region(person):
    _, label, points = person
    stray = label.copy()
    stray[2:10, 2:10] = Label.UPPER_CLOTHES
    template = body_template(points, *label.shape)
    assert not edit_region(soft_of(stray), template)[..., :20, :20].any()


def maps_of(label, points):
    """The warp network's maps of labels (H, W)."""
    soft, template = soft_of(label), body_template(points, *label.shape)
    return warp_maps(soft, points, template, edit_region(soft, template))


@pytest.mark.parametrize(
    ("rows", "shown"),
    [(slice(0, 110), Label.NECK), (slice(190, 256), Label.LOWER_CLOTHES), (slice(100, 190), Label.LEFT_ARM)],
    ids=["neckline", "hem", "sleeves"],
)
def test_maps_hardly_show_the_cut_of_the_old_garment(person, rows, shown):
    """Within the body template a neckline may be deeper, a hem higher, sleeves shorter; outside, maps tell of it."""
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
    # a garment that is there no more, wherever it was, changes more
    uncovered[label == Label.UPPER_CLOTHES] = Label.BACKGROUND
    without = float(((before - maps_of(uncovered, points)).abs().amax(dim=1) > 0.05).float().mean())
    assert changed < 0.02
    assert without > changed


def test_the_painter_sees_no_colour_inside_the_region(person):
    photo, label, points = person
    soft = soft_of(label)
    template = body_template(points, *label.shape)
    region = edit_region(soft, template) * (1 - hair_kept(soft))
    maps = warp_maps(soft, points, template, region)
    other = torch.where(region > 0, torch.rand_like(photo), photo)
    before, after = (paint_maps(picture, soft, maps, region) for picture in (photo, other))
    assert before.shape[1] == PAINT_CHANNELS
    assert torch.equal(before, after)


def test_regions_vary_but_never_over_what_is_kept():
    region, kept = torch.zeros(2, 1, 64, 48), torch.zeros(2, 1, 64, 48)
    region[..., 20:30, 20:30] = 1
    kept[..., 32:36, 20:30] = 1
    made = vary(region, kept, torch.tensor([[0.99, 0.0], [0.99, 0.99], [0.0, 0.99]]))
    assert made[0].sum() > region[0].sum()
    assert torch.equal(made[1], region[1])
    assert not (made * kept).any()
