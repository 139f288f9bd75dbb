"""Tests of estimating the colours that a garment hides from its surroundings."""

import pytest
import torch

from fitroom import body
from fitroom.body import Label
from fitroom.train.tasks.teacher_input import is_label
from fitroom.train.tasks.uncovered import (
    bare_arms,
    hidden_colours,
    mean_colour,
    skin_colour,
    spread,
    uncovered_difference,
)


def figure(skin=0.5, trousers=-0.5, background=0.9):
    """Draw a person of 64 pixels, arms straight down beside the trunk, in a garment that ends below the hips."""
    photo, label = torch.full((1, 3, 64, 64), background), torch.zeros(1, 64, 64, dtype=torch.uint8)
    for value, rows, columns, colour in (
        (Label.FACE, (2, 10), (28, 36), skin),
        (Label.LOWER_CLOTHES, (44, 64), (20, 44), trousers),
        (Label.UPPER_CLOTHES, (12, 48), (20, 44), 0.0),
        (Label.UPPER_CLOTHES, (12, 40), (6, 18), 0.0),
        (Label.RIGHT_ARM, (40, 46), (8, 16), skin),
        (Label.UPPER_CLOTHES, (12, 40), (46, 58), 0.0),
        (Label.LEFT_ARM, (40, 46), (48, 56), skin),
    ):
        label[:, slice(*rows), slice(*columns)] = value
        photo[:, :, slice(*rows), slice(*columns)] = colour
    points = torch.zeros(1, 18, 3)
    for joint, place in {
        body.NECK: (32, 12),
        body.NOSE: (32, 6),
        body.RIGHT_SHOULDER: (12, 14),
        body.RIGHT_ELBOW: (12, 27),
        body.RIGHT_WRIST: (12, 40),
        body.LEFT_SHOULDER: (52, 14),
        body.LEFT_ELBOW: (52, 27),
        body.LEFT_WRIST: (52, 40),
        body.RIGHT_HIP: (24, 46),
        body.LEFT_HIP: (40, 46),
    }.items():
        points[0, joint] = torch.tensor([*place, 1.0])
    return photo, label, points


def test_spread_fills_unknown_pixels_with_nearby_colours():
    picture = torch.zeros(1, 3, 33, 25)
    picture[..., :5], picture[..., 20:] = -1, 1
    known = torch.zeros(1, 1, 33, 25)
    known[..., :5] = 1
    assert torch.allclose(spread(picture, known), torch.full_like(picture, -1))
    known[..., 20:] = 1
    both = spread(picture, known)
    assert torch.equal(both * known, picture * known), "what is known stays"
    middle = both[0, 0, 16, 5:20]
    assert (middle.diff() >= -1e-5).all()
    assert middle[0] < -0.5 < 0.5 < middle[-1]
    assert not spread(picture, torch.zeros_like(known)).any(), "nothing is known of nothing"


def test_hidden_arms_and_neck_are_skin_hips_are_trousers_and_the_trunk_is_unknown():
    photo, label, points = figure()
    colours, known = hidden_colours(photo, label, points)
    assert colours[0, :, 30, 12].tolist() == pytest.approx([0.5] * 3)
    assert colours[0, :, 30, 52].tolist() == pytest.approx([0.5] * 3)
    assert colours[0, :, 20, 32].tolist() == pytest.approx([0.5] * 3), "the neck, under a collar"
    assert known[0, 0, 20, 32] == 1
    assert colours[0, :, 42, 32].tolist() == pytest.approx([-0.5] * 3), "above the hips too, under the garment"
    assert known[0, 0, [30, 30, 42], [12, 52, 32]].tolist() == [1, 1, 1]
    assert known[0, 0, 32, 32] == 0


def test_hidden_colours_are_unknown_without_skin_trousers_or_key_points():
    photo, label, points = figure()
    label[label == Label.LOWER_CLOTHES] = Label.UPPER_CLOTHES
    assert hidden_colours(photo, label, points)[1][0, 0, 42, 32] == 0
    assert not hidden_colours(photo, label, torch.zeros(1, 18, 3))[1].any()
    faces, seen = skin_colour(photo, torch.where(label == Label.FACE, label, 0))
    assert faces.flatten().tolist() == pytest.approx([0.5] * 3), "the face, where no arm shows"
    assert seen == 1
    garment_alone = torch.where(label == Label.UPPER_CLOTHES, label, 0)
    assert skin_colour(photo, garment_alone)[1] == 0
    assert hidden_colours(photo, garment_alone, points)[1][0, 0, 30, 12] == 0


def test_estimated_arm_colour_matches_the_figure_with_shorter_sleeves(sample):
    """Despite shading, the mean colour estimated under sleeves is close to that of the bare arms."""
    photo, other = (
        (
            torch.from_numpy(shown.image).permute(2, 0, 1).unsqueeze(0) / 127.5 - 1,
            torch.from_numpy(shown.label).unsqueeze(0),
            torch.from_numpy(shown.key_points).float().unsqueeze(0),
        )
        for shown in (sample.photo, sample.other_photo)
    )
    if (
        is_label(other[1], Label.LEFT_ARM, Label.RIGHT_ARM).sum()
        < is_label(photo[1], Label.LEFT_ARM, Label.RIGHT_ARM).sum()
    ):
        photo, other = other, photo
    hidden = (
        is_label(photo[1], Label.UPPER_CLOTHES)
        * is_label(other[1], Label.LEFT_ARM, Label.RIGHT_ARM)
        * bare_arms(photo[2], 256, 192)
    )
    assert hidden.sum() > 300
    guessed = mean_colour(hidden_colours(*photo)[0], hidden)
    assert (guessed - mean_colour(other[0], hidden)).abs().max() < 0.12
    assert (mean_colour(photo[0], hidden) - mean_colour(other[0], hidden)).abs().max() > 0.2


def test_loss_compares_mean_colours_where_the_garment_is_gone():
    photo, label, points = figure()
    colours, known = hidden_colours(photo, label, points)
    gone = is_label(label, Label.UPPER_CLOTHES)
    assert uncovered_difference(colours, photo, label, points, gone) == 0
    area = (known * gone).mean().item()
    assert uncovered_difference(colours + 0.2, photo, label, points, gone).item() == pytest.approx(0.2 * area, rel=1e-4)
    assert uncovered_difference(colours + 0.2, photo, label, points, gone * 0) == 0
    # dtypes of mixed precision and of gradient tests
    for dtype in (torch.bfloat16, torch.float64):
        pictures = (tensor.to(dtype) for tensor in (colours + 0.2, photo))
        assert uncovered_difference(*pictures, label, points, gone).item() == pytest.approx(0.2 * area, rel=0.05)
    chequered = 0.2 * (torch.arange(64) % 2 * 2 - 1).float()
    within = torch.zeros_like(gone)
    within[..., 24:32, 50:54] = 1
    assert (known * within).sum() == 32
    assert uncovered_difference(colours + chequered, photo, label, points, within).item() == pytest.approx(0, abs=1e-6)
