"""Tests of pruning, which makes ordinary networks with fewer channels."""

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from conftest import NOBODY, random_statistics
from fitroom import TryOn
from fitroom.cli import main
from fitroom.compress.prune import pruned
from fitroom.errors import InputError
from fitroom.export.weights import ExportConfig, export_network
from fitroom.nets.body_warp import WarpConfig
from fitroom.nets.guided import Guided, GuidedConfig
from fitroom.nets.lite import Lite, LiteConfig
from fitroom.nets.narrow import narrow, widths
from fitroom.nets.painter import PaintConfig
from fitroom.nets.pfafn import Pfafn, PfafnConfig
from fitroom.nets.registry import build_network, load_network
from fitroom.store import open_weights
from test_networks import inputs

MODULES = ("warp.person", "warp.garment", "warp.flow", "generator")
BUILD = {
    "guided": lambda: Guided(
        GuidedConfig(warp=WarpConfig(8, (16,) * 4, 8, (1, 1, 1, 2), (16,) * 5), paint=PaintConfig((16,) * 4))
    ),
    "lite": lambda: Lite(LiteConfig(8, (16, 16, 16, 16), 8, (1, 1, 1, 2), (16,) * 5, (16, 16, 16, 16))),
    "pfafn": lambda: Pfafn(PfafnConfig("official", (16, 16, 16, 16, 16), 16, (16, 16, 16), 16)),
}


@pytest.fixture(params=BUILD)
def network(request):
    built = BUILD[request.param]()
    random_statistics(built)
    return built.eval()


@pytest.fixture(scope="module")
def prunable_weights(tmp_path_factory):
    """Exported weights of a `lite` that is wide enough to lose channels."""
    built = BUILD["lite"]()
    random_statistics(built)
    folder = tmp_path_factory.mktemp("weights") / "prunable"
    return export_network(built, folder, NOBODY, ExportConfig(half_tensors=True)).weights


def look(network, seed=0):
    with torch.no_grad():
        return network(*inputs(1, 64, 64, seed)).look


@pytest.mark.parametrize("module", MODULES)
def test_pruning_narrows_only_the_given_module(network, module):
    before = widths(network)
    small = pruned(network, [module], 0.5)
    after = widths(small)
    parameters = [sum(p.numel() for p in n.parameters()) for n in (small, network)]
    assert parameters[0] < parameters[1]
    assert widths(network) == before
    changed = {name for name in before if before[name] != after[name]}
    assert changed == set(small.config.widths)
    inside = {id(layer) for part in network.parts()[module] for layer in part.module.modules()}
    for name in changed:
        assert id(network.get_submodule(name)) in inside, name
    assert look(small).shape == (1, 3, 64, 64)


def test_ratio_zero_leaves_the_network_unchanged(network):
    same = pruned(network, MODULES, 0.0)
    assert same.config == network.config
    assert torch.equal(look(same), look(network))


def test_pruned_network_can_be_rebuilt_from_its_configuration(network):
    small = pruned(network, MODULES, 0.5)
    again = build_network(small.name, {**vars(small.config)})
    again.load_state_dict(small.state_dict())
    assert torch.equal(look(again.eval()), look(small))
    smaller = pruned(again, ["generator"], 0.0)
    assert smaller.config == small.config


def test_pruning_removes_the_least_important_channels():
    network = Lite(LiteConfig(8, (16, 16, 16, 16), 8, (1, 1, 1, 2), (16,) * 5, (16, 16, 16, 16))).eval()
    random_statistics(network)
    layer = network.warp.heads[0].body[0][0]
    with torch.no_grad():
        layer.weight[::2] *= 1e-3
    kept = pruned(network, ["warp.flow"], 0.5).warp.heads[0].body[0][0].weight
    assert torch.equal(kept, layer.weight[1::2])


def test_taylor_importance_prunes_a_network_with_gradients(network):
    for parameter in network.parameters():
        parameter.grad = torch.ones_like(parameter)
    assert len(pruned(network, ["generator"], 0.5, "taylor").config.widths) > 0


def test_unknown_modules_and_ratios_out_of_range_raise_errors(network):
    with pytest.raises(InputError, match=r"module 'warp' is unknown; there are: warp\.person"):
        pruned(network, ["warp"], 0.3)
    for ratio in (-0.1, 0.95):
        with pytest.raises(InputError, match=r"need 0 to 0\.9"):
            pruned(network, ["generator"], ratio)
    with pytest.raises(KeyError, match="nothing"):
        narrow(network, {"nothing": (1, 2)})


def prune(*arguments):
    return CliRunner().invoke(main, ["prune", *map(str, arguments)])


def test_looks_of_pruned_weights_agree_on_both_backends(prunable_weights, sample, tmp_path):
    """Prune all modules one after the other, then compare looks of OpenVINO and PyTorch."""
    folder = prunable_weights.folder
    for module in MODULES:
        result = prune("--weights", folder, "--module", module, "--ratio", 0.5, "-o", tmp_path / "small")
        assert result.exit_code == 0, result.output
        folder = tmp_path / "small"
    weights = open_weights(folder)
    assert [line.split(" by ")[0] for line in weights.manifest.history] == [f"pruned {module}" for module in MODULES]
    looks = [TryOn.load(folder, backend)(sample.photo.image, sample.other_garment) for backend in ("openvino", "torch")]
    assert np.abs(looks[0].image.astype(int) - looks[1].image).max() <= 2


@pytest.mark.slow
def test_fine_tuning_of_pruned_weights_can_be_continued(prunable_weights, figures, tmp_path):
    work = tmp_path / "work"
    places = ["--data", figures, "--work", work]
    assert CliRunner().invoke(main, ["train", "render-fakes", *map(str, places), "--each", "1", "--cut"]).exit_code == 0
    arguments = ["--weights", prunable_weights.folder, "--module", "generator", "--ratio", 0.5, *places]
    arguments += ["--set", "height=64", "--set", "width=64", "--set", "fakes=[cut-fakes]", "--set", "loop.batch=2"]
    arguments += ["--set", "loop.checkpoint_minutes=0", "--importance", "taylor"]
    result = prune(*arguments, "--finetune-epochs", 1, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "fine-tuned for 6 steps" in result.output
    tuned = load_network(open_weights(tmp_path / "out"))
    assert widths(tuned) == widths(load_network(open_weights(work / "pruned")))
    result = prune(*arguments, "--finetune-epochs", 2, "-o", tmp_path / "out")
    assert "fine-tuned for 12 steps" in result.output
    assert open_weights(tmp_path / "out").manifest.history[0].startswith("pruned generator by 0.5 (taylor)")
    result = prune(*arguments, "--ratio", 0.3, "--finetune-epochs", 3, "-o", tmp_path / "other")
    assert result.exit_code == 2
    assert "found the fine-tuning of other weights" in result.output


def test_invalid_requests_are_refused_without_writing_files(prunable_weights, tmp_path):
    weights = ["--weights", prunable_weights.folder, "--module", "generator", "-o", tmp_path / "out"]
    for arguments, words in (
        (["--ratio", 1.5], "need 0 to 0.9"),
        (["--ratio", 0.5, "--max-minutes", 1], "fine-tuning needs --data"),
        (["--ratio", 0.5, "--importance", "taylor"], "importance taylor needs --data"),
    ):
        result = prune(*weights, *arguments)
        assert result.exit_code == 2
        assert words in result.output
    assert list(tmp_path.iterdir()) == []
