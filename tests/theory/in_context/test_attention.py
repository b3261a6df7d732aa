"""Softmax and ridge attention: closed cases, limits, and agreement with the Gaussian linear posterior."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tightbound.theory.in_context.gaussian_linear import GaussianLinear
from tightbound.theory.in_context.ridge_attention import (
    LinearKernel,
    RBFKernel,
    ridge_attention,
    ridge_variance,
)
from tightbound.theory.in_context.softmax_attention import softmax_attention


@given(
    st.integers(1, 15),
    st.integers(1, 4),
    st.integers(1, 3),
    st.floats(0.05, 20.0),
    st.floats(0.05, 20.0),
    st.integers(0, 10**6),
)
def test_dual_and_primal_agree(steps, dim, width, prior, noise, seed):
    rng = np.random.default_rng(seed)
    keys, values = rng.standard_normal((steps, dim)), rng.standard_normal((steps, width))
    queries = rng.standard_normal((3, dim))
    problem = GaussianLinear(dim, width, prior, noise)
    mean, covariance = problem.posterior(keys, values)
    given_law = {"prior_variance": prior, "noise_variance": noise}
    assert np.allclose(ridge_attention(keys, values, queries, **given_law), queries @ mean.T, atol=1e-9)
    variance = noise + np.einsum("qi,ij,qj->q", queries, covariance, queries)
    assert np.allclose(ridge_variance(keys, queries, **given_law), variance, rtol=1e-9)


def test_batches_are_independent(rng):
    keys, values = rng.standard_normal((4, 6, 3)), rng.standard_normal((4, 6, 2))
    queries = rng.standard_normal((5, 3))
    for attend in (softmax_attention, ridge_attention):
        together = attend(keys, values, queries)
        alone = [attend(k, v, queries) for k, v in zip(keys, values, strict=True)]
        assert np.allclose(together, np.stack(alone), rtol=1e-12)
    assert ridge_variance(keys, queries).shape == (4, 5)


def test_softmax_limits(rng):
    keys, values = rng.standard_normal((7, 3)), rng.standard_normal((7, 2))
    keys /= np.linalg.norm(keys, axis=1, keepdims=True)
    queries = rng.standard_normal((2, 3))
    assert np.allclose(softmax_attention(keys, values, queries, 0.0), values.mean(0))
    assert np.allclose(softmax_attention(keys, values, keys, 1e8), values)
    assert np.allclose(softmax_attention(keys[:1], values[:1], queries), values[:1])


def test_softmax_is_nadaraya_watson_with_the_gaussian_kernel(rng):
    keys, values = rng.standard_normal((7, 3)), rng.standard_normal((7, 2))
    keys /= np.linalg.norm(keys, axis=1, keepdims=True)
    weights = RBFKernel(2.5)(keys[:2], keys)
    expected = weights @ values / weights.sum(1, keepdims=True)
    assert np.allclose(softmax_attention(keys, values, keys[:2], 2.5), expected)


def test_a_ridge_may_depend_on_the_number_of_keys(rng):
    keys, values, queries = rng.standard_normal((16, 3)), rng.standard_normal((16, 1)), np.eye(3)
    fixed = ridge_attention(keys, values, queries, ridge=8.0)
    assert np.array_equal(fixed, ridge_attention(keys, values, queries, ridge=lambda t: t**0.75))
    assert np.array_equal(
        ridge_attention(keys, values, queries, noise_variance=16.0, prior_variance=2.0), fixed
    )


def test_an_empty_prompt_returns_the_prior():
    none = np.zeros((0, 3))
    assert not ridge_attention(none, np.zeros((0, 2)), np.eye(3)).any()
    assert np.allclose(ridge_variance(none, np.eye(3), prior_variance=2.0, noise_variance=0.5), 2.5)


def test_kernels():
    first, second = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0], [1.0, 0.0]])
    assert LinearKernel()(first, second).tolist() == [[0.0, 1.0]]
    assert RBFKernel(3.0)(first, second) == pytest.approx(np.array([[np.exp(-3.0), 1.0]]))


def test_wrong_arguments_name_themselves():
    keys, values, queries = np.eye(2), np.ones((2, 1)), np.eye(2)
    for attend in (softmax_attention, ridge_attention):
        with pytest.raises(ValueError, match="values has shape"):
            attend(keys, np.ones((3, 1)), queries)
        with pytest.raises(ValueError, match="queries has shape"):
            attend(keys, values, np.ones((1, 3)))
        with pytest.raises(ValueError, match="keys has shape"):
            attend(np.ones(2), values, queries)
        with pytest.raises(ValueError, match="keys has entries"):
            attend([[np.nan, 0.0], [0.0, 1.0]], values, queries)
    with pytest.raises(ValueError, match="kappa is -1"):
        softmax_attention(keys, values, queries, -1.0)
    with pytest.raises(ValueError, match="keys is empty"):
        softmax_attention(np.zeros((0, 2)), np.zeros((0, 1)), queries)
    with pytest.raises(ValueError, match="ridge is 'optimal'"):
        ridge_attention(keys, values, queries, ridge="optimal")
    with pytest.raises(ValueError, match="ridge is 0"):
        ridge_attention(keys, values, queries, ridge=0.0)
    with pytest.raises(ValueError, match="larger ridge"):
        ridge_attention(np.ones((2, 1)), values, np.ones((1, 1)), ridge=1e-30)
    with pytest.raises(ValueError, match="noise_variance"):
        ridge_variance(keys, queries, noise_variance=0.0)
    with pytest.raises(ValueError, match="kappa is 0"):
        RBFKernel(0.0)
