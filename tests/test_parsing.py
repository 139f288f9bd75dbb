"""Tests of networks with a built-in parser, whose person graph parses and encodes a person in one pass."""

import numpy as np
import pytest
import torch

from conftest import NOBODY, SMALL_GUIDED, random_statistics
from fitroom import TryOn
from fitroom.data.synthetic import samples
from fitroom.demo import SAMPLES
from fitroom.errors import PersonError
from fitroom.export.weights import ExportConfig, export_network
from fitroom.nets.guided import Guided
from fitroom.nets.registry import load_network, tensors_of
from fitroom.photo import decode
from fitroom.runtime.interface import Dressed, Parsing
from fitroom.runtime.parsing import ParsingRunner
from fitroom.store import open_weights
from fitroom.tryon import open_parser


class Counting:
    """A runner that counts how often persons are encoded."""

    def __init__(self):
        self.encoded = 0

    def person_features(self, person):
        self.encoded += 1
        label = np.full((1, *person.shape[:2]), self.encoded, np.uint8)
        return label, np.zeros((1, 18, 3), np.float32), np.zeros((1, 16, 4, 4), np.float32), np.ones(3, np.float32)

    def garment_features(self, garment, garment_mask):
        return (np.zeros(1, np.float32),)

    def dress(self, *inputs):
        return Dressed(*[np.zeros(1)] * len(Dressed._fields))


def test_last_parsed_picture_is_not_encoded_again():
    inner = Counting()
    runner = ParsingRunner(inner)
    first, second = (np.full((16, 16, 3), value, np.uint8) for value in (1, 2))
    parsing = runner.parse(first)
    assert isinstance(parsing, Parsing)
    assert parsing.label.shape == (16, 16)
    assert parsing.logits.shape == (16, 4, 4)
    assert runner.person_features(first.copy())[0][0, 0, 0] == 1
    assert inner.encoded == 1
    assert runner.person_features(second)[0][0, 0, 0] == 2
    assert inner.encoded == 2


@pytest.fixture(scope="module")
def guided_weights(tmp_path_factory):
    """Exported weights of a small guided network with the shipped parser."""
    torch.manual_seed(0)
    network = Guided(SMALL_GUIDED)
    random_statistics(network)
    network.parser.load_state_dict(tensors_of(open_weights("parser")))
    folder = tmp_path_factory.mktemp("weights") / "guided"
    return export_network(network.eval(), folder, NOBODY, ExportConfig(half_tensors=True)).weights


def test_built_in_parser_frames_a_photo_like_the_separate_parser(guided_weights):
    tryon = TryOn.load(guided_weights.folder)
    assert guided_weights.manifest.parses
    photo = decode.read(SAMPLES / "person-1.jpg", "person")
    found = tryon.frame(photo).frame
    expected = TryOn(guided_weights, tryon.runner, open_parser("parser")).frame(photo).frame
    assert abs(found.top - expected.top) <= 0.02 * photo.shape[0]
    assert abs(found.height - expected.height) <= 0.02 * photo.shape[0]
    assert tryon.parse(photo).labels.shape == photo.shape[:2]
    with pytest.raises(PersonError):
        tryon.person(np.full((256, 192, 3), 200, np.uint8))


def test_parser_does_not_change_the_look_of_an_already_framed_photo(guided_weights):
    sample = next(iter(samples(1, seed=4)))
    pictures = sample.photo.image, sample.other_garment, sample.other_garment_mask
    looks = [TryOn.load(guided_weights.folder, parser=parser)(*pictures, size="model") for parser in ("none", "parser")]
    assert np.array_equal(looks[0].image, looks[1].image)


def test_loaded_network_has_the_exported_configuration(guided_weights):
    network = load_network(guided_weights)
    assert isinstance(network, Guided)
    assert network.config == SMALL_GUIDED
