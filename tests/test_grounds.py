"""Tests of random grounds."""

from dataclasses import replace

import pytest
import torch

from fitroom.data.grounds import GroundConfig, compose_grounds, draw_grounds
from fitroom.train.batches import generator_of

PLAIN = GroundConfig(colourful=0.0, fabric=0.0, joints=0.0, objects=0.0)
COUNT = 12


@pytest.fixture
def shots() -> torch.Tensor:
    """Garments of one colour each, which no ground has by chance."""
    colours = torch.linspace(-1, 1, COUNT).view(-1, 1, 1, 1) * torch.tensor([1.0, -1.0, 1.0]).view(1, 3, 1, 1)
    return colours.expand(COUNT, 3, 64, 48)


def made(config: GroundConfig, shots: torch.Tensor, seed: int = 0) -> torch.Tensor:
    return compose_grounds(draw_grounds(config, COUNT, generator_of(seed)), *shots.shape[-2:], shots)


def colour_apart(pictures: torch.Tensor) -> torch.Tensor:
    """Return the difference between the largest and the smallest channel of each picture's mean."""
    means = pictures.mean(dim=(2, 3))
    return means.amax(dim=1) - means.amin(dim=1)


def test_grounds_are_in_range_and_differ(shots):
    found = made(GroundConfig(), shots)
    assert found.shape == shots.shape
    assert found.abs().max() <= 1
    assert (found[0] - found[1]).abs().mean() > 0.05


def test_colourful_grounds_are_more_vivid_than_plain_ones(shots):
    grey = torch.cat([colour_apart(made(PLAIN, shots, seed)) for seed in range(4)])
    vivid = torch.cat([colour_apart(made(replace(PLAIN, colourful=1.0), shots, seed)) for seed in range(4)])
    assert grey.max() < 0.6
    assert vivid.max() > 0.9


def test_fabric_grounds_show_a_garment(shots):
    found = made(replace(PLAIN, fabric=1.0), shots)
    near = (found.unsqueeze(1) - shots.unsqueeze(0)).abs().amax(dim=(2, 3, 4)).amin(dim=1)
    assert near.max() < 1e-5


def test_without_product_shots_a_ground_has_no_fabric(shots):
    drawn = draw_grounds(replace(PLAIN, fabric=1.0), COUNT, generator_of(0))
    bare = replace(drawn, fabric=torch.full_like(drawn.fabric, -1))
    assert torch.equal(compose_grounds(drawn, 64, 48), compose_grounds(bare, 64, 48, shots))


def test_objects_and_joints_cover_part_of_the_ground(shots):
    plain = made(PLAIN, shots)
    for setting, least in (("joints", 0.03), ("objects", 0.05)):
        other = made(replace(PLAIN, **{setting: 1.0}), shots)
        changed = ((other - plain).abs().amax(dim=1) > 0.05).float().mean()
        assert least < changed < 0.7, setting


def test_part_of_a_batch_equals_the_same_rows_of_the_whole(shots):
    drawn = draw_grounds(GroundConfig(), COUNT, generator_of(3))
    part = slice(4, 9)
    some = compose_grounds(drawn.rows(part, torch.device("cpu")), *shots.shape[-2:], shots)
    assert torch.allclose(compose_grounds(drawn, *shots.shape[-2:], shots)[part], some, atol=1e-5)
