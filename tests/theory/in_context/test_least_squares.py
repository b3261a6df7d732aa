"""The exact risk of least squares, and the total variation of a fit by quadrature."""

import numpy as np
import pytest

from tightbound.theory.in_context.least_squares import least_squares_risk, total_variation_of_fit


def test_risk_with_one_feature_is_the_mean_of_an_inverse_chi_square():
    # E 1/chi2_N = 1/(N - 2)
    assert least_squares_risk(10, 1, 3.0) == pytest.approx(3.0 / 8.0)


@pytest.mark.parametrize("distance", [0.01, 0.7, 5.0])
def test_total_variation_by_quadrature(distance):
    from scipy.special import erf

    x, weight = np.polynomial.hermite_e.hermegauss(200)
    shift = np.abs(distance * x) / (2 * 1.5)
    direct = weight @ erf(shift / np.sqrt(2)) / weight.sum()
    assert total_variation_of_fit(distance, 2.25) == pytest.approx(direct, rel=5e-3)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: least_squares_risk(3, 2), "samples"),
        (lambda: least_squares_risk(30, 0), "dimension"),
        (lambda: least_squares_risk(30, 2, 0.0), "noise_variance"),
        (lambda: least_squares_risk(30, 2, "1"), "noise_variance"),
        (lambda: total_variation_of_fit(-1.0), "distance"),
        (lambda: total_variation_of_fit(1.0, np.inf), "noise_variance"),
    ],
)
def test_bad_input(call, match):
    with pytest.raises((ValueError, TypeError), match=match):
        call()
