"""Probabilities from logits: softmax, cuts with ties, every backend."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from tightbound.kernels.probs_from_logits import probs_from_logits


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_softmax(backend, rng):
    logits = rng.normal(0, 5, (3, 4, 700)).astype(np.float32)
    t = rng.uniform(0.5, 2, (3, 4))
    found = probs_from_logits(logits, t, backend=backend)
    np.testing.assert_allclose(found, softmax(logits / t[..., np.newaxis], axis=-1), rtol=0, atol=1e-6)
    shifted = probs_from_logits(logits.astype(float) + 300.0, t, backend="numpy")
    np.testing.assert_allclose(found, shifted, rtol=0, atol=1e-6)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_ties_go_to_the_smaller_index(backend):
    logits = np.array([[0.0, 1.0, -0.0, 1.0, -np.inf, 0.0]], np.float32)
    for k, kept in ((1, [1]), (2, [1, 3]), (3, [0, 1, 3]), (4, [0, 1, 2, 3]), (6, [0, 1, 2, 3, 5])):
        found = probs_from_logits(logits, top_k=k, backend=backend)
        assert np.flatnonzero(found[0]).tolist() == kept
    for p, kept in ((0.2, [1]), (0.5, [1, 3]), (0.75, [0, 1, 3]), (1.0, [0, 1, 2, 3, 5])):
        found = probs_from_logits(logits, top_p=p, backend=backend)
        assert np.flatnonzero(found[0]).tolist() == kept
    assert probs_from_logits(logits, 0.0, top_p=0.9, backend=backend).tolist() == [[0, 1, 0, 0, 0, 0]]


@settings(max_examples=50)
@given(
    vocabulary=st.sampled_from([1, 2, 9, 3000]),
    k=st.sampled_from([0, 1, 3, 50, 5000]),
    p=st.sampled_from([1e-9, 0.3, 0.9, 1.0]),
    t=st.sampled_from([0.0, 0.01, 0.7, 3.0]),
    step=st.sampled_from([0.0, 0.5, 2.0]),
    seed=st.integers(0, 1000),
)
def test_numba_is_the_reference(vocabulary, k, p, t, step, seed):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 4, (2, vocabulary))
    if step:  # many ties
        logits = step * np.round(logits / step)
    logits[:, 1:][rng.random((2, vocabulary - 1)) < 0.1] = -np.inf
    logits = logits.astype(np.float32)
    before = logits.copy()
    expected = probs_from_logits(logits, [t, 1.0], [k, 2], [p, 0.5], backend="numpy")
    found = probs_from_logits(logits, [t, 1.0], [k, 2], [p, 0.5], backend="numba")
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-12)
    assert (logits == before).all()


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"temperature": -1.0}, ValueError, "temperature is"),
        ({"temperature": np.nan}, ValueError, "temperature is"),
        (
            {"temperature": [1.0, 1.0]},
            ValueError,
            r"temperature has shape \(2,\): give one number, or one per row",
        ),
        ({"top_k": -1}, ValueError, "top_k is"),
        ({"top_k": 1.5}, TypeError, "top_k has dtype float64"),
        ({"top_p": 0.0}, ValueError, "top_p is"),
        ({"top_p": 1.1}, ValueError, "above 0 and at most 1"),
        ({"logits": np.zeros((3, 0))}, ValueError, "at least one token"),
        ({"logits": np.zeros((3, 2), int)}, TypeError, "logits has dtype int64"),
        ({"logits": np.array([[np.nan, 0.0]] * 3, np.float32)}, ValueError, "logits has a row with NaN"),
        ({"logits": np.array([[np.inf, 0.0]] * 3, np.float32)}, ValueError, "plus infinity"),
        ({"logits": np.full((3, 2), -np.inf, np.float32)}, ValueError, "no finite entry"),
    ],
)
def test_bad_input(backend, change, error, said):
    with pytest.raises(error, match=said):
        probs_from_logits(**({"logits": np.zeros((3, 2), np.float32)} | change), backend=backend)


def test_triton_in_the_interpreter(interpreter):
    assert interpreter == ""


def test_triton_compiles(ahead_of_time):
    assert len(ahead_of_time) == 30
