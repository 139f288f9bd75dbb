"""Fitting and testing confidence: how often are looks right of which it says that they are?

A person of the validation list wears another's garment, as fitroom makes it, and then the own one again: where that one
should lie, the photo's label says.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from fitroom.confidence import COVERED, traits
from fitroom.data.viton import GARMENT
from fitroom.errors import DataError
from fitroom.evaluate.metrics import mask_iou
from fitroom.evaluate.plan import Plan, Progress
from fitroom.tryon import TryOn

FOLDS, BINS = 5, 5
DECAY = 1.0  # of the regression's weights, for traits of unit variance


@dataclass(frozen=True)
class Bin:
    """Some looks, of like confidence."""

    said: float  # mean confidence
    right: float  # share whose garment is in its place
    looks: int


@dataclass(frozen=True)
class Calibration:
    """Weights of the logarithms of traits, and how the same fit does on looks that it has not seen."""

    weights: tuple[float, ...]
    bias: float
    bins: tuple[Bin, ...]
    auc: float  # chance that of a right and a wrong look the right one is said to be surer


def calibrate(tryon: TryOn, plan: Plan, progress: Progress = lambda items, description: items) -> Calibration:
    """Fit confidence on a plan's unpaired pairs, whose persons' own garments are known. Raises DataError."""
    if not plan.own:
        raise DataError("calibration puts persons' own garments on again; give the paired list.")
    found, right = [], []
    for pair in progress(plan.unpaired.pairs, "dressing"):
        subject = plan.subject(pair.person)
        if subject.label is None:
            raise DataError(f"{plan.reader.name}: calibration needs labels, which the test layout has not.")
        other = tryon.person(subject.photo).dress(tryon.garment(plan.garment(pair.garment)))
        person, garment = tryon.person(other.look), tryon.garment(plan.garment(plan.own[pair.person]))
        dressed = person.dress(garment)
        found.append(traits(dressed))
        right.append(mask_iou(dressed.warped_mask > 0.5, subject.label == GARMENT) >= COVERED)
    return fitted(np.log(np.stack(found)), np.array(right))


def fitted(values: NDArray[np.float32], right: NDArray[np.bool_]) -> Calibration:
    """Fit logistic regression of `right` (n,) on `values` (n, traits); bins and AUC are cross-validated."""
    said = np.zeros(len(right))
    fold = np.arange(len(right)) % FOLDS
    for number in range(FOLDS):
        weights, bias = regression(values[fold != number], right[fold != number])
        said[fold == number] = 1 / (1 + np.exp(-(values[fold == number] @ weights + bias)))
    weights, bias = regression(values, right)
    bins = [
        Bin(float(said[part].mean()), float(right[part].mean()), len(part))
        for part in np.array_split(np.argsort(said), BINS)
    ]
    return Calibration(tuple(float(weight) for weight in weights), bias, tuple(bins), auc(said, right))


def regression(values: NDArray[np.float32], right: NDArray[np.bool_]) -> tuple[NDArray[np.float64], float]:
    """Weights (traits,) and bias of logistic regression, regularised for traits of unit variance."""
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


def auc(said: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Area under the ROC curve: the share of pairs of a right and a wrong look that `said` has in order."""
    ranks = said.argsort().argsort() + 1
    good = int(right.sum())
    bad = len(right) - good
    return float((ranks[right].sum() - good * (good + 1) / 2) / max(good * bad, 1))
