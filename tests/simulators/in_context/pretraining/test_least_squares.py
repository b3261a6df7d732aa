"""Least squares on growing prefixes, against a direct solve and the exact risk."""

import numpy as np
import pytest

from tightbound.simulators.in_context.pretraining.least_squares import least_squares_errors
from tightbound.theory.in_context.least_squares import least_squares_risk


def test_errors_are_those_of_a_direct_solve():
    found = least_squares_errors((7, 20), 3, 1, rng=5)
    rng = np.random.default_rng(5)
    x, y = rng.standard_normal((1, 7, 3)), rng.standard_normal((1, 7, 1))
    more = rng.standard_normal((1, 13, 3)), rng.standard_normal((1, 13, 1))
    first = np.linalg.lstsq(x[0], y[0], rcond=None)[0]
    both = np.linalg.lstsq(np.vstack([x[0], more[0][0]]), np.vstack([y[0], more[1][0]]), rcond=None)[0]
    np.testing.assert_allclose(found[0], [np.linalg.norm(first), np.linalg.norm(both)], rtol=1e-9)


def test_mean_squared_error_is_the_exact_risk():
    squared = least_squares_errors((20, 50), 4, 4000, rng=0) ** 2
    for column, n in enumerate((20, 50)):
        spread = squared[:, column].std() / np.sqrt(4000)
        assert abs(squared[:, column].mean() - least_squares_risk(n, 4)) < 4 * spread


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: least_squares_errors((2,), 3, 1), "samples"),
        (lambda: least_squares_errors((), 3, 1), "increasing"),
        (lambda: least_squares_errors((9, 9), 3, 1), "increasing"),
        (lambda: least_squares_errors((9,), 3, 0), "replications"),
        (lambda: least_squares_errors((9,), 3, 1, noise="cauchy"), "noise"),
    ],
)
def test_bad_input(call, match):
    with pytest.raises((ValueError, TypeError), match=match):
        call()
