"""How sure one can be of a look, by what the network says along with it: a logistic regression on three of its traits.

Confidence is the chance that the warped garment covers what the real garment would cover: an IoU of 0.85 at least. It
was fitted on looks of training persons in their own garments, put on again; `evaluate/calibration.py` does that, and
docs/photos.md has the curve, on validation persons. It holds for the weights that ship.
"""

import numpy as np

from fitroom.arrays import Array
from fitroom.runtime.interface import Dressed

COVERED = 0.85  # IoU from which a garment counts as in its place
TRAITS = ("unsure change", "repainted", "bent")
WEIGHTS = (-0.937, -3.471, -0.982)  # of the logarithms of TRAITS
BIAS = -0.48
LEAST = 1e-4  # of a trait, for its logarithm


def traits(dressed: Dressed) -> Array:
    """TRAITS of a look, float32 (3,), LEAST and more."""
    # every second pixel tells as much
    warped, change, flow = (layer[::2, ::2] for layer in (dressed.warped_mask, dressed.change, dressed.flow))
    inside = warped > 0.5
    if inside.sum() < 2:
        return np.full(len(TRAITS), LEAST, np.float32)
    height, width = warped.shape
    pixels = flow * (np.array([width, height], np.float32) / 2)
    across = np.abs(pixels[:, 2:] + pixels[:, :-2] - 2 * pixels[:, 1:-1])[1:-1]
    down = np.abs(pixels[2:] + pixels[:-2] - 2 * pixels[1:-1])[:, 1:-1]
    bends = (across + down).sum(axis=-1)[inside[1:-1, 1:-1]]
    found = (
        unsure(change).sum() / max(float(change.sum()), 1.0),
        change[inside].mean(),
        bends.mean() if bends.size else 0.0,
    )
    return np.maximum(np.array(found, np.float32), LEAST)


def unsure(share: Array) -> Array:
    """1 where a mask in [0, 1] is between, 0 where it is decided."""
    return np.asarray(4 * share * (1 - share))


def confidence_of(dressed: Dressed) -> float:
    """Confidence in a look, 0 to 1."""
    score = float(np.log(traits(dressed)) @ np.array(WEIGHTS, np.float32)) + BIAS
    return float(1 / (1 + np.exp(-score)))
