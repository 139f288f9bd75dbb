"""Tests of exported parsers: the graph gives the same results as PyTorch."""

import numpy as np
import pytest
import torch

from fitroom.body import LABEL_COUNT, PREDICTED, Label
from fitroom.compress.quantize import of_inputs
from fitroom.data.synthetic import samples
from fitroom.errors import ExportError, WeightsError
from fitroom.export import parser as exporting
from fitroom.export.parser import TorchParser, agreement, export_parser
from fitroom.export.weights import Origin
from fitroom.nets.parser import Parser, ParserConfig
from fitroom.runtime.openvino import OpenVinoParser, ov
from fitroom.store import Weights, open_weights
from fitroom.tryon import TryOn

ORIGIN = Origin("parser", "0.0.0", "nothing", "none")


@pytest.fixture(scope="module")
def photos():
    return [sample.photo.image for sample in samples(3, 5)]


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    network = Parser(ParserConfig(blocks=(0, 1, 3), pyramid=16)).eval()
    with torch.no_grad():
        network.labels.weight *= 20  # clear differences between labels, as after training
        network.points.weight *= 20
    return network


@pytest.fixture(scope="module")
def folder(network, photos, tmp_path_factory):
    return export_parser(network, tmp_path_factory.mktemp("weights") / "parser", ORIGIN, photos).folder


def test_exported_graph_matches_pytorch(network, folder, photos):
    written, known = OpenVinoParser.from_weights(open_weights(folder)), TorchParser(network)
    assert agreement(written, known, photos) > 0.9999
    for photo in photos:
        found, expected = written.parse(photo), known.parse(photo)
        assert found.label.shape == (256, 192)
        assert found.label.dtype == np.uint8
        np.testing.assert_allclose(found.key_points, expected.key_points, atol=0.05)
        assert found.shares.shape == (len(PREDICTED), 64, 48)
        np.testing.assert_allclose(found.shares.sum(axis=0), 1, atol=1e-3)
        np.testing.assert_allclose(found.shares, expected.shares, atol=1e-3)


def test_int8_export_stores_int8_constants(network, photos, tmp_path, monkeypatch):
    monkeypatch.setitem(exporting.AGREED, "int8", 0.5)
    weights = export_parser(network, tmp_path / "parser", ORIGIN, photos, of_inputs)
    assert weights.manifest.precision == "int8"
    graph = ov.Core().read_model(weights.file("parser.xml"))
    assert any(op.get_element_type() == ov.Type.i8 for op in graph.get_ops() if op.get_type_name() == "Constant")


def test_export_that_differs_from_pytorch_is_not_saved(network, photos, tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "agreement", lambda *arguments: 0.9)
    with pytest.raises(ExportError, match=r"90\.00% of the pixels; need 99\.99%"):
        export_parser(network, tmp_path / "parser", ORIGIN, photos)
    assert list(tmp_path.iterdir()) == []


def test_labels_missing_from_older_weights_raise_an_error(folder):
    weights = open_weights(folder)
    assert weights.manifest.labels == LABEL_COUNT
    weights.need_labels([Label.NECK, Label.OTHER], "a look")
    older = Weights(weights.folder, weights.manifest.model_copy(update={"labels": 14}))
    with pytest.raises(WeightsError, match="no label for neck, left hand, which a look needs"):
        older.need_labels([Label.UPPER_CLOTHES, Label.NECK, Label.LEFT_HAND], "a look")


def test_loading_a_parser_as_try_on_weights_raises_an_error(folder):
    with pytest.raises(WeightsError, match=r"no person.bin in these weights \(they hold .*parser"):
        TryOn.load(folder)
