"""Tests of export: every format and precision agrees with PyTorch, or nothing is written."""

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from conftest import NOBODY, SMALL_LITE, random_statistics
from fitroom import TryOn
from fitroom.cli import main
from fitroom.errors import ExportError, WeightsError
from fitroom.export.cases import Case, drawn_cases, read_cases
from fitroom.export.parity import BOUNDS, Bound, check, difference
from fitroom.export.weights import ExportConfig, export_network, fits_half, open_graphs
from fitroom.nets.lite import Lite
from fitroom.nets.registry import load_network
from fitroom.runtime.torch import TorchRunner
from fitroom.store import open_weights


def export(*arguments: str):
    return CliRunner().invoke(main, ["export", *arguments])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("graphs", "precision"), [("openvino", "fp16"), ("openvino", "int8"), ("onnx", "fp32"), ("onnx", "fp16")]
)
def test_exports_reload_and_agree_with_pytorch(small_weights, sample, tmp_path, graphs, precision):
    out = tmp_path / "out"
    arguments = ("--weights", str(small_weights.folder), "--format", graphs, "--precision", precision)
    result = export(*arguments, "-o", str(out))
    assert result.exit_code == 0, result.output
    for words in ("largest", "mean", "person ", "garment ", "dress ", "look "):
        assert words in result.output
    weights = open_weights(out)
    assert (weights.manifest.graphs, weights.manifest.precision) == (graphs, precision)
    found = difference(load_network(small_weights), open_graphs(out, graphs), drawn_cases(2, 256, 192))
    assert found.mean <= BOUNDS[precision].mean
    # through the public API, on that backend and in PyTorch with the exported tensors
    looks = [TryOn.load(out, backend)(sample.photo.image, sample.other_garment).image for backend in (graphs, "torch")]
    assert np.abs(looks[0].astype(int) - looks[1]).mean() <= 2 * BOUNDS[precision].mean
    other = {"openvino": "onnx", "onnx": "openvino"}[graphs]
    with pytest.raises(WeightsError, match=f"for the backend {graphs}; .* export --format {other}"):
        TryOn.load(out, other)


def test_output_folder_may_have_the_name_of_shipped_weights(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    network = Lite(SMALL_LITE)
    random_statistics(network)
    exported = export_network(network, "lite", NOBODY, height=64, width=64)
    assert exported.weights.folder == tmp_path / "lite"
    assert exported.weights.manifest.name == NOBODY.name


def test_exports_that_exceed_their_error_bound_are_not_written(tmp_path):
    network = Lite(SMALL_LITE)
    random_statistics(network)
    config = ExportConfig(precision="fp16", bound=Bound(most=0, mean=0))
    with pytest.raises(ExportError, match=r"differ from PyTorch's by 0.*the limits are 0 and 0"):
        export_network(network, tmp_path / "out", NOBODY, config)
    assert list(tmp_path.iterdir()) == []


def test_parity_check_rejects_another_network():
    networks = [Lite(SMALL_LITE).eval() for _ in range(2)]
    for seed, network in enumerate(networks):
        random_statistics(network, seed)
    cases = drawn_cases(1, 64, 64)
    assert difference(networks[0], TorchRunner(networks[0]), cases).largest == 0
    with pytest.raises(ExportError, match="differ from PyTorch's"):
        check(networks[0], TorchRunner(networks[1]), cases, BOUNDS["int8"])


def test_fits_half_detects_values_that_float16_cannot_hold(small_weights):
    network = load_network(small_weights)
    assert fits_half(network)
    with torch.no_grad():
        network.warp.affine.bias[0] = 1 / 3
    assert not fits_half(network)


def test_read_cases_loads_the_pictures_of_listed_pairs(figures):
    cases = read_cases(str(figures), "unpaired_pairs.txt", 3, 64, 48)
    assert len(cases) == 3
    assert [picture.shape for picture in cases[0]] == [(64, 48, 3), (64, 48, 3), (64, 48)]
    assert isinstance(cases[0], Case)
    assert 0 < (cases[0].garment_mask > 127).mean() < 1


def test_unsupported_exports_are_refused_and_nothing_is_written(tmp_path, small_weights):
    weights, out = str(small_weights.folder), str(tmp_path / "out")
    result = export("--weights", weights, "--format", "onnx", "--precision", "int8", "-o", out)
    assert result.exit_code == 2
    assert "INT8 needs OpenVINO" in result.output
    result = export("--weights", weights, "--data", str(tmp_path / "nowhere"), "-o", out)
    assert result.exit_code == 2
    assert "nowhere" in result.output
    assert list(tmp_path.iterdir()) == []
