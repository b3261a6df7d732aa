"""Attention over kept keys: identities, bounds, choices, bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.speculative import sparse_attention as sparse


def _instance(seed, keys, dim):
    rng = np.random.default_rng(seed)
    keep = rng.random(keys) < 0.5
    keep[rng.integers(keys)] = True
    return rng.dirichlet(np.full(keys, 0.4)) + 0.0, keep, rng.standard_normal((keys, dim))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), keys=st.integers(1, 20), dim=st.integers(1, 5))
def test_error_is_that_of_two_softmaxes_and_stays_within_its_bound(seed, keys, dim):
    weights, keep, values = _instance(seed, keys, dim)
    mass = weights[keep].sum()
    if mass < 1e-6:
        return
    direct = weights[keep] / mass @ values[keep] - weights @ values
    error = sparse.sparse_error(weights, keep, values)
    assert error == pytest.approx(direct, abs=1e-12)
    assert np.linalg.norm(error) <= sparse.sparse_error_bound(weights, keep, values) + 1e-12


def test_nothing_dropped_is_no_error():
    weights, _, values = _instance(0, 6, 3)
    assert sparse.sparse_error(weights, np.ones(6, bool), values) == pytest.approx(np.zeros(3))
    assert float(sparse.kept_mass(weights, np.ones(6, bool))) == pytest.approx(1.0)


def test_leading_axes_broadcast():
    rng = np.random.default_rng(0)
    weights, values = rng.dirichlet(np.ones(5), (2, 3)), rng.standard_normal((3, 5, 4))
    keep = rng.random((2, 1, 5)) < 2.0
    keep[..., 0] = False
    error = sparse.sparse_error(weights, keep, values)
    assert error.shape == (2, 3, 4)
    assert error[1, 2] == pytest.approx(sparse.sparse_error(weights[1, 2], keep[1, 0], values[2]))
    assert sparse.sparse_error_bound(weights, keep, values).shape == (2, 3)


def test_top_keys_are_sorted_and_ties_go_to_the_earlier_key():
    assert sparse.top_keys(np.full((1, 4), 0.25), 2).tolist() == [0, 1]
    assert sparse.top_keys([[0.1, 0.2, 0.7]], 9).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: sparse.kept_mass([0.5, 0.4], [True, False]), ValueError, "weights"),
        (lambda: sparse.kept_mass([0.5, 0.5], [1, 0]), TypeError, "keep"),
        (lambda: sparse.kept_mass([0.5, 0.5], [True]), ValueError, "keep"),
        (lambda: sparse.sparse_error([1.0, 0.0], [False, True], [[1.0], [2.0]]), ValueError, "no mass"),
        (lambda: sparse.sparse_error([1.0, 0.0], [True, True], [[1.0]]), ValueError, "one row per key"),
        (lambda: sparse.sparse_error_bound([1.0], [True], 3.0), ValueError, "one row per key"),
        (lambda: sparse.top_keys([1.0], 1), ValueError, "heads of a group"),
        (lambda: sparse.top_keys([[1.0]], 0), ValueError, "count"),
    ],
)
def test_bad_input_is_named(call, error, words):
    with pytest.raises(error, match=words):
        call()
