"""Every backend emits the tokens of the reference."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.kernels.chain_speculative_sampling import ragged_chain_speculative_sampling


@settings(max_examples=40)
@given(
    drafts=st.lists(st.integers(0, 4), min_size=1, max_size=5),
    vocabulary=st.sampled_from([1, 2, 7, 512, 1500]),
    greedy=st.booleans(),
    dtype=st.sampled_from([np.float16, np.float32]),
    seed=st.integers(0, 1000),
)
def test_numba_is_the_reference(drafts, vocabulary, greedy, dtype, seed):
    rng, total = np.random.default_rng(seed), sum(drafts)
    q = rng.dirichlet(np.full(vocabulary, 0.2), total).astype(dtype)
    p = rng.dirichlet(np.full(vocabulary, 0.2), total + len(drafts)).astype(dtype)
    p[:total] = (p[:total] + q) / 2
    likely = q.argmax(-1) if rng.random() < 0.5 else rng.integers(0, vocabulary, total)
    given_arrays = (
        None if greedy else q,
        likely,
        p,
        np.cumsum(drafts),
        rng.random(total),
        rng.random(len(drafts)),
    )
    before = [None if a is None else a.copy() for a in given_arrays]
    expected = ragged_chain_speculative_sampling(*given_arrays, backend="numpy")
    found = ragged_chain_speculative_sampling(*given_arrays, backend="numba")
    for a, b in zip(expected, found, strict=True):
        assert a.dtype == b.dtype == np.int32
        assert (a == b).all()
    assert all(a is b or (a == b).all() for a, b in zip(before, given_arrays, strict=True))


def test_numba_reads_float64(rng):
    q, p = rng.dirichlet(np.ones(9), 3), rng.dirichlet(np.ones(9), 4)
    arguments = (q, [0, 1, 2], p, [3], rng.random(3), rng.random(1))
    expected = ragged_chain_speculative_sampling(*arguments, backend="numpy")
    found = ragged_chain_speculative_sampling(*arguments, backend="numba")
    assert all((a == b).all() for a, b in zip(expected, found, strict=True))


def test_triton_in_the_interpreter(interpreter):
    assert interpreter == ""


def test_triton_compiles(ahead_of_time):
    assert len(ahead_of_time) == 8


def test_numba_cuda_in_the_simulator(simulator):
    assert simulator == ""
