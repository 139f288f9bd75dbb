"""Tests of the guided network: its size, its layers, and that it never sees the old garment."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from conftest import SMALL_GUIDED, random_statistics
from fitroom.body import PREDICTED, Label
from fitroom.data.synthetic import samples
from fitroom.nets.guidance import BODY_CHANNELS, PAINT_CHANNELS
from fitroom.nets.guided import Guided
from fitroom.nets.painter import Layout, Painter, carried_on, kept_own, own_classes, softened
from fitroom.nets.parser import STRIDE, Parsed
from test_guidance import shares_of


class Labelled(nn.Module):
    """A parser that returns the same labels (H, W) and key points (18, 3) for every photo."""

    def __init__(self, label, points):
        super().__init__()
        self.register_buffer("calibration", torch.tensor([1.0, 0.0]))
        height, width = label.shape
        few = torch.from_numpy(label[STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE].copy())
        coarse = torch.stack([(few == value).float() for value in PREDICTED])[None] * 12
        self.maps = torch.full((1, 18, height // STRIDE, width // STRIDE), -9.0)
        for row, (x, y, found) in enumerate(points.tolist()):
            if found:
                self.maps[0, row, min(int(y) // STRIDE, height // STRIDE - 1), int(x) // STRIDE] = 9.0
        self.coarse = coarse

    def forward(self, photo):
        labels = torch.nn.functional.interpolate(self.coarse, scale_factor=float(STRIDE), mode="bilinear")
        return Parsed(labels, self.maps, self.coarse)


@pytest.fixture(scope="module")
def drawn():
    """The tensors and labels of a drawn figure, and a small network with random weights."""
    sample = next(iter(samples(1, seed=4)))
    network = Guided(SMALL_GUIDED).eval()
    random_statistics(network)
    pictures = [
        torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 127.5 - 1
        for picture in (sample.photo.image, sample.other_garment)
    ]
    mask = torch.from_numpy(sample.other_garment_mask)[None, None].float() / 255
    label, points = sample.photo.label, torch.from_numpy(sample.photo.key_points)
    return SimpleNamespace(
        network=network, photo=pictures[0], garment=pictures[1], mask=mask, label=label, points=points
    )


def dressed(drawn, photo, label):
    """Run the network on a photo (1, 3, H, W) with the given labels."""
    drawn.network.parser = Labelled(label, drawn.points)
    with torch.no_grad():
        return drawn.network(photo, drawn.garment, drawn.mask)


def test_painter_stays_within_its_size_budget():
    """At most 1.2 G multiply-adds and 1.3 M parameters, including the encoding of the person."""
    network = Painter().eval()
    maps, drawn = torch.zeros(1, PAINT_CHANNELS, 256, 192), torch.zeros(1, BODY_CHANNELS, 128, 96)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        painted = network(
            network.person_features(maps, drawn), torch.zeros(1, 3, 256, 192), torch.zeros(1, 1, 256, 192)
        )
    assert counter.get_total_flops() / 2 < 1.2e9
    assert sum(parameter.numel() for parameter in network.parameters()) < 1.3e6
    assert painted.rendered.shape == (1, 3, 256, 192)
    assert painted.layout.shape == (1, len(Layout), 256, 192)
    assert float(painted.composition.max()) < 1


def test_convolutions_avoid_channel_counts_that_webgpu_computes_wrongly():
    """WebGPU computes kernels above 1x1 wrongly if the input channels are divisible by 3 but not by 4."""
    network = Guided()
    unsuited = [
        name
        for name, layer in network.named_modules()
        if isinstance(layer, nn.Conv2d)
        and layer.kernel_size != (1, 1)
        and layer.groups == 1
        and layer.in_channels > 3
        and not layer.in_channels % 3
        and layer.in_channels % 4
    ]
    assert unsuited == []


def test_outputs_do_not_depend_on_colours_inside_the_region(drawn):
    before = dressed(drawn, drawn.photo, drawn.label)
    shown = []
    hook = drawn.network.painter.enter_photo[0].register_forward_pre_hook(lambda layer, inputs: shown.append(inputs[0]))
    drawn.network.person_features(drawn.photo)
    hook.remove()
    inside = shown[0][:, 3:4] == 1
    assert 0.2 < float(inside.float().mean()) < 0.8
    generator = torch.Generator().manual_seed(0)
    other = torch.where(inside, torch.rand(drawn.photo.shape, generator=generator), drawn.photo)
    after = dressed(drawn, other, drawn.label)
    for name in ("flow", "warped", "rendered", "composition", "change"):
        assert torch.equal(getattr(before, name), getattr(after, name)), name
    repainted = ((before.change == 1) & inside).expand_as(before.look)
    assert float(repainted.float().mean()) > 0.2
    assert torch.allclose(before.look[repainted], after.look[repainted], atol=1e-6)


def test_looks_equal_the_photo_where_the_change_is_zero(drawn):
    look = dressed(drawn, drawn.photo, drawn.label)
    stays = (look.change == 0).expand_as(look.look)
    assert 0.2 < float(stays.float().mean()) < 0.9
    assert torch.equal(look.look[stays], drawn.photo[stays])


def test_person_features_contain_labels_and_key_points(drawn):
    drawn.network.parser = Labelled(drawn.label, drawn.points)
    with torch.no_grad():
        features = drawn.network.person_features(drawn.photo)
    assert len(features) == drawn.network.person_maps
    label, points = features[:2]
    assert (label[0].numpy() == drawn.label)[drawn.label != Label.NOISE].mean() > 0.9
    found = drawn.points[:, 2] > 0
    apart = (points[0, found, :2] - drawn.points[found, :2]).abs()
    assert float(apart.median()) < STRIDE


def test_softened_regions_fade_out_outside_their_outline():
    region = torch.zeros(1, 1, 32, 32)
    region[..., 8:24, 8:24] = 1
    soft = softened(region)
    assert soft[region > 0].min() == 1
    assert 0 < float(soft[0, 0, 16, 7]) < 1
    assert not soft[..., :5, :].any()


def sure_layout(*columns):
    """A layout (1, len(Layout), 32, 32) that is sure of a class for each range of columns."""
    layout = torch.zeros(1, len(Layout), 32, 32)
    for (first, end), kind in columns:
        layout[:, kind, :, first:end] = 9
    return layout


def test_own_pixels_are_kept_where_no_garment_lies_and_clear_of_the_old_one():
    label = np.full((32, 32), int(Label.BACKGROUND), np.uint8)
    label[:, 12:20], label[:, 20:] = Label.LEFT_ARM, Label.LOWER_CLOTHES
    old = torch.zeros(1, 1, 32, 32)
    old[..., :8, :] = 1
    own = own_classes(shares_of(label), old)
    assert not own[..., :9, :].any()
    # skin stays whatever the layout says but a garment; background and lower clothes are one
    kept = kept_own(sure_layout(((0, 16), Layout.LOWER_CLOTHES), ((16, 32), Layout.BACKGROUND)), own)
    assert float(kept[..., 12:, :].min()) == 1
    assert not kept[..., :8, :].any()
    assert not kept_own(sure_layout(((0, 32), Layout.GARMENT)), own).any()


def test_background_is_painted_where_the_layout_has_skin_more_than_two_pixels_away():
    """The parser may have taken an old sleeve for background."""
    own = own_classes(shares_of(np.zeros((32, 32), np.uint8)), torch.zeros(1, 1, 32, 32))
    kept = kept_own(sure_layout(((0, 16), Layout.BACKGROUND), ((16, 32), Layout.SKIN)), own)
    assert float(kept[0, 0, 5, 16]) == 1
    assert not kept[..., 19:].any()


def test_garment_colours_are_extended_beyond_the_outline():
    garment, mask = torch.ones(1, 3, 32, 32), torch.zeros(1, 1, 32, 32)
    mask[..., 12:20, 12:20] = 1
    garment[..., 12:20, 12:20] = -0.5
    garment[..., 12, 12:20] = 0.3  # mixed with the background
    made = carried_on(garment, mask)
    assert torch.allclose(made[..., 8:24, 8:24], torch.tensor(-0.5))
    assert torch.equal(made[..., :4, :4], garment[..., :4, :4])
