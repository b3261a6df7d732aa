import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, softmax

from tightbound.theory.attention.inner_dependence import logit_gradient, sigmoid_jacobian, softmax_jacobian

STEP = 1e-6


def numerical(function, logits):
    """Jacobian by central differences."""
    columns = [
        (function(logits + STEP * unit) - function(logits - STEP * unit)) / (2 * STEP)
        for unit in np.eye(logits.size)
    ]
    return np.stack(columns, axis=-1)


@given(st.lists(st.floats(-4, 4), min_size=2, max_size=6))
def test_jacobians_are_derivatives(row):
    logits = np.array(row)
    found = softmax_jacobian(softmax(logits))
    np.testing.assert_allclose(found, numerical(softmax, logits), atol=1e-8)
    np.testing.assert_allclose(found.sum(axis=0), 0.0, atol=1e-15)
    np.testing.assert_allclose(found.sum(axis=1), 0.0, atol=1e-15)
    assert np.all(found[~np.eye(len(row), dtype=bool)] < 0.0)
    single = sigmoid_jacobian(expit(logits))
    np.testing.assert_allclose(single, numerical(expit, logits), atol=1e-8)
    assert np.all(single[~np.eye(len(row), dtype=bool)] == 0.0)


def test_the_gradient_is_a_derivative_of_the_loss(rng):
    logits, values, along = rng.normal(size=(3, 5)), rng.normal(size=(5, 4)), rng.normal(size=(3, 4))
    found = logit_gradient(softmax(logits, axis=1), values, along)

    def loss(flat):
        return np.sum(along * (softmax(flat.reshape(3, 5), axis=1) @ values))

    np.testing.assert_allclose(found.ravel(), numerical(loss, logits.ravel()), atol=1e-8)
    np.testing.assert_allclose(found.sum(axis=1), 0.0, atol=1e-14)


@given(st.integers(0, 1000))
def test_a_head_that_hurts_feeds_a_sink_of_value_zero(seed):
    rng = np.random.default_rng(seed)
    scores, values, along = softmax(rng.normal(size=(1, 5))), rng.normal(size=(5, 4)), rng.normal(size=(1, 4))
    values[0] = 0.0
    hurt = float(np.sum(along * (scores @ values)))
    found = logit_gradient(scores, values, along)[0, 0]
    assert found == pytest.approx(-scores[0, 0] * hurt)
    assert (found < 0.0) == (hurt > 0.0)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: softmax_jacobian([0.5, 0.6]), "sums to"),
        (lambda: sigmoid_jacobian([1.5]), "in \\[0, 1\\]"),
        (lambda: sigmoid_jacobian([np.nan]), "NaN"),
        (lambda: logit_gradient([[1.0]], [[1.0, 2.0]], [[1.0]]), "do not fit"),
        (lambda: logit_gradient([1.0], [[1.0]], [[1.0]]), "do not fit"),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(ValueError, match=words):
        call()
