"""Run under numba.cuda's simulator by test_backends.py."""

import numpy as np
import pytest

from tightbound.kernels.chain_speculative_sampling import ragged_chain_speculative_sampling


@pytest.mark.parametrize("greedy", [False, True])
def test_numba_cuda_is_the_reference(greedy, rng):
    drafts, vocabulary = [2, 0, 3], 70
    q = rng.dirichlet(np.full(vocabulary, 0.2), 5).astype(np.float32)
    p = rng.dirichlet(np.full(vocabulary, 0.2), 8).astype(np.float32)
    p[:5] = (p[:5] + q) / 2
    arguments = (None if greedy else q, q.argmax(-1), p, np.cumsum(drafts), rng.random(5), rng.random(3))
    expected = ragged_chain_speculative_sampling(*arguments, backend="numpy")
    found = ragged_chain_speculative_sampling(*arguments, backend="numba_cuda")
    assert all((a == b).all() for a, b in zip(expected, found, strict=True))
