"""Confidence in a look: between 0 and 1, and less where the network is in two minds or the garment is bent."""

import numpy as np

from fitroom.photo.confidence import LEAST, TRAITS, confidence_of, traits
from fitroom.runtime.interface import Dressed

SIZE = 32, 24


def dressed(share: float = 1.0, bend: float = 0.0, worn: bool = True) -> Dressed:
    """A garment that fills the middle, composed and changed by a share, sampled straight or bent."""
    height, width = SIZE
    mask = np.zeros(SIZE, np.float32)
    mask[8:24, 6:18] = float(worn)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    flow = np.stack([x + bend * np.sin(9 * y), y], axis=-1).astype(np.float32)
    picture, masked = np.zeros((*SIZE, 3), np.uint8), (mask * share).astype(np.float32)
    return Dressed(picture, flow, picture, mask, picture.astype(np.float32), masked, masked)


def test_traits_of_a_plain_look():
    found = dict(zip(TRAITS, traits(dressed()), strict=True))
    assert found["repainted"] == 1
    assert found["unsure change"] == np.float32(LEAST)
    assert found["bent"] < 1e-3


def test_traits_tell_doubt_and_bends():
    plain, unsure, bent = traits(dressed()), traits(dressed(share=0.5)), traits(dressed(bend=0.1))
    assert unsure[0] > plain[0]
    assert unsure[1] < plain[1]
    assert bent[2] > 10 * plain[2]


def test_confidence_is_a_chance():
    for look in (dressed(), dressed(share=0.3), dressed(bend=0.3), dressed(worn=False)):
        assert 0 <= confidence_of(look) <= 1
    assert confidence_of(dressed(bend=0.3)) < confidence_of(dressed(bend=0.01))
    assert confidence_of(dressed(share=0.5)) < confidence_of(dressed(share=0.99))
