"""The parity check that every export passes: what a runtime computes against what PyTorch computes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fitroom.errors import ExportError
from fitroom.export.cases import Case
from fitroom.nets.interface import TryOnNetwork
from fitroom.runtime.interface import Runner
from fitroom.runtime.torch import TorchRunner
from fitroom.store import Precision

# Of the values, this share must keep within a bound. Not all: where flow is ill-conditioned (dialect lzhms, whose
# correlations are large sums) rounding alone can send single pixels elsewhere
SHARE = 0.999


@dataclass(frozen=True)
class Bound:
    """How far looks may be from PyTorch's, in 255ths: `most` for SHARE of the values, `mean` for their average."""

    most: float
    mean: float


BOUNDS: Mapping[Precision, Bound] = {
    "fp32": Bound(most=1, mean=0.05),
    "fp16": Bound(most=4, mean=0.25),
    "int8": Bound(most=64, mean=3),
}


@dataclass(frozen=True)
class Difference:
    """How far the looks of a runtime are from PyTorch's, in 255ths."""

    largest: float
    most: float  # that SHARE of the values keep within
    mean: float


def difference(network: TryOnNetwork, runner: Runner, cases: Sequence[Case]) -> Difference:
    """Compare the looks of cases, of which there must be one."""
    expected, found = (np.stack([look(side, case) for case in cases]) for side in (TorchRunner(network), runner))
    apart = np.abs(expected.astype(np.float32) - found)
    return Difference(float(apart.max()), float(np.quantile(apart, SHARE)), float(apart.mean()))


def look(runner: Runner, case: Case) -> np.ndarray:
    """The look of a case, uint8 (H, W, 3)."""
    sides = runner.person_features(case.person), runner.garment_features(case.garment, case.garment_mask)
    return runner.dress(*case, *sides).look


def check(network: TryOnNetwork, runner: Runner, cases: Sequence[Case], bound: Bound) -> Difference:
    """The difference of a runtime from PyTorch. Raises ExportError where it is beyond `bound`."""
    found = difference(network, runner, cases)
    if not (found.most <= bound.most and found.mean <= bound.mean):
        raise ExportError(
            f"looks of the exported graphs differ from PyTorch's by {found.mean:.3f}/255 on average, "
            f"{found.most:.1f}/255 for {SHARE:.1%} of the values; allowed are {bound.mean} and {bound.most}."
        )
    return found
