"""Run under numba.cuda's simulator by the tests beside it."""

import numpy as np
import pytest

from tightbound.kernels.tree_speculative_sampling_target_only import tree_speculative_sampling_target_only


@pytest.mark.parametrize(("nodes", "vocabulary"), [(1, 3), (2, 40), (9, 70)])
def test_numba_cuda_is_the_reference(nodes, vocabulary, rng, random_trees):
    batch = 4
    _, *links = random_trees(rng, batch, nodes)
    tokens = rng.integers(0, 3, (batch, nodes))
    p = rng.dirichlet(np.full(vocabulary, 0.3), (batch, nodes)).astype(np.float32)
    p[..., :3] += 0.3
    p[-1] = np.eye(vocabulary)[0]  # children may have all the mass
    arguments = (tokens, *links, rng.random((batch, nodes)), rng.random(batch), p / p.sum(-1, keepdims=True))
    expected = tree_speculative_sampling_target_only(*arguments, backend="numpy")
    found = tree_speculative_sampling_target_only(*map(np.asarray, arguments), backend="numba_cuda")
    for a, b in zip(expected, found, strict=True):
        assert (a == np.asarray(b)).all()
