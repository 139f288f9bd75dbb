"""Tests of the confidence: it falls if the network is uncertain or the garment is bent."""

import numpy as np

from fitroom.photo.confidence import LEAST, TRAITS, confidence_of, traits
from fitroom.runtime.interface import Dressed

SIZE = 32, 24


def dressed(share: float = 1.0, bend: float = 0.0, worn: bool = True) -> Dressed:
    """Return outputs with a garment in the middle, composition and change of `share`, and a straight or bent flow."""
    height, width = SIZE
    mask = np.zeros(SIZE, np.float32)
    mask[8:24, 6:18] = float(worn)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    flow = np.stack([x + bend * np.sin(9 * y), y], axis=-1).astype(np.float32)
    picture, masked = np.zeros((*SIZE, 3), np.uint8), (mask * share).astype(np.float32)
    return Dressed(picture, flow, picture, mask, picture.astype(np.float32), masked, masked)


def test_a_certain_straight_look_is_fully_repainted_without_uncertainty_or_bends():
    found = dict(zip(TRAITS, traits(dressed()), strict=True))
    assert found["repainted"] == 1
    assert found["unsure change"] == np.float32(LEAST)
    assert found["bent"] < 1e-3


def test_traits_reflect_uncertainty_and_bent_flow():
    plain, unsure, bent = traits(dressed()), traits(dressed(share=0.5)), traits(dressed(bend=0.1))
    assert unsure[0] > plain[0]
    assert unsure[1] < plain[1]
    assert bent[2] > 10 * plain[2]


def test_confidence_is_between_0_and_1_and_falls_with_uncertainty_and_bends():
    for look in (dressed(), dressed(share=0.3), dressed(bend=0.3), dressed(worn=False)):
        assert 0 <= confidence_of(look) <= 1
    assert confidence_of(dressed(bend=0.3)) < confidence_of(dressed(bend=0.01))
    assert confidence_of(dressed(share=0.5)) < confidence_of(dressed(share=0.99))
