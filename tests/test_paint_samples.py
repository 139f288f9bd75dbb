"""Tests of the painter's training samples: layouts, crops, and garments cut out of street photos."""

import pytest
import torch
import torch.nn.functional as F

from fitroom.body import Label
from fitroom.data.label_sets import BELT, ROW, SINGLE, SKIN
from fitroom.data.synthetic import samples
from fitroom.nets.guidance import Group
from fitroom.nets.painter import Layout
from fitroom.train.tasks.guided_samples import lower_colours, skin_colours
from fitroom.train.tasks.paint_samples import (
    UNKNOWN,
    PaintBatch,
    StreetPaint,
    cropped,
    label_table,
    resized,
    set_table,
    smooth_noise,
    with_necks,
)
from test_guidance import shares_of


def test_label_table_maps_labels_to_layouts_or_unknown():
    table = label_table()
    expected = {
        Label.BACKGROUND: Layout.BACKGROUND,
        Label.HAIR: Layout.HAIR,
        Label.UPPER_CLOTHES: Layout.GARMENT,
        Label.NECK: Layout.SKIN,
        Label.FACE: Layout.SKIN,
        Label.LEFT_ARM: Layout.SKIN,
        Label.RIGHT_HAND: Layout.SKIN,
        Label.LOWER_CLOTHES: Layout.LOWER_CLOTHES,
        Label.LEFT_LEG: Layout.LOWER_CLOTHES,
        Label.RIGHT_SHOE: Layout.LOWER_CLOTHES,
        Label.NOISE: UNKNOWN,
        Label.OTHER: UNKNOWN,
        Label.DRESS: UNKNOWN,
    }
    assert {label: int(table[label]) for label in expected} == {label: int(value) for label, value in expected.items()}


def test_set_table_maps_label_sets_to_layouts_or_unknown():
    table = set_table()
    assert table[ROW[SINGLE[Label.DRESS]]] == Layout.GARMENT
    assert table[ROW[SINGLE[Label.HAIR]]] == Layout.HAIR
    assert table[ROW[SKIN]] == Layout.SKIN
    assert table[ROW[BELT]] == UNKNOWN
    assert table[ROW[SINGLE[Label.OTHER]]] == UNKNOWN


@pytest.fixture(scope="module")
def street():
    """Photo, layout and painter's sample of a drawn figure that stands in for a street photo."""
    photo = next(iter(samples(1, seed=4))).photo
    picture = torch.from_numpy(photo.image).permute(2, 0, 1)[None].float() / 127.5 - 1
    layout = label_table()[torch.from_numpy(photo.label)[None].long()]
    coarse = F.avg_pool2d(shares_of(photo.label), 4)
    points = torch.from_numpy(photo.key_points)[None].float()
    made = StreetPaint([], None, 1, 256, 192, False, 0.02, 0).painted(
        picture.clone(), layout, points, coarse, torch.Generator().manual_seed(3)
    )
    return picture, layout, made


def test_cut_out_garment_contains_no_surrounding_pixels(street):
    picture, layout, made = street
    garment = picture[:, :, layout[0] == Layout.GARMENT].mean(dim=2)
    worn = made.warped_mask > 0.9
    assert 0.02 < float(worn.float().mean()) < 0.6
    apart = (made.warped - garment[..., None, None]).abs().mean(dim=1, keepdim=True)
    white = (made.warped > 0.99).all(dim=1, keepdim=True)
    # nearly all pixels have colours of the garment, or are blank
    assert float(((apart < 0.6) | white).float().mean()) > 0.97


def test_cut_out_garment_is_slightly_displaced(street):
    _, _, made = street
    both = (made.warped_mask > 0.5) & (made.worn > 0.5)
    either = (made.warped_mask > 0.5) | (made.worn > 0.5)
    assert 0.6 < float(both.sum() / either.sum()) < 0.999


def test_edit_region_is_erased_from_the_painters_input(street):
    _, _, made = street
    assert not made.maps[:, :3][(made.region > 0).expand(-1, 3, -1, -1)].any()
    assert made.change[made.region > 0].min() == 1


def test_crops_are_cut_at_the_given_positions(street):
    _, _, made = street
    both = PaintBatch(*(torch.cat([part, part]) for part in made))
    crop = cropped(both, 128, 64, torch.tensor([[0.0, 0.0], [1.0, 1.0]]))
    assert crop.photo.shape == (2, 3, 128, 64)
    assert torch.equal(crop.photo[0], made.photo[0, :, :128, :64])
    assert torch.equal(crop.layout[1], made.layout[0, -128:, -64:])


def test_masks_grow_and_shrink():
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., 4:12, 4:12] = 1
    assert resized(mask, 2).sum() == 12 * 12
    assert resized(mask, -2).sum() == 4 * 4
    assert torch.equal(resized(mask, 0), mask)


def test_flow_noise_is_smooth():
    noise = smooth_noise(4, 0.08, 64, 48, torch.Generator().manual_seed(0))
    assert noise.shape == (4, 2, 64, 48)
    assert 0.02 < float(noise.abs().max()) < 0.4
    assert float((noise[..., 1:] - noise[..., :-1]).abs().max()) < 0.05


def test_skin_colour_changes_for_only_some_samples():
    colours = skin_colours(64, torch.Generator().manual_seed(0))
    same = (colours[:, :, :3] == torch.eye(3)).all(dim=2).all(dim=1) & (colours[:, :, 3:] == 0).all(dim=2).all(dim=1)
    assert 0.4 < float(same.float().mean()) < 0.8


def test_necks_labelled_as_background_become_skin():
    label = torch.zeros(1, 8, 8, dtype=torch.uint8)
    label[:, 6:] = Label.UPPER_CLOTHES
    shares = torch.zeros(1, len(Group), 8, 8)
    shares[:, Group.NECK, 4:] = 0.9
    layout, neck = with_necks(label_table()[label.long()], label, shares)
    assert (layout[0, 4:6] == Layout.SKIN).all()
    assert (layout[0, 6:] == Layout.GARMENT).all()
    assert (layout[0, :4] == Layout.BACKGROUND).all()
    assert neck.sum() == 16


def test_half_of_the_lower_clothes_keep_their_colours():
    colours = lower_colours(200, torch.Generator().manual_seed(0))
    same = (colours == torch.eye(3, colours.shape[2])).flatten(1).all(dim=1)
    assert 0.4 < float(same.float().mean()) < 0.6
