"""Tests of fitting the confidence."""

import numpy as np
import pytest

from fitroom.data.reader import FolderReader
from fitroom.data.viton import Pair
from fitroom.errors import DataError
from fitroom.evaluate.calibration import Outcomes, exchanged, fitted, outcomes, regression
from fitroom.tryon import TryOn


@pytest.fixture
def chances():
    return drawn(5)


def drawn(seed):
    """Draw three traits for 2,000 looks and whether each look is right, which depends only on the first trait."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(2000, 3)).astype(np.float32) * [1, 4, 0.1] + [0, 3, -2]
    return Outcomes(values.astype(np.float32), rng.random(2000) < 1 / (1 + np.exp(-(1.5 * values[:, 0] - 0.5))))


def test_regression_recovers_the_weight_of_the_predictive_trait(chances):
    weights, bias = regression(*chances)
    assert abs(weights[0] - 1.5) < 0.2
    assert abs(weights[1]) < 0.05
    # the third trait is nearly constant at -2, so its weight adds to the bias
    assert abs(bias + 0.5 - 2 * weights[2]) < 0.25


def test_fitted_confidence_is_calibrated_on_other_looks(chances):
    found = fitted(chances, drawn(6))
    assert sum(one.looks for one in found.bins) == 2000
    assert all(abs(one.said - one.right) < 0.06 for one in found.bins)
    assert found.bins[0].said < 0.2 < 0.7 < found.bins[-1].said
    assert 0.75 < found.auc < 0.85


def test_uninformative_traits_give_every_look_the_average_confidence():
    rng = np.random.default_rng(1)
    learned, tested = (Outcomes(rng.normal(size=(600, 2)).astype(np.float32), rng.random(600) < 0.7) for _ in range(2))
    found = fitted(learned, tested)
    assert all(abs(one.said - 0.7) < 0.1 for one in found.bins)


def test_exchanged_assigns_the_next_garment_and_random_weights_are_never_right(figures, small_weights):
    reader, tryon = FolderReader(figures), TryOn.load(small_weights.folder, parser="none")
    worn = reader.pairs("train_pairs.txt").pairs[:3]
    pairs, own = exchanged(worn), {pair.person: pair.garment for pair in worn}
    assert pairs == [Pair(worn[number].person, worn[(number + 1) % 3].garment) for number in range(3)]
    found = outcomes(tryon, reader, pairs, own)
    assert found.values.shape == (3, 3)
    assert np.isfinite(found.values).all()
    # random weights put no garment in its place
    assert not found.right.any()
    with pytest.raises(DataError, match="give the paired list"):
        outcomes(tryon, reader, pairs, {})


def test_auc_is_one_for_perfect_and_zero_for_reversed_predictions():
    """The area under the curve is 1 if the trait separates right looks from wrong ones, and 0 if it is reversed."""
    values = np.linspace(-1, 1, 40, dtype=np.float32)[:, None]
    outcomes = Outcomes(values, values[:, 0] > 0)
    assert fitted(outcomes, outcomes).auc == 1
    assert fitted(outcomes, Outcomes(values, values[:, 0] < 0)).auc == 0
