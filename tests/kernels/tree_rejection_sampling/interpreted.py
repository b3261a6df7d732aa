"""Run under Triton's interpreter by the tests beside it."""

import numpy as np
import pytest
import torch

from tightbound.kernels.tree_rejection_sampling import tree_rejection_sampling


@pytest.mark.parametrize(("nodes", "vocabulary"), [(1, 3), (7, 4), (6, 5000)])
@pytest.mark.parametrize("replace", [True, False])
def test_triton_is_the_reference(nodes, vocabulary, replace, rng, random_trees):
    batch = 4
    _, *links = random_trees(rng, batch, nodes)
    tokens = rng.integers(0, 3, (batch, nodes))
    p, q = (rng.dirichlet(np.full(vocabulary, 0.3), (batch, nodes)) for _ in range(2))
    p[..., :3] += 0.1
    q[..., :3] += 1.0
    p, q = ((a / a.sum(-1, keepdims=True)).astype(np.float32) for a in (p, q))
    q[0] = p[0]
    arguments = (tokens, *links, rng.random((batch, nodes)), rng.random(batch), p, q)
    expected = tree_rejection_sampling(*arguments, replace=replace, backend="numpy")
    found = tree_rejection_sampling(*map(torch.from_numpy, arguments), replace=replace, backend="triton")
    for a, b in zip(expected, found, strict=True):
        assert (a == b.numpy()).all()
