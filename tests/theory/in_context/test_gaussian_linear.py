"""The Gaussian linear concept: recursion, dual form and determinant are independent routes to one law."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tightbound.theory.in_context.gaussian_linear import GaussianLinear


def drawn(problem, steps, rng, batch=()):
    features = rng.standard_normal((*batch, steps, problem.feature_dim))
    return features, rng.standard_normal((*batch, steps, problem.value_dim))


@given(
    steps=st.integers(0, 12),
    dim=st.integers(1, 5),
    width=st.integers(1, 3),
    prior=st.floats(0.01, 100.0),
    noise=st.floats(0.01, 100.0),
    seed=st.integers(0, 10**6),
)
def test_predictions_multiply_to_the_evidence(steps, dim, width, prior, noise, seed):
    problem = GaussianLinear(dim, width, prior, noise)
    features, values = drawn(problem, steps, np.random.default_rng(seed), (2,))
    total = problem.log_predictive(features, values).sum(-1)
    assert np.allclose(total, problem.log_evidence(features, values), rtol=1e-9, atol=1e-9)
    information = problem.information(features)
    _, variance = problem.predictive_moments(features, values)
    gains = 0.5 * width * np.log(variance / noise)
    assert np.allclose(information, np.cumsum(gains, axis=-1), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(("prior", "noise"), [(1e12, 1e-4), (1e8, 1e-4), (1e-9, 1e9)])
def test_extreme_variances_leave_finite_numbers(prior, noise, rng):
    problem = GaussianLinear(5, 1, prior, noise)
    features = rng.standard_normal((3, 5))
    concept = np.sqrt(prior) * rng.standard_normal((1, 5))
    values = features @ concept.mT + np.sqrt(noise) * rng.standard_normal((3, 1))
    _, variance = problem.predictive_moments(features, values)
    assert np.all(variance >= noise)
    total = problem.log_predictive(features, values).sum()
    assert total == pytest.approx(float(problem.log_evidence(features, values)), rel=1e-3)
    mean, covariance = problem.posterior(features, values)
    assert np.all(np.isfinite(mean))
    assert np.linalg.eigvalsh(covariance).min() >= -1e-12 * prior


def test_posterior_is_bayes_rule_in_coordinates(rng):
    """The posterior of the vectorised concept by brute force: a joint normal law of z and all values."""
    problem = GaussianLinear(2, 2, prior_variance=0.7, noise_variance=0.3)
    features, values = drawn(problem, 4, rng)
    mean, covariance = problem.posterior(features, values)
    design = np.kron(features, np.eye(2))  # rows: step and coordinate; columns: feature and coordinate
    joint = 0.7 * design @ design.T + 0.3 * np.eye(8)
    expected = 0.7 * design.T @ np.linalg.solve(joint, values.ravel())
    spread = 0.7 * np.eye(4) - 0.49 * design.T @ np.linalg.solve(joint, design)
    assert np.allclose(mean, expected.reshape(2, 2).T, atol=1e-12)
    assert np.allclose(np.kron(covariance, np.eye(2)), spread, atol=1e-12)


def test_nothing_seen_leaves_the_prior():
    problem = GaussianLinear(3, 2, prior_variance=2.0)
    mean, covariance = problem.posterior(np.zeros((0, 3)), np.zeros((0, 2)))
    assert not mean.any()
    assert np.allclose(covariance, 2.0 * np.eye(3))
    assert problem.information(np.zeros((0, 3))).shape == (0,)
    assert problem.log_evidence(np.zeros((0, 3)), np.zeros((0, 2))) == 0.0


def test_log_likelihood_is_a_normal_density():
    problem = GaussianLinear(1, 2, noise_variance=0.5)
    found = problem.log_likelihood([[2.0]], [[1.0, 0.0]], [[0.5], [1.0]])
    assert found == pytest.approx([-0.5 * 4.0 / 0.5 - np.log(2 * np.pi * 0.5)])


def test_information_is_the_mean_regret(rng):
    problem = GaussianLinear(3, prior_variance=1.5, noise_variance=0.4)
    features = rng.standard_normal((40, 3))
    concept = np.sqrt(1.5) * rng.standard_normal((4000, 1, 3))
    values = features @ concept.mT + np.sqrt(0.4) * rng.standard_normal((4000, 40, 1))
    batch = np.broadcast_to(features, (4000, 40, 3))
    regret = problem.log_likelihood(batch, values, concept) - problem.log_predictive(batch, values)
    total = regret.sum(-1)
    error = total.std(ddof=1) / np.sqrt(total.size)
    assert abs(total.mean() - problem.information(features)[-1]) < 5 * error


@pytest.mark.parametrize("name", ["prior_variance", "noise_variance"])
@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
def test_variances_are_positive(name, value):
    with pytest.raises(ValueError, match=name):
        GaussianLinear(2, **{name: value})


def test_wrong_arguments_name_themselves():
    problem = GaussianLinear(2, value_dim=1)
    with pytest.raises(ValueError, match="feature_dim"):
        GaussianLinear(0)
    with pytest.raises(TypeError, match="noise_variance"):
        GaussianLinear(2, noise_variance="big")
    with pytest.raises(ValueError, match="features has shape"):
        problem.information(np.zeros((5, 3)))
    with pytest.raises(ValueError, match="values has shape"):
        problem.posterior(np.zeros((5, 2)), np.zeros((4, 1)))
    with pytest.raises(ValueError, match="NaN"):
        problem.log_evidence([[np.nan, 0.0]], [[0.0]])
    with pytest.raises(ValueError, match="concept has shape"):
        problem.log_likelihood(np.zeros((5, 2)), np.zeros((5, 1)), np.zeros((2, 1)))
