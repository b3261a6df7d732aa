"""Sharp perturbation bounds: they hold for random pairs and are attained at the extremal ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax, rel_entr, softmax

from tightbound.theory.in_context.perturbation import (
    kl_by_total_variation,
    kl_extremal_pair,
    softmax_extremal_logits,
    softmax_stability,
    stated_softmax_stability,
)


def total_variation(p, q):
    return 0.5 * np.abs(p - q).sum()


@given(st.integers(2, 8), st.floats(0.0, 20.0), st.booleans(), st.integers(0, 10**6))
def test_softmax_moves_no_further(size, eta, one_sided, seed):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0.0, 3.0, size)
    signs = rng.integers(0, 2, size) if one_sided else rng.choice([-1.0, 1.0], size)
    distance = total_variation(softmax(logits), softmax(logits + eta * signs))
    assert distance <= softmax_stability(eta, one_sided=one_sided) + 1e-12


@given(st.floats(0.0, 50.0), st.booleans())
def test_softmax_bound_is_attained(eta, one_sided):
    before, after = softmax_extremal_logits(eta, one_sided=one_sided)
    change = after - before
    assert np.abs(change).max() == pytest.approx(eta)
    assert not one_sided or change.min() >= 0.0
    distance = total_variation(softmax(before), softmax(after))
    assert distance == pytest.approx(float(softmax_stability(eta, one_sided=one_sided)), abs=1e-14)


@given(st.integers(2, 8), st.floats(0.01, 5.0), st.integers(0, 10**6))
def test_divergence_follows_from_total_variation(size, scale, seed):
    rng = np.random.default_rng(seed)
    log_p, log_q = log_softmax(rng.normal(0.0, scale, (2, size)), axis=1)
    positive = (np.exp(log_p) * np.maximum(log_p - log_q, 0.0)).sum()
    b = (log_p - log_q).max()
    limit = kl_by_total_variation(b) * total_variation(np.exp(log_p), np.exp(log_q))
    assert rel_entr(np.exp(log_p), np.exp(log_q)).sum() <= positive + 1e-12
    assert positive <= limit * (1 + 1e-12) + 1e-15


@given(st.floats(1e-3, 100.0))
def test_divergence_bound_is_attained(b):
    p, q = kl_extremal_pair(b)
    limit = kl_by_total_variation(b) * total_variation(p, q)
    assert float(rel_entr(p, q).sum()) == pytest.approx(float(limit), rel=1e-12)


def test_limits():
    assert kl_by_total_variation(0.0) == 1.0
    assert kl_by_total_variation(1e-9) == pytest.approx(1.0, abs=1e-8)
    assert kl_by_total_variation(1000.0) == 1000.0
    b = np.linspace(0.0, 30.0, 100)
    assert np.all(b <= kl_by_total_variation(b))
    assert np.all(kl_by_total_variation(b) <= 1.0 + b)
    assert np.all(stated_softmax_stability(b) >= 2.0 * softmax_stability(b))


@pytest.mark.parametrize(
    "function",
    [softmax_stability, stated_softmax_stability, kl_by_total_variation, kl_extremal_pair],
)
@pytest.mark.parametrize("value", [-0.1, np.nan, np.inf])
def test_a_size_is_not_negative(function, value):
    with pytest.raises(ValueError, match=r"eta|largest_log_ratio"):
        function(value)
