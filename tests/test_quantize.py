"""Tests of INT8 quantization, post-training and quantization-aware: convolutions are quantized, sampling is not."""

from collections import Counter

import pytest
import torch
from click.testing import CliRunner

from conftest import SMALL_LITE, random_statistics
from fitroom import TryOn
from fitroom.cli import main
from fitroom.compress.accuracy import controlled
from fitroom.compress.measure import costs
from fitroom.compress.qat import simulated
from fitroom.compress.quantize import quantized
from fitroom.errors import InputError
from fitroom.export.cases import drawn_cases
from fitroom.export.graphs import traced_graphs
from fitroom.export.openvino import converted
from fitroom.export.parity import difference
from fitroom.nets.lite import Lite
from fitroom.nets.pfafn import Pfafn, PfafnConfig
from fitroom.nets.registry import load_network
from fitroom.reproduce.quantization import PARTS, eight_bit_values
from fitroom.runtime.interface import LOOK
from fitroom.runtime.openvino import OpenVinoRunner, compile_graphs
from fitroom.runtime.torch import TorchRunner
from fitroom.store import open_weights
from test_networks import SMALL_PFAFN

BUILD = {"lite": lambda: Lite(SMALL_LITE), "pfafn": lambda: Pfafn(PfafnConfig("official", **SMALL_PFAFN))}


@pytest.fixture(scope="module", autouse=True)
def without_compiling():
    """Use the slower reference functions of NNCF, because its C++ and compiled functions take a minute to compile."""
    from nncf.torch.quantization import extensions

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch._dynamo.config, "disable", True)
        patch.setattr(extensions.QuantizedFunctionsCPULoader, "load", lambda *_: extensions.ReferenceQuantizedFunctions)
        yield


@pytest.fixture(scope="module", params=BUILD)
def network(request):
    built = BUILD[request.param]()
    random_statistics(built)
    return built.eval()


def graphs(network):
    return converted({name: traced for name, traced in traced_graphs(network, 64, 64).items() if name != LOOK})


def rounded(model):
    """Count the operations that the quantizers of a model feed, by type."""
    feeds = Counter()
    for op in model.get_ops():
        if op.get_type_name() == "FakeQuantize":
            feeds.update(target.get_node().get_type_name() for target in op.output(0).get_target_inputs())
    return feeds


def test_convolutions_are_quantized_and_sampling_is_not(network):
    models = quantized(graphs(network), drawn_cases(2, 64, 64))
    for model in models.values():
        feeds = rounded(model)
        assert feeds["Convolution"] > 10
        assert not feeds["GridSample"]
        assert not feeds["Softmax"]
        assert not feeds["Clamp"]


@pytest.mark.slow
def test_accuracy_control_returns_costly_layers_to_float32():
    network = Lite(SMALL_LITE)
    random_statistics(network)
    cases, models = drawn_cases(4, 64, 64), graphs(network.eval())

    def apart(found):
        return difference(network, OpenVinoRunner(compile_graphs(found)), cases).mean

    def count(found):
        return sum(rounded(model)["Convolution"] for model in found.values())

    plain = quantized(models, cases)
    allowed = 0.6 * apart(plain)
    given_back = controlled(models, cases, cases, (), allowed)
    assert 0 < apart(given_back) <= allowed * 1.05
    assert 0 < count(given_back) < count(plain)


def test_exported_int8_graphs_match_the_simulation(network):
    cases = drawn_cases(2, 64, 64)
    trainable = simulated(network, cases, ("warp", "generator"))
    with torch.no_grad():
        for name, parameter in trainable.named_parameters():
            if name.endswith("0.weight"):
                parameter.mul_(1.01)
    runner = OpenVinoRunner(compile_graphs(graphs(trainable.eval())))
    apart = difference(trainable, runner, cases)
    assert apart.mean < 1
    assert difference(network, TorchRunner(trainable), cases).mean > apart.mean


