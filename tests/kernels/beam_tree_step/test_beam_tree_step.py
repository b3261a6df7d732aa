"""A layer of a beam tree: ranking with ties, a beam that is exhaustive, every backend."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.kernels.beam_tree_step import beam_tree_step


@settings(max_examples=40)
@given(
    batch=st.integers(1, 3),
    rows=st.integers(1, 5),
    vocabulary=st.sampled_from([2, 7, 700]),
    w=st.integers(1, 16),
    step=st.sampled_from([0.0, 0.5]),
    seed=st.integers(0, 1000),
)
def test_numba_is_the_reference(batch, rows, vocabulary, w, step, seed):
    rng = np.random.default_rng(seed)
    logq, cum = rng.normal(0, 2, (batch, rows, vocabulary)), rng.normal(0, 2, (batch, rows))
    if step:  # many ties
        logq, cum = step * np.round(logq / step), step * np.round(cum / step)
    logq[rng.random(logq.shape) < 0.1] = -np.inf
    logq[rng.random(logq.shape) < 0.05] = np.nan
    cum[rng.random(cum.shape) < 0.1] = -np.inf
    logq = logq.astype(np.float32)
    w = min(w, rows * vocabulary)
    expected = beam_tree_step(logq, cum, w, backend="numpy")
    found = beam_tree_step(logq, cum, w, backend="numba")
    for a, b in zip(expected, found, strict=True):
        assert a.dtype == b.dtype
        assert (a == b).all()


def test_a_wide_beam_finds_the_likeliest_texts(rng):
    first, second = rng.dirichlet(np.ones(4)), rng.dirichlet(np.ones(4), 4)
    one = beam_tree_step(np.log(first)[np.newaxis, np.newaxis], [[0.0]], 4, backend="numpy")
    assert (np.diff(one.cum) <= 0).all()
    two = beam_tree_step(np.log(second[one.tokens[0]])[np.newaxis], one.cum, 5, backend="numpy")
    joint = first[:, np.newaxis] * second
    np.testing.assert_allclose(np.exp(two.cum[0]), np.sort(joint.ravel())[::-1][:5], rtol=1e-12)
    texts = one.tokens[0][two.parents[0]], two.tokens[0]
    np.testing.assert_allclose(joint[texts], np.exp(two.cum[0]), rtol=1e-12)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_what_is_impossible_is_left_out(backend):
    logq = np.full((1, 2, 3), -np.inf, np.float32)
    logq[0, 1, 2] = -1.0
    found = beam_tree_step(logq, [[0.0, -0.5]], 2, backend=backend)
    assert [part.tolist() for part in found] == [[[2, -1]], [[1, -1]], [[-1.5, -np.inf]]]


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ((np.zeros((1, 2, 3)), np.zeros((1, 3)), 1), ValueError, "cum has shape"),
        ((np.zeros((1, 2, 3)), np.zeros((1, 2)), 7), ValueError, "w is 7, more than the 6 continuations"),
        ((np.zeros((1, 2, 3)), np.zeros((1, 2)), 0), ValueError, "w is 0"),
        ((np.zeros((1, 2, 3)), np.full((1, 2), np.nan), 1), ValueError, "cum has entries that are NaN"),
        ((np.zeros((1, 2, 3), int), np.zeros((1, 2)), 1), TypeError, "logq has dtype int64"),
    ],
)
def test_bad_input(arguments, error, said):
    with pytest.raises(error, match=said):
        beam_tree_step(*arguments)


def test_triton_in_the_interpreter(interpreter):
    assert interpreter == ""


def test_triton_compiles(ahead_of_time):
    assert len(ahead_of_time) == 8
