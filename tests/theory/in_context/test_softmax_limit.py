"""The limit of softmax attention: operator, spectrum, constants and the bound at finitely many keys."""

import numpy as np
import pytest

from tightbound.theory.in_context.ridge_attention import RBFKernel, ridge_attention
from tightbound.theory.in_context.smoothing_operator import (
    circle_smoothing_operator,
    smoothing_operator,
    zonal_smoothing_operator,
)
from tightbound.theory.in_context.softmax_attention import softmax_attention
from tightbound.theory.in_context.softmax_limit import (
    ridge_shrink_factor,
    softmax_bias_and_spread,
    softmax_mean_square_bound,
    vanishing_temperature,
)
from tightbound.theory.in_context.sphere_harmonics import (
    circle_features,
    harmonic_values,
    rbf_eigenvalue,
    softmax_limit_constant,
)


def on_sphere(rng, shape, dim):
    drawn = rng.standard_normal((*shape, dim))
    return drawn / np.linalg.norm(drawn, axis=-1, keepdims=True)


def test_operator_of_finitely_many_keys_is_softmax_attention(rng):
    keys, values = on_sphere(rng, (9,), 3), rng.standard_normal((9, 2))
    operator = smoothing_operator(keys, 2.0)
    assert np.allclose(operator.apply(values), softmax_attention(keys, values, keys, 2.0))
    assert np.allclose(operator.matrix.sum(1), 1.0)
    flow = operator.stationary[:, None] * operator.matrix
    assert np.allclose(flow, flow.T)
    eigenvalues = operator.eigenvalues()
    direct = np.sort(np.linalg.eigvals(operator.matrix).real)[::-1]
    assert np.allclose(eigenvalues, direct, atol=1e-10)
    assert eigenvalues[0] == pytest.approx(1.0)
    assert eigenvalues[-1] >= -1e-12


def test_operator_is_self_adjoint_under_its_stationary_law_whatever_the_law_of_keys(rng):
    angles = np.array([0.0, 0.4, 1.7, 3.0])
    law = rng.dirichlet(np.ones(4))
    operator = smoothing_operator(np.stack([np.cos(angles), np.sin(angles)], axis=1), 2.0, law)
    flow = operator.stationary[:, None] * operator.matrix
    np.testing.assert_allclose(flow, flow.T, rtol=1e-12)
    np.testing.assert_allclose(operator.stationary @ operator.matrix, operator.stationary, rtol=1e-12)
    eigenvalues = np.sort(np.linalg.eigvals(operator.matrix).real)[::-1]
    np.testing.assert_allclose(operator.eigenvalues(), eigenvalues, atol=1e-12)


@pytest.mark.parametrize("kappa", [0.0, 1.0, 20.0])
def test_circle_has_bessel_eigenvalues(kappa):
    operator = circle_smoothing_operator(256, kappa)
    for degree in range(4):
        values = harmonic_values(operator.points, degree)
        expected = softmax_limit_constant(2, kappa, degree) * values
        assert np.allclose(operator.apply(values), expected, atol=1e-13)


@pytest.mark.parametrize("dim", [2, 3, 4, 7])
def test_zonal_rule_has_the_same_eigenvalues(dim):
    found = zonal_smoothing_operator(dim, 60, 3.0).eigenvalues()[:5]
    expected = [float(softmax_limit_constant(dim, 3.0, degree)) for degree in range(5)]
    assert np.allclose(found, expected, atol=1e-12)


def test_zonal_rule_agrees_with_the_circle_under_a_density():
    circle = circle_smoothing_operator(400, 2.0, lambda angle: 1.0 + 0.9 * np.cos(angle))
    zonal = zonal_smoothing_operator(2, 200, 2.0, lambda x: 1.0 + 0.9 * x)
    wanted = circle.eigenvalues()[:12]
    # functions that are odd in the angle add eigenvalues to the circle's
    for value in zonal.eigenvalues()[:4]:
        assert np.abs(wanted - value).min() < 1e-10


def test_best_constant_is_least_squares():
    operator = circle_smoothing_operator(128, 1.0)
    first, second = (harmonic_values(operator.points, degree) for degree in (1, 2))
    mixed = np.concatenate([first, second], axis=1) / np.sqrt(2.0)
    constant, residual = operator.best_constant(mixed)
    c, e = (float(softmax_limit_constant(2, 1.0, degree)) for degree in (1, 2))
    assert constant == pytest.approx((c + e) / (c**2 + e**2))
    assert residual == pytest.approx((c - e) / np.sqrt(2.0 * (c**2 + e**2)))


def test_ridge_attention_on_equal_angles_shrinks_by_the_stated_factor():
    angles = 2.0 * np.pi * np.arange(60) / 60
    keys = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    for degree in (1, 2):
        values = harmonic_values(keys, degree)
        found = ridge_attention(keys, values, keys, kernel=RBFKernel(1.0), ridge=0.3)
        assert np.allclose(found, ridge_shrink_factor(2, 1.0, degree, 0.3 / 60) * values, atol=1e-12)


