"""Run under Triton's interpreter by the tests beside it."""

import numpy as np
import pytest
import torch

from tightbound.kernels.verify_tree_greedy import verify_tree_greedy


@pytest.mark.parametrize("nodes", [1, 2, 9])
def test_triton_is_the_reference(nodes, rng, random_trees):
    _, *links = random_trees(rng, 6, nodes)
    tokens, best = rng.integers(0, 2, (2, 6, nodes))
    arguments = (tokens, *links, best)
    expected = verify_tree_greedy(*arguments, backend="numpy")
    found = verify_tree_greedy(*map(torch.from_numpy, arguments), backend="triton")
    for a, b in zip(expected, found, strict=True):
        assert (a == np.asarray(b)).all()
