"""Run under Triton's interpreter by the tests beside it."""

import numpy as np
import pytest
import torch

from tightbound.kernels.kv_compact import kv_compact


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize("backend", ["triton", "numba"])
def test_tensors_in_place(dtype, backend, rng):
    k, v = (torch.from_numpy(rng.normal(size=(2, 8, 2, 5))).to(dtype) for _ in range(2))
    path, number = torch.tensor([[0, 2, 3, -1], [4, 7, -1, -1]]), torch.tensor([2, 1])
    start = torch.tensor([1, 4])
    expected = k.clone()
    expected[0, 2], expected[0, 3] = k[0, 3], k[0, 4]
    expected[1, 5] = k[1, 7]
    before = k.clone()
    found = kv_compact(k, v, path, number, start, backend=backend)
    assert torch.equal(k, before)
    assert torch.equal(found.k, expected)
    assert found.kv_len.tolist() == [4, 6]
    kv_compact(k, v, path, number, start, out=(k, v), backend=backend)
    assert torch.equal(k, expected)
    assert torch.equal(v, found.v)


def test_arrays_are_refused():
    k = np.zeros((1, 2, 1, 1))
    with pytest.raises(TypeError, match="reads torch tensors"):
        kv_compact(k, k, [[0]], [0], [0], backend="triton")
