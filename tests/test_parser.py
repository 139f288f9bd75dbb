"""Tests of the parser network: its size, its outputs, and key points decoded from maps."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from fitroom.body import PREDICTED, Label
from fitroom.nets.parser import POINTS, STRIDE, Parser, ParserConfig, key_points, last_blocks, likeliest
from fitroom.train.tasks.parser_learner import point_maps


def test_parser_stays_within_its_size_and_compute_budget():
    """The budget is 0.45 G multiply-adds and 1.2 M parameters."""
    network = Parser().eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        parsed = network(torch.zeros(1, 3, 256, 192))
    assert counter.get_total_flops() / 2 < 0.45e9
    assert sum(parameter.numel() for parameter in network.parameters()) < 1.2e6
    assert parsed.labels.shape == (1, len(PREDICTED), 256, 192)
    assert parsed.points.shape == (1, POINTS, 256 // STRIDE, 192 // STRIDE)


def test_every_parameter_gets_a_gradient():
    network = Parser()
    parsed = network(torch.rand(2, 3, 64, 64) * 2 - 1)
    (parsed.labels.square().mean() + parsed.points.square().mean()).backward()
    silent = [name for name, parameter in network.named_parameters() if not parameter.grad.abs().any()]
    assert silent == []


def test_likeliest_returns_label_values():
    maps = torch.zeros(1, len(PREDICTED), 2, 2)
    maps[0, PREDICTED.index(Label.DRESS), 0, 0] = 1
    maps[0, PREDICTED.index(Label.NECK), 1, 1] = 1
    assert likeliest(maps).tolist() == [[[Label.DRESS, 0], [0, Label.NECK]]]


def test_last_blocks_returns_the_last_block_of_every_stride():
    assert last_blocks(ParserConfig().blocks) == {2: 0, 4: 2, 8: 4, 16: 9, 32: 11}


def test_untrained_parser_finds_no_joint():
    with torch.no_grad():
        assert Parser().eval()(torch.zeros(1, 3, 64, 64)).points.sigmoid().max() < 0.5


@pytest.mark.parametrize("size", [(256, 192), (64, 96)])
def test_key_points_are_recovered_from_their_maps(size):
    height, width = size
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(5, POINTS, 3, generator=generator) * torch.tensor([width - 1.0, height - 1.0, 0.0])
    points[..., 2] = 1
    points[2, 3, 2] = 0
    maps = point_maps(points, height, width).clamp(1e-6, 1 - 1e-6).logit()
    found = key_points(maps)
    shown = points[..., 2] > 0
    assert (found[..., :2] - points[..., :2])[shown].abs().max() < STRIDE
    assert (found[..., :2] - points[..., :2])[shown].abs().mean() < 1
    assert found[..., 2][shown].min() > 0.7
    assert found[2, 3, 2] < 0.01
