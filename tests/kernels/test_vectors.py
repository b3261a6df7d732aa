"""The innermost loops are products of matrices, whatever the numbers are stored as."""

import numba
import numpy as np
import pytest

from tightbound.kernels._kernel_vectors import add_to_four, add_to_two, products_of_four, products_of_two

FLOAT, HALF, BRAIN = np.float32, np.uint16, np.int16  # as which float32, float16 and bfloat16 are stored
EPSILON = np.finfo(np.float32).eps


def stored(rng, size, kind):
    """Random numbers as they are stored, and the numbers."""
    numbers = rng.standard_normal(size).astype(np.float32)
    if kind is HALF:
        halves = numbers.astype(np.float16)
        return halves.view(np.uint16), halves.astype(float)
    if kind is BRAIN:
        top = (numbers.view(np.uint32) >> 16).astype(np.uint16)
        return top.view(np.int16), (top.astype(np.uint32) << 16).view(np.float32).astype(float)
    return numbers, numbers.astype(float)


@pytest.mark.parametrize("kind", [FLOAT, HALF, BRAIN])
@pytest.mark.parametrize("rows", [2, 4])
def test_products_of_rows(rows, kind, rng):
    function, keys = (products_of_two, products_of_four)[rows == 4], 8 // rows

    @numba.njit
    def run(out, a, data, at):
        function(out, a, 1, data, at, 2, 5)

    data, numbers = stored(rng, 900, kind)
    a, at = rng.standard_normal((6, 48)).astype(np.float32), rng.integers(0, 800, 8)
    out = np.full((6, 9), np.float32(7.0))
    run(out, a, data, at)
    expected = np.full(out.shape, 7.0)
    for i in range(2, 2 + keys):
        expected[1 : 1 + rows, i] = a[1 : 1 + rows].astype(float) @ numbers[at[i] + 5 : at[i] + 53]
    np.testing.assert_allclose(out, expected, rtol=0, atol=48 * 10 * EPSILON)
    assert np.count_nonzero(out != 7.0) == 8


@pytest.mark.parametrize("kind", [FLOAT, HALF, BRAIN])
@pytest.mark.parametrize("rows", [2, 4])
def test_weighted_rows_are_added(rows, kind, rng):
    function, width = (add_to_two, add_to_four)[rows == 4], 64 // rows

    @numba.njit
    def run(out, weights, data, at):
        function(out, 1, 8, weights, data, at, 2, 7, 5)

    data, numbers = stored(rng, 900, kind)
    out = rng.standard_normal((6, 48)).astype(np.float32)
    weights, at = rng.standard_normal((6, 9)).astype(np.float32), rng.integers(0, 800, 9)
    expected = out.astype(float)
    for i in range(2, 7):
        row = numbers[at[i] + 13 : at[i] + 13 + width]
        expected[1 : 1 + rows, 8 : 8 + width] += weights[1 : 1 + rows, i : i + 1].astype(float) * row
    run(out, weights, data, at)
    np.testing.assert_allclose(out, expected, rtol=0, atol=5 * 10 * EPSILON)