def test_gradients_reach_quantized_layers():
    network = Lite(SMALL_LITE)
    random_statistics(network)
    trainable = simulated(network.eval(), drawn_cases(2, 64, 64), ("generator",)).train()
    person, garment = (torch.rand(1, 3, 64, 64) * 2 - 1 for _ in range(2))
    trainable(person, garment, torch.ones(1, 1, 64, 64)).look.square().mean().backward()
    named = dict(trainable.stages["generator"].named_parameters())
    assert named["network.generator.enter.0.weight"].grad.abs().sum() > 0
    assert sum("hooks" in name for name in named) > 10


def quantize(*arguments):
    return CliRunner().invoke(main, ["quantize", *map(str, arguments)])


@pytest.fixture(scope="module")
def listed(figures, tmp_path_factory):
    """The figures, with an unpaired list named as in VITON."""
    import shutil

    root = shutil.copytree(figures, tmp_path_factory.mktemp("data") / "figures")
    (root / "val_pairs_unpaired.txt").write_text((root / "unpaired_pairs.txt").read_text())
    return root


@pytest.mark.slow
@pytest.mark.parametrize("modules", ["warp", "generator"])
def test_only_the_given_module_is_quantized(small_weights, listed, sample, tmp_path, modules):
    result = quantize("--weights", small_weights.folder, "--modules", modules, "--data", listed, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    weights = open_weights(tmp_path / "out")
    assert weights.manifest.precision == "int8"
    assert weights.manifest.history == (f"{modules} quantized (ptq), from small 0",)
    person = (tmp_path / "out/person.xml").read_text()
    assert ('type="FakeQuantize"' in person) == (modules == "warp")
    inside = sum(costs(load_network(weights), 64, 64)[part].parameters for part in PARTS[modules])
    # zero points and similar constants add to the weights
    assert 0.5 * inside < eight_bit_values(weights) / 1e6 <= 1.05 * inside
    look = TryOn.load(tmp_path / "out")(sample.photo.image, sample.other_garment)
    assert look.image.shape == (256, 192, 3)
    again = quantize("--weights", tmp_path / "out", "--data", listed, "-o", tmp_path / "twice")
    assert again.exit_code == 2
    assert "are INT8 already" in again.output


@pytest.mark.slow
def test_quantization_aware_training_reaches_the_given_steps(small_weights, listed, tmp_path):
    work = tmp_path / "work"
    fakes = ["train", "render-fakes", "--data", str(listed), "--work", str(work), "--each", "1", "--cut"]
    assert CliRunner().invoke(main, fakes).exit_code == 0
    arguments = ["--weights", small_weights.folder, "--method", "qat", "--data", listed, "--work", work]
    arguments += ["--set", "height=64", "--set", "width=64", "--set", "fakes=[cut-fakes]", "--set", "loop.batch=2"]
    for steps in (2, 3):
        result = quantize(*arguments, "--set", f"loop.steps={steps}", "-o", tmp_path / "out")
        assert result.exit_code == 0, result.output
        assert "warp, generator quantized (qat)" in result.output
    assert torch.load(work / "finetune/checkpoint.pt", weights_only=True)["step"] == 3


def test_invalid_requests_are_refused_without_writing_files(small_weights, figures, tmp_path):
    common = ["--weights", small_weights.folder, "--data", figures, "-o", tmp_path / "out"]
    assert "there are: warp, generator" in quantize(*common, "--modules", "head").output
    assert "modules are missing" in quantize(*common, "--modules", ",").output
    assert "qat needs --work" in quantize(*common, "--method", "qat").output
    assert "need a number above 0" in quantize(*common, "--most-apart", 0).output
    assert "and ptq" in quantize(*common, "--most-apart", 1, "--method", "qat", "--work", tmp_path).output
    with pytest.raises(InputError, match="needs pairs to calibrate on"):
        quantized({}, [])
    with pytest.raises(InputError, match="and to compare"):
        controlled({}, drawn_cases(1, 64, 64), [], (), 1.0)
    assert list(tmp_path.iterdir()) == []
