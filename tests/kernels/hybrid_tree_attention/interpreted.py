"""In Triton's interpreter; test_hybrid_tree_attention.py runs this file."""

import numpy as np
import pytest

from tightbound.kernels.hybrid_tree_attention import hybrid_tree_attention

torch = pytest.importorskip("torch")
TOLERANCE = {"float32": 2e-6, "float16": 1e-3, "bfloat16": 8e-3}


@pytest.mark.parametrize("dtype", list(TOLERANCE))
@pytest.mark.parametrize(
    ("rows", "keys", "dim", "splits"), [(1, 200, 64, 2), (69, 130, 32, 1), (5, 0, 16, None)]
)
def test_triton_computes_what_is_defined(rows, keys, dim, splits, dtype, rng):
    def tensor(*shape):
        return torch.from_numpy(rng.standard_normal(shape)).to(getattr(torch, dtype))

    q, k, v = tensor(2, rows, 4, dim), tensor(2, keys, 2, dim), tensor(2, keys, 2, dim)
    k_spec, v_spec = tensor(2, rows, 2, dim), tensor(2, 2, rows, dim).transpose(1, 2)
    mask = torch.from_numpy(rng.random((2, rows, rows)) < 0.3)
    arguments = (q, k, v, torch.tensor([keys, keys // 2]), k_spec, v_spec, mask)
    expected = hybrid_tree_attention(*arguments, num_splits=splits, backend="numpy")
    o, lse = hybrid_tree_attention(*arguments, num_splits=splits, backend="triton")
    assert o.dtype == q.dtype
    rounding = torch.finfo(q.dtype).eps / 2  # of the result
    np.testing.assert_allclose(o.float().numpy(), expected[0], rtol=rounding, atol=TOLERANCE[dtype])
    np.testing.assert_allclose(lse.numpy(), expected[1], rtol=0, atol=5e-6)