@pytest.mark.parametrize(("dim", "degree", "signal"), [(2, 1, 0.6), (3, 2, 1.0), (4, 1, 0.0)])
def test_bias_and_spread_describe_sampled_attention(dim, degree, signal, rng):
    keys = on_sphere(rng, (2000, 400), dim)
    signs = np.where(rng.random((2000, 400, 1)) < 0.5 * (1.0 + signal), 1.0, -1.0)
    query = np.eye(dim)[:1]
    found = softmax_attention(keys, signs * harmonic_values(keys, degree), query, 1.5)[:, 0]
    bias, spread = softmax_bias_and_spread(dim, 1.5, degree, signal=signal)
    limit = signal * softmax_limit_constant(dim, 1.5, degree) * harmonic_values(query, degree)
    scatter = 400 * ((found - limit) ** 2).sum(1)
    assert scatter.mean() == pytest.approx(float(spread), rel=0.1)
    target = signal * harmonic_values(query, degree)
    assert np.linalg.norm(limit - target) == pytest.approx(float(bias), abs=1e-12)
    error = ((found - target) ** 2).sum(1)
    bound = float(softmax_mean_square_bound(dim, 1.5, degree, 400, signal=signal))
    assert error.mean() - 5 * error.std() / np.sqrt(2000) < bound


def test_bound_is_never_worse_than_the_diameter_and_tends_to_the_bias():
    assert softmax_mean_square_bound(2, 1e6, 1, 3, signal=0.5) == pytest.approx(2.25)
    bias, _ = softmax_bias_and_spread(3, 4.0, 1)
    assert softmax_mean_square_bound(3, 4.0, 1, 1e12) == pytest.approx(float(bias) ** 2, rel=1e-4)


def test_ridge_attention_is_within_the_stated_distance_of_the_mean_value(rng):
    """The inequality behind the counterexample, in the 25 features that hold the kernel to 1e-14."""
    keys = on_sphere(rng, (500,), 2)
    features, grid = circle_features(keys, 1.0, 12), circle_features(on_sphere(rng, (200,), 2), 1.0, 12)
    levels = [rbf_eigenvalue(2, 1.0, degree) for degree in range(13)]
    law = np.diag(np.concatenate([[levels[0]], np.repeat(levels[1:], 2)]))
    for coordinate, degree in ((1, 1), (3, 2)):
        target = np.zeros(25)
        target[coordinate] = 1.0 / np.sqrt(2.0 * levels[degree])
        for ridge in (0.5, 500**0.75):
            gram = features.T @ features
            found = np.linalg.solve(gram + ridge * np.eye(25), gram @ target)
            gap = np.abs(grid @ (found - target)).max()
            away = ridge / 500 + np.linalg.norm(law - gram / 500, 2)
            assert gap <= away * np.linalg.norm(target) / levels[degree]


@pytest.mark.parametrize("dim", [2, 3, 8])
def test_bias_bounds_of_the_rate(dim):
    kappa = np.logspace(-1, 4, 60)
    lost = 1.0 - softmax_limit_constant(dim, kappa, 1)
    assert np.all(lost <= (dim - 1) / (2.0 * kappa) + (dim + 1) ** 2 / (8.0 * kappa**2))
    # the second harmonic of the circle, cos 2a, has second derivatives of at most 4
    if dim == 2:
        assert np.all(1.0 - softmax_limit_constant(2, kappa, 2) <= np.pi**2 / 4.0 * 4.0 * lost)


def test_schedule_balances_bias_and_noise():
    """Both parts of the root fall like T^(-2/(d+3))."""
    keys = np.logspace(6, 14, 9)
    for dim in (2, 3, 4):
        bias, spread = softmax_bias_and_spread(dim, vanishing_temperature(dim, keys), 1, signal=0.8)
        for part in (bias, np.sqrt(spread / keys)):
            slope = np.polyfit(np.log(keys), np.log(part), 1)[0]
            assert slope == pytest.approx(-2.0 / (dim + 3.0), abs=0.01)


def test_wrong_arguments_name_themselves():
    with pytest.raises(ValueError, match="vector of length"):
        smoothing_operator([[2.0, 0.0]], 1.0)
    with pytest.raises(ValueError, match="kappa is -1"):
        circle_smoothing_operator(8, -1.0)
    with pytest.raises(ValueError, match="law has shape"):
        smoothing_operator([[1.0, 0.0]], 1.0, [0.5, 0.5])
    with pytest.raises(ValueError, match="density"):
        circle_smoothing_operator(8, 1.0, lambda angle: angle - 1.0)
    with pytest.raises(ValueError, match="nodes"):
        zonal_smoothing_operator(3, 0, 1.0)
    operator = circle_smoothing_operator(8, 0.0)
    with pytest.raises(ValueError, match="function has shape"):
        operator.apply(np.ones(7))
    with pytest.raises(ValueError, match="averaged to zero"):
        operator.best_constant(np.zeros(8))
    with pytest.raises(ValueError, match="ridge_per_key"):
        ridge_shrink_factor(2, 1.0, 1, 0.0)
    with pytest.raises(ValueError, match=r"signal is 1\.5"):
        softmax_bias_and_spread(2, 1.0, 1, signal=1.5)
    with pytest.raises(ValueError, match="keys is 0"):
        vanishing_temperature(2, 0)
