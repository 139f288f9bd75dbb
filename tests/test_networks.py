"""Tests that every network must pass."""

import numpy as np
import pytest
import torch

from conftest import SMALL_GUIDED, SMALL_LITE, random_statistics
from fitroom.export.cases import drawn_cases
from fitroom.export.graphs import traced_graphs
from fitroom.export.openvino import converted
from fitroom.export.parity import BOUNDS, check, look
from fitroom.nets.guided import Guided
from fitroom.nets.lite import Lite
from fitroom.nets.pfafn import Pfafn, PfafnConfig
from fitroom.runtime.interface import GRAPHS, LOOK, batched
from fitroom.runtime.openvino import OpenVinoRunner, compile_graphs

SMALL_PFAFN = {"encoder": (8, 8, 16, 16, 16), "pyramid": 16, "heads": (16, 8, 8), "generator": 8}
NETWORKS = {
    "guided": lambda: Guided(SMALL_GUIDED),
    "lite": lambda: Lite(SMALL_LITE),
    "pfafn-official": lambda: Pfafn(PfafnConfig("official", **SMALL_PFAFN)),
    "pfafn-lzhms": lambda: Pfafn(PfafnConfig("lzhms", **SMALL_PFAFN)),
}


@pytest.fixture(params=NETWORKS)
def network(request):
    torch.manual_seed(0)
    built = NETWORKS[request.param]()
    random_statistics(built)
    return built.eval()


def inputs(batch: int, height: int, width: int, seed: int = 0) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(seed)
    person, garment = (torch.rand(batch, 3, height, width, generator=generator) * 2 - 1 for _ in range(2))
    mask = torch.zeros(batch, 1, height, width)
    mask[:, :, height // 8 : -height // 8, width // 8 : -width // 8] = 1
    return person, garment, mask


@pytest.mark.parametrize(("height", "width"), [(64, 64), (64, 128), (192, 128), (256, 192)])
def test_outputs_have_the_expected_shapes_and_ranges(network, height, width):
    with torch.no_grad():
        dressed = network(*inputs(2, height, width))
    channels = {"look": 3, "flow": 2, "warped": 3, "warped_mask": 1, "rendered": 3, "composition": 1, "change": 1}
    for name, tensor in dressed._asdict().items():
        assert tensor.shape == (2, channels[name], height, width), name
        assert torch.isfinite(tensor).all(), name
    for mask in (dressed.warped_mask, dressed.composition, dressed.change):
        assert mask.min() >= 0
        assert mask.max() <= 1 + 1e-6
    assert dressed.look.abs().max() <= 1 + 1e-5
    if not isinstance(network, Guided):  # Guided's painter may redraw the garment's outline
        assert (dressed.composition <= dressed.warped_mask + 1e-6).all()


def test_gradients_reach_every_parameter(network):
    network.train()
    dressed = network(*inputs(2, 256, 192))
    sum(tensor.square().mean() for tensor in dressed).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 0, name


def test_samples_of_a_batch_do_not_affect_each_other(network):
    both = inputs(2, 64, 64)
    with torch.no_grad():
        together = network(*both)
        for index in range(2):
            alone = network(*(x[index : index + 1] for x in both))
            for found, expected in zip(alone, together, strict=True):
                torch.testing.assert_close(found[0], expected[index], rtol=1e-3, atol=1e-3)


def test_person_features_can_be_reused_for_another_garment(network):
    person, garment, mask = inputs(1, 64, 64)
    with torch.no_grad():
        features = network.person_features(person)
        other = network.garment_features(*inputs(1, 64, 64, seed=5)[1:])
        network.dress(person, garment, mask, features, other)
        again = network.dress(person, garment, mask, features, network.garment_features(garment, mask))
        for found, expected in zip(again, network(person, garment, mask), strict=True):
            torch.testing.assert_close(found, expected)


def test_exported_graphs_match_pytorch(network):
    models = converted(traced_graphs(network, 64, 64))
    runner = OpenVinoRunner(compile_graphs({name: models[name] for name in GRAPHS}))
    cases = drawn_cases(2, 64, 64)
    assert check(network, runner, cases, BOUNDS["fp32"]).mean < 0.05
    whole = compile_graphs({LOOK: models[LOOK]})[LOOK]
    for case in cases:
        apart = whole([batched(picture) for picture in case])[0][0].astype(int) - look(runner, case)
        assert np.abs(apart).max() <= 1


def test_lite_stays_within_its_size_and_compute_budget():
    from torch.utils.flop_counter import FlopCounterMode

    network = Lite().eval()
    assert sum(parameter.numel() for parameter in network.parameters()) < 8e6
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(*inputs(1, 256, 192))
    assert counter.get_total_flops() / 2 < 3e9
