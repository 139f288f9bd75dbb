"""The painter of the guided network: its size, its layout, and how looks are composed."""

import torch
from torch.utils.flop_counter import FlopCounterMode

from fitroom.body import Label
from fitroom.nets.guidance import PAINT_CHANNELS
from fitroom.nets.guided import Layout, Painted, Painter
from fitroom.train.tasks.guided import UNKNOWN, composed, layout_of, softened


def test_size():
    """At most 1.2 G multiply-adds and 1.3 M parameters."""
    network = Painter().eval()
    inputs = (torch.zeros(1, channels, 256, 192) for channels in (PAINT_CHANNELS, 3, 1))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        painted = network(*inputs)
    assert counter.get_total_flops() / 2 < 1.2e9
    assert sum(parameter.numel() for parameter in network.parameters()) < 1.3e6
    assert painted.rendered.shape == (1, 3, 256, 192)
    assert painted.layout.shape == (1, len(Layout), 256, 192)
    assert float(painted.composition.max()) < 1


def test_every_label_has_a_layout_or_says_nothing():
    label = torch.tensor([[[Label.NECK, Label.LEFT_SHOE, Label.UPPER_CLOTHES, Label.NOISE]]], dtype=torch.uint8)
    expected = [Layout.SKIN, Layout.LOWER_CLOTHES, Layout.GARMENT, UNKNOWN]
    assert layout_of(label)[0, 0].tolist() == expected


def test_outside_the_region_the_photo_stays():
    photo, warped = torch.rand(1, 3, 32, 32), torch.zeros(1, 3, 32, 32)
    region = torch.zeros(1, 1, 32, 32)
    region[..., 8:24, 8:24] = 1
    painted = Painted(torch.ones(1, 3, 32, 32), torch.full((1, 1, 32, 32), 0.5), torch.zeros(1, 5, 32, 32))
    look = composed(photo, region, painted, warped)
    assert torch.equal(look[..., region[0, 0] == 0], photo[..., region[0, 0] == 0])
    assert torch.allclose(look[..., 12:20, 12:20], torch.full((1, 3, 8, 8), 0.5))
    assert float(softened(region)[..., 8, 8]) < 1
