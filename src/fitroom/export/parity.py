"""Checks an export: compares the looks of a runtime with those of PyTorch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fitroom.errors import ExportError
from fitroom.export.cases import Case
from fitroom.nets.interface import TryOnNetwork
from fitroom.runtime.interface import Runner
from fitroom.runtime.torch import TorchRunner
from fitroom.store import Precision

# Share of the values that must keep within a bound. It is less than 1 because rounding alone can move single pixels
# where the flow is ill-conditioned (dialect lzhms, whose correlations are large sums).
SHARE = 0.999


@dataclass(frozen=True)
class Bound:
    """Allowed difference from PyTorch's looks, in 255ths: `most` for SHARE of the values, `mean` on average."""

    most: float
    mean: float


BOUNDS: Mapping[Precision, Bound] = {
    "fp32": Bound(most=1, mean=0.05),
    "fp16": Bound(most=4, mean=0.25),
    "int8": Bound(most=64, mean=3),
}


@dataclass(frozen=True)
class Difference:
    """Absolute difference of a runtime's looks from PyTorch's, in 255ths."""

    largest: float
    most: float  # not exceeded by SHARE of the values
    mean: float


def difference(network: TryOnNetwork, runner: Runner, cases: Sequence[Case]) -> Difference:
    """Compare a runner's looks with PyTorch's on `cases`, which must not be empty."""
    expected, found = (np.stack([look(side, case) for case in cases]) for side in (TorchRunner(network), runner))
    apart = np.abs(expected.astype(np.float32) - found)
    return Difference(float(apart.max()), float(np.quantile(apart, SHARE)), float(apart.mean()))


def look(runner: Runner, case: Case) -> np.ndarray:
    """Compute the look of a case, uint8 (H, W, 3)."""
    sides = runner.person_features(case.person), runner.garment_features(case.garment, case.garment_mask)
    return runner.dress(*case, *sides).look


def check(network: TryOnNetwork, runner: Runner, cases: Sequence[Case], bound: Bound) -> Difference:
    """Return the difference of a runner from PyTorch. Raises ExportError if it exceeds `bound`."""
    found = difference(network, runner, cases)
    if not (found.most <= bound.most and found.mean <= bound.mean):
        raise ExportError(
            f"looks of the exported graphs differ from PyTorch's by {found.mean:.3f}/255 on average, "
            f"and by up to {found.most:.1f}/255 for {SHARE:.1%} of the values; "
            f"the limits are {bound.mean} and {bound.most}."
        )
    return found
