"""Fit `Look.confidence` and measure how well it is calibrated.

Every person is dressed in somebody else's garment, and the look is dressed in the person's own garment again. The
photo's label shows where that garment belongs. The fit uses training persons and the test validation persons, who are
too few for both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torchmetrics.functional.classification import binary_auroc

from fitroom.body import Label
from fitroom.data.reader import Reader
from fitroom.data.viton import Pair
from fitroom.errors import DataError
from fitroom.evaluate.metrics import mask_iou
from fitroom.evaluate.plan import Progress
from fitroom.photo.confidence import COVERED, traits
from fitroom.tryon import TryOn

BINS = 5
DECAY = 1.0  # L2 penalty on the regression's weights, for traits of unit variance


@dataclass(frozen=True)
class Bin:
    """Looks of similar confidence."""

    said: float  # mean confidence
    right: float  # share of looks whose garment is in the right place
    looks: int


@dataclass(frozen=True)
class Calibration:
    """A fit, its weights for the logarithms of the traits, and its figures on looks that it was not fitted on."""

    weights: tuple[float, ...]
    bias: float
    bins: tuple[Bin, ...]
    auc: float  # probability that a right look has a higher confidence than a wrong one


class Outcomes(NamedTuple):
    """Traits of looks, and whether the garment is in the right place."""

    values: NDArray[np.float32]  # (n, traits) logarithms
    right: NDArray[np.bool_]  # (n,) whether the mask IoU is COVERED or more


def exchanged(pairs: Sequence[Pair]) -> list[Pair]:
    """Pair every person with the garment of the next pair, and the last person with the first garment."""
    following = [*pairs[1:], *pairs[:1]]
    return [Pair(pair.person, other.garment) for pair, other in zip(pairs, following, strict=True)]


def outcomes(
    tryon: TryOn,
    reader: Reader,
    pairs: Sequence[Pair],
    own: Mapping[str, str],
    progress: Progress = lambda items, description: items,
) -> Outcomes:
    """Dress each person in the garment of the pair, then dress that look in the person's `own` garment.

    Raises DataError if labels or own garments are missing.
    """
    if not own:
        raise DataError("calibration needs the garment that each person wears; give the paired list.")
    if not reader.labels:
        raise DataError(f"{reader.name}: calibration needs labels; the test layout has none.")
    found, right = [], []
    for pair in progress(pairs, "dressing"):
        person, label = tryon.person(reader.photo(pair.person)), reader.label(pair.person)
        other = person.dress(tryon.garment(reader.garment(pair.garment)))
        dressed = tryon.person(other.look).dress(tryon.garment(reader.garment(own[pair.person])))
        found.append(traits(dressed))
        right.append(mask_iou(dressed.warped_mask > 0.5, label == Label.UPPER_CLOTHES) >= COVERED)
    return Outcomes(np.log(np.stack(found)), np.array(right))


def fitted(learned: Outcomes, tested: Outcomes) -> Calibration:
    """Fit a logistic regression to `learned`; compute bins and AUC on `tested`."""
    weights, bias = regression(learned.values, learned.right)
    said, right = 1 / (1 + np.exp(-(tested.values @ weights + bias))), tested.right
    bins = [
        Bin(float(said[part].mean()), float(right[part].mean()), len(part))
        for part in np.array_split(np.argsort(said), BINS)
    ]
    area = float(binary_auroc(torch.from_numpy(said), torch.from_numpy(right).long()))
    return Calibration(tuple(float(weight) for weight in weights), bias, tuple(bins), area)


def regression(values: NDArray[np.float32], right: NDArray[np.bool_]) -> tuple[NDArray[np.float64], float]:
    """Return weights (traits,) and bias of a logistic regression with an L2 penalty on standardised traits."""
    mean, spread = values.mean(axis=0), np.maximum(values.std(axis=0), 1e-6)
    x = torch.from_numpy((values - mean) / spread).double()
    y = torch.from_numpy(right).double()
    line = torch.zeros(x.shape[1] + 1, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([line], max_iter=200)

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        value = F.binary_cross_entropy_with_logits(x @ line[:-1] + line[-1], y, reduction="sum")
        value = value + DECAY * line[:-1].square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimiser.step(loss)  # type: ignore[arg-type, no-untyped-call]
    solved = line.detach().numpy()
    weights = solved[:-1] / spread
    return weights, float(solved[-1] - weights @ mean)
