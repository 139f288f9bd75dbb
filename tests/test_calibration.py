"""Confidence is fitted so that what it says comes true."""

import numpy as np
import pytest

from fitroom.evaluate.calibration import auc, fitted, regression


@pytest.fixture
def chances():
    """Traits of 2,000 looks of which the first alone tells, and which of them are right."""
    rng = np.random.default_rng(5)
    values = rng.normal(size=(2000, 3)).astype(np.float32) * [1, 4, 0.1] + [0, 3, -2]
    return values.astype(np.float32), rng.random(2000) < 1 / (1 + np.exp(-(1.5 * values[:, 0] - 0.5)))


def test_regression_finds_what_tells(chances):
    weights, bias = regression(*chances)
    assert abs(weights[0] - 1.5) < 0.2
    assert abs(weights[1]) < 0.05
    # the third is worth a tenth of its weight
    assert abs(bias + 0.5 - 2 * weights[2]) < 0.25


def test_what_is_said_comes_true(chances):
    found = fitted(*chances)
    assert sum(one.looks for one in found.bins) == 2000
    assert all(abs(one.said - one.right) < 0.06 for one in found.bins)
    assert found.bins[0].said < 0.2 < 0.7 < found.bins[-1].said
    assert 0.75 < found.auc < 0.85


def test_nothing_told_is_said_of_all_alike():
    rng = np.random.default_rng(1)
    found = fitted(rng.normal(size=(600, 2)).astype(np.float32), rng.random(600) < 0.7)
    assert all(abs(one.said - 0.7) < 0.1 for one in found.bins)


def test_order():
    right = np.array([True, True, False, False])
    assert auc(np.array([0.9, 0.8, 0.2, 0.1]), right) == 1
    assert auc(np.array([0.1, 0.2, 0.8, 0.9]), right) == 0
    assert auc(np.array([0.9, 0.1, 0.2, 0.05]), right) == 0.75
