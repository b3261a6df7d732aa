"""Run under numba.cuda's simulator by the tests beside it."""

import numpy as np

from tightbound.kernels.kv_compact import kv_compact


def test_numba_cuda_is_the_reference(rng):
    k, v = rng.normal(size=(2, 2, 8, 2, 5)).astype(np.float32)
    arguments = ([[0, 2, 3, -1], [4, 7, -1, -1]], [2, 1], [1, 4])
    expected = kv_compact(k, v, *arguments, backend="numpy")
    found = kv_compact(k, v, *arguments, out=(k, v), backend="numba_cuda")
    assert all((a == b).all() for a, b in zip(expected, found, strict=True))
