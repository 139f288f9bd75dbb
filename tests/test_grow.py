"""A grown network gives what the small one gives, and learns with all that is new."""

from dataclasses import replace

import pytest
import torch

from fitroom.nets.grow import grown
from fitroom.nets.lite import Lite, LiteConfig

SMALL = LiteConfig(
    stem=8, encoder=(8, 8, 16, 16), pyramid=8, passes=(1, 1, 1, 2), heads=(16, 8, 8, 8, 16), generator=(8, 8, 16, 16)
)
LARGE = LiteConfig(
    stem=16,
    encoder=(8, 16, 24, 32),
    pyramid=8,
    passes=(1, 2, 1, 3),
    heads=(16, 24, 8, 16, 8, 8, 24),
    generator=(16, 16, 24, 40),
    person=5,
)


def shaken(config: LiteConfig) -> Lite:
    """A network whose flow is not the identity."""
    torch.manual_seed(1)
    network = Lite(config)
    for head in network.warp.heads:
        torch.nn.init.normal_(head.out.weight, std=0.02)
    return network.eval()


def outputs(network: Lite) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(2)
    person, garment = (torch.rand(2, 3, 64, 64, generator=generator) * 2 - 1 for _ in range(2))
    mask = (torch.rand(2, 1, 64, 64, generator=generator) > 0.3).float()
    more = torch.zeros(2, network.config.person - 3, 64, 64)
    return network(torch.cat([person, more], dim=1), garment, mask)


def test_a_grown_network_gives_the_same():
    small = shaken(SMALL)
    large = grown(small, LARGE)
    assert not large.training
    assert sum(p.numel() for p in large.parameters()) > 2 * sum(p.numel() for p in small.parameters())
    with torch.no_grad():
        for old, new in zip(outputs(small), outputs(large), strict=True):
            assert torch.allclose(old, new, atol=1e-5)


def test_what_is_new_learns():
    """The first step reaches what nothing reads yet; the second changes all of it."""
    large = grown(shaken(SMALL), LARGE)
    before = {name: p.detach().clone() for name, p in large.named_parameters()}
    optimiser = torch.optim.Adam(large.parameters(), 1e-2)
    for _ in range(3):
        look, flow, *_ = outputs(large)
        optimiser.zero_grad()
        (look.square().mean() + flow.square().mean()).backward()
        optimiser.step()
    still = [name for name, p in large.named_parameters() if torch.equal(p, before[name])]
    assert still == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pyramid": 16}, "pyramid: 8 channels can't become 16"),
        ({"encoder": (8, 8, 8, 16)}, "encoder: .* is smaller than"),
        ({"passes": (1, 1, 1, 1), "heads": (16, 8, 8, 8)}, "passes: 1 in place of 2 at level 3"),
        ({"widths": {"warp.glance.0.0": (16, 32)}}, "widths: pruned networks can't be grown"),
    ],
)
def test_what_cannot_be_grown_says_why(change, message):
    with pytest.raises(ValueError, match=message):
        grown(shaken(SMALL), replace(SMALL, **change))
