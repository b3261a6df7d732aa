"""Bessel ratios against recurrence, closed form and quadrature; features against the kernel."""

import numpy as np
import pytest

from tightbound.theory.in_context.sphere_harmonics import (
    circle_features,
    harmonic_values,
    rbf_eigenvalue,
    softmax_limit_constant,
)


def on_sphere(rng, count, dim):
    drawn = rng.standard_normal((count, dim))
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


@pytest.mark.parametrize("dim", [2, 3, 4, 9, 50, 2000])
@pytest.mark.parametrize("degree", [1, 2, 5])
def test_recurrence_of_bessel_functions(dim, degree):
    """I_{n-1}(x) - I_{n+1}(x) = (2n/x) I_n(x) links three degrees, from tiny to huge kappa."""
    kappa = np.array([1e-3, 0.1, 1.0, 10.0, 1e3, 1e6, 0.9e9, 1.1e9, 1e12, 1e300])
    below, here, above = (softmax_limit_constant(dim, kappa, degree + step) for step in (-1, 0, 1))
    order = 0.5 * dim - 1.0 + degree
    assert np.allclose(below - above, 2.0 * order / kappa * here, rtol=0.0, atol=1e-11 * below)


def test_closed_form_in_three_dimensions():
    kappa = np.array([0.5, 2.0, 20.0, 1e3])
    assert np.allclose(softmax_limit_constant(3, kappa, 1), 1.0 / np.tanh(kappa) - 1.0 / kappa, rtol=1e-12)


def test_no_temperature_averages_and_low_temperature_copies():
    assert softmax_limit_constant(2, 0.0, 0) == 1.0
    assert softmax_limit_constant(4, 0.0, 2) == 0.0
    assert softmax_limit_constant(4, 1e12, 3) == pytest.approx(1.0)
    grid = softmax_limit_constant(5, np.logspace(-3, 6, 200), 2)
    assert np.all(np.diff(grid) > 0.0)


@pytest.mark.parametrize("dim", [3, 5, 9])
@pytest.mark.parametrize("kappa", [0.01, 1.0, 5.0, 30.0])
@pytest.mark.parametrize("degree", [0, 1])
def test_eigenvalue_is_the_integral(dim, kappa, degree):
    x, mass = np.polynomial.legendre.leggauss(200)
    mass = mass * (1.0 - x**2) ** ((dim - 3) / 2)
    expected = (mass * x**degree * np.exp(kappa * (x - 1.0))).sum() / mass.sum()
    assert rbf_eigenvalue(dim, kappa, degree) == pytest.approx(expected, rel=1e-11)


def test_eigenvalues_stay_finite():
    found = rbf_eigenvalue(2000, [0.0, 1.0, 500.0, 2000.0], 0)
    assert found[0] == 1.0
    assert np.all(np.isfinite(found))
    assert np.all(np.diff(found) < 0.0)
    assert rbf_eigenvalue(3, [1e8, 1e10, 1e300], 0) == pytest.approx([5e-9, 5e-11, 5e-301])


def test_harmonics_have_length_one_and_no_mean(rng):
    for dim in (2, 3, 4):
        keys = on_sphere(rng, 200_000, dim)
        for degree in (1, 2):
            values = harmonic_values(keys, degree)
            assert np.allclose((values**2).sum(-1), 1.0)
            assert np.abs(values.mean(0)).max() < 0.01


def test_harmonics_of_the_circle_are_powers():
    angle = np.array([0.3, 2.0])
    keys = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    expected = np.stack([np.cos(5 * angle), np.sin(5 * angle)], axis=1)
    assert np.allclose(harmonic_values(keys, 5), expected)
    assert harmonic_values(keys, 0).tolist() == [[1.0], [1.0]]


def test_features_reproduce_the_kernel(rng):
    keys = on_sphere(rng, 12, 2)
    features = circle_features(keys, 3.0, 30)
    squares = ((keys[:, None] - keys[None]) ** 2).sum(-1)
    assert np.allclose(features @ features.T, np.exp(-1.5 * squares), rtol=0.0, atol=1e-14)


def test_wrong_arguments_name_themselves():
    with pytest.raises(ValueError, match="dim is 1"):
        softmax_limit_constant(1, 1.0, 1)
    with pytest.raises(ValueError, match="kappa is -1"):
        softmax_limit_constant(2, -1.0, 1)
    with pytest.raises(ValueError, match="kappa has entries"):
        rbf_eigenvalue(2, np.inf, 1)
    with pytest.raises(TypeError, match="degree"):
        softmax_limit_constant(2, 1.0, 0.5)
    with pytest.raises(ValueError, match="vector of length 2"):
        harmonic_values([[2.0, 0.0]], 1)
    with pytest.raises(ValueError, match="degree is 3"):
        harmonic_values([[1.0, 0.0, 0.0]], 3)
    with pytest.raises(ValueError, match="plane"):
        circle_features([[1.0, 0.0, 0.0]], 1.0, 3)
    with pytest.raises(ValueError, match="last axis"):
        harmonic_values(1.0, 1)
