"""Tests of the fast correlation against the reference, and of both against values computed by hand."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fitroom.nets.correlation import correlation, correlation_reference, tile_size


@settings(max_examples=30, deadline=None)
@given(
    batch=st.integers(1, 3),
    channels=st.integers(1, 9),
    height=st.integers(1, 20),
    width=st.integers(1, 20),
    radius=st.integers(0, 4),
    seed=st.integers(0, 1000),
)
def test_fast_equals_reference_forward_and_backward(batch, channels, height, width, radius, seed):
    generator = torch.Generator().manual_seed(seed)
    pair = [torch.randn(batch, channels, height, width, generator=generator, dtype=torch.float64) for _ in range(2)]
    inputs = [[x.clone().requires_grad_() for x in pair] for _ in range(2)]
    results = [f(*x, radius) for f, x in zip((correlation_reference, correlation), inputs, strict=True)]
    assert results[0].shape == (batch, (2 * radius + 1) ** 2, height, width)
    torch.testing.assert_close(results[1], results[0])
    weight = torch.randn(results[0].shape, generator=generator, dtype=torch.float64)
    gradients = [torch.autograd.grad((r * weight).sum(), x) for r, x in zip(results, inputs, strict=True)]
    for reference, fast in zip(*gradients, strict=True):
        torch.testing.assert_close(fast, reference)


def test_gradient_equals_the_numerical_gradient():
    first, second = (torch.randn(1, 2, 4, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(lambda a, b: correlation(a, b, 1), (first, second))


@pytest.mark.parametrize("function", [correlation, correlation_reference])
def test_second_map_is_displaced_row_major_with_zero_border(function):
    first = torch.zeros(1, 1, 3, 3)
    first[0, 0, 1, 1] = 2
    second = torch.arange(9.0).reshape(1, 1, 3, 3)
    at_centre = function(first, second, 1)[0, :, 1, 1]
    assert at_centre.tolist() == [0, 2, 4, 6, 8, 10, 12, 14, 16]
    corner = function(torch.ones(1, 1, 3, 3), second, 1)[0, :, 0, 0]
    assert corner.tolist() == [0, 0, 0, 0, 0, 1, 0, 3, 4]


@given(st.integers(1, 300))
def test_tile_size_divides_the_length_and_is_at_most_8(length):
    assert 1 <= tile_size(length) <= 8
    assert length % tile_size(length) == 0
