"""Run under numba.cuda's simulator by the tests beside it."""

import numpy as np
import pytest

from tightbound.kernels.build_tree import build_tree


@pytest.mark.parametrize("nodes", [1, 2, 9])
def test_numba_cuda_is_the_reference(nodes, rng, random_trees):
    parent, *_ = random_trees(rng, 3, nodes)
    if nodes == 9:
        parent[0, np.flatnonzero(~np.isin(np.arange(9), parent[0]))] = -1  # leaves that are absent
    arguments = (parent, rng.integers(1, 9, parent.shape), np.array([3, 0, 7]))
    expected = build_tree(*arguments, backend="numpy")
    found = build_tree(*map(np.asarray, arguments), backend="numba_cuda")
    for a, b in zip(expected, found, strict=True):
        assert a.dtype == np.asarray(b).dtype
        assert (a == np.asarray(b)).all()
