"""Run under Triton's interpreter by the tests beside it."""

import numpy as np
import pytest
import torch

from tightbound.kernels.tree_rejection_sampling import tree_rejection_sampling, triton_gpu


@pytest.mark.parametrize(("nodes", "vocabulary"), [(1, 3), (7, 4), (6, 5000)])
@pytest.mark.parametrize("replace", [True, False])
def test_triton_is_the_reference(nodes, vocabulary, replace, rng, random_trees, monkeypatch):
    monkeypatch.setattr(triton_gpu, "BLOCK", 2048)  # more than one for a row
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


@pytest.mark.parametrize("replace", [True, False])
def test_nothing_is_left_and_tokens_come_again(replace):
    # one node with three children: equal laws, of which the target's is a little less, leave nothing
    child, sibling = np.array([[1, -1, -1, -1]] * 3), np.array([[-1, 2, 3, -1]] * 3)
    tokens = np.array([[0, 1, 1, 2], [0, 1, 1, 2], [0, 2, 1, 2]])
    q = np.tile(np.array([0.2, 0.5, 0.3], np.float32), (3, 4, 1))
    p = q * np.float32(1 - 1e-6)
    p[1] = [0.6, 0.1, 0.3]
    coins = np.full((3, 4), 1 - 1e-9)
    index = np.arange(12).reshape(3, 4)
    arguments = (tokens, index, child, sibling, coins, np.array([0.3, 0.5, 0.9]), p, q)
    expected = tree_rejection_sampling(*arguments, replace=replace, backend="numpy")
    found = tree_rejection_sampling(*map(torch.from_numpy, arguments), replace=replace, backend="triton")
    for a, b in zip(expected, found, strict=True):
        assert (a == b.numpy()).all()
