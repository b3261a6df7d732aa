from fractions import Fraction

import numpy as np
import pytest

from tightbound.theory.in_context.networks.relu_square import interpolated_square, relu_square


@pytest.mark.parametrize("levels", range(8))
def test_the_error_lies_where_it_should_and_is_attained(levels):
    square = relu_square(levels)
    x = np.linspace(0.0, 1.0, 2**12 + 1)
    error = square(x) - x**2
    assert error.min() >= -1e-15
    assert error.max() == pytest.approx(square.error, abs=1e-15)
    assert square.relus == 4 * levels
    np.testing.assert_array_equal(
        square(np.arange(2**levels + 1) / 2**levels), (np.arange(2**levels + 1) / 2**levels) ** 2
    )


def test_tents_agree_with_exact_arithmetic():
    x = Fraction(3141, 10007)
    tent, total = x, x
    for level in range(1, 13):
        tent = 2 * min(tent, 1 - tent)
        total -= tent / 4**level
    assert float(relu_square(12)(float(x))) == pytest.approx(float(total), abs=1e-12)


@pytest.mark.parametrize("pieces", [1, 2, 3, 7, 100])
def test_one_layer_interpolates(pieces):
    square = interpolated_square(pieces)
    knots = np.arange(pieces + 1) / pieces
    np.testing.assert_allclose(square(knots), knots**2, atol=1e-14)
    error = square(np.linspace(0.0, 1.0, 5001)) - np.linspace(0.0, 1.0, 5001) ** 2
    assert error.min() >= -1e-14
    assert error.max() <= square.error + 1e-14
    assert square.relus == pieces


def test_width_has_to_be_exponential_to_replace_depth():
    x = np.linspace(0.0, 1.0, 1001)
    np.testing.assert_allclose(interpolated_square(2**6)(x), relu_square(6)(x), atol=1e-13)
    assert interpolated_square(relu_square(6).relus).error > relu_square(6).error


@pytest.mark.parametrize("x", [-1e-9, 1.0 + 1e-9, [0.5, 2.0]])
def test_out_of_range_is_refused(x):
    with pytest.raises(ValueError, match=r"squares numbers in \[0, 1\] only"):
        relu_square(3)(x)


def test_bad_input():
    with pytest.raises(ValueError, match="levels is -1"):
        relu_square(-1)
    with pytest.raises(TypeError, match="levels"):
        relu_square(2.5)
    with pytest.raises(ValueError, match="pieces is 0"):
        interpolated_square(0)
    with pytest.raises(ValueError, match="NaN"):
        relu_square(2)(np.nan)
