"""A ring attends as a window over the whole history does."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp

from tightbound.simulators.speculative.ring import Ring


def whole(queries, keys, values, written, ahead, window):
    """Return attention of one sequence by loops over the positions in the window."""
    rows, heads, dim = queries.shape
    group = heads // keys.shape[1]
    seen = [n for n in range(written) if n > written + ahead - window]
    o, lse = np.zeros((rows, heads, dim)), np.full((rows, heads), -np.inf)
    for m in range(rows):
        for h in range(heads):
            if seen:
                scores = keys[seen, h // group] @ queries[m, h] / np.sqrt(dim)
                lse[m, h] = logsumexp(scores)
                o[m, h] = np.exp(scores - lse[m, h]) @ values[seen, h // group]
    return o, lse


@settings(max_examples=25, deadline=None)
@given(
    window=st.integers(1, 9),
    written=st.lists(st.integers(0, 30), min_size=1, max_size=3),
    ahead=st.integers(0, 9),
    step=st.integers(1, 12),
    seed=st.integers(0, 99),
)
def test_attention_is_that_of_the_window(window, written, ahead, step, seed):
    rng = np.random.default_rng(seed)
    ring = Ring(len(written), window, 2, 4, dtype="float64")
    keys, values = rng.standard_normal((2, len(written), 30, 2, 4))
    for b, count in enumerate(written):
        for first in range(0, count, step):
            last = min(first + step, count)
            ring.write(b, first, keys[b, first:last], values[b, first:last])
    queries = rng.standard_normal((len(written), 3, 4, 4))
    o, lse = ring.attend(queries, ahead, backend="numpy")
    for b, count in enumerate(written):
        exact = whole(queries[b], keys[b], values[b], count, ahead, window)
        assert lse[b] == pytest.approx(exact[1], abs=1e-12)
        if np.isfinite(exact[1]).all():
            assert o[b] == pytest.approx(exact[0], abs=1e-12)


def test_missing_positions_are_the_last_that_were_not_written():
    ring = Ring(3, 4, 1, 2)
    ring.written[:] = 0, 3, 9
    found = [some.tolist() for some in ring.missing(np.array([10, 5, 9]))]
    assert found == [[6, 7, 8, 9], [3, 4], []]


def test_memory_is_two_windows_of_keys_however_much_is_written():
    ring = Ring(2, 5, 3, 4)
    before = ring.nbytes
    ring.write(1, 1000, np.ones((3000, 3, 4)), np.ones((3000, 3, 4)))
    assert ring.nbytes == before == 2 * 2 * 5 * 3 * 4 * 4
    assert ring.written.tolist() == [0, 4000]


def test_sequences_that_stay_keep_their_rows():
    ring = Ring(3, 2, 1, 2)
    ring.write(2, 0, np.full((1, 1, 2), 7.0), np.zeros((1, 1, 2)))
    ring.select(np.array([0, 2]))
    assert ring.written.tolist() == [0, 1]
    assert ring.keys[1, 0, 0].tolist() == [7.0, 7.0]


@pytest.mark.parametrize("name", ["batch", "window", "kv_heads", "head_size"])
def test_sizes_are_positive(name):
    sizes = dict.fromkeys(("batch", "window", "kv_heads", "head_size"), 2)
    with pytest.raises(ValueError, match=name):
        Ring(**{**sizes, name: 0})
