"""In Triton's interpreter; test_sparse_decode_attention.py runs this file."""

import numpy as np
import pytest

from tightbound.kernels.sparse_decode_attention import sparse_decode_attention

torch = pytest.importorskip("torch")
TOLERANCE = {"float32": 2e-6, "float16": 1e-3, "bfloat16": 8e-3}


@pytest.mark.parametrize("dtype", list(TOLERANCE))
@pytest.mark.parametrize(
    ("rows", "kept", "dim", "splits"), [(1, 100, 64, 1), (5, 33, 16, 3), (1, 0, 32, None)]
)
def test_triton_computes_what_is_defined(rows, kept, dim, splits, dtype, rng):
    def tensor(*shape):
        return torch.from_numpy(rng.standard_normal(shape)).to(getattr(torch, dtype))

    q, k, v = tensor(2, rows, 4, dim), tensor(2, 2, 200, dim).transpose(1, 2), tensor(2, 200, 2, dim)
    sets = np.sort([rng.choice(150, kept, replace=False) for _ in range(4)]).astype(np.int64)
    index = torch.from_numpy(sets.reshape(2, 2, kept))
    arguments = (q, k, v, index, torch.tensor([150, 160]), torch.tensor([200, 155]))
    expected = sparse_decode_attention(*arguments, backend="numpy")
    o, lse = sparse_decode_attention(*arguments, num_splits=splits, backend="triton")
    assert o.dtype == q.dtype
    rounding = torch.finfo(q.dtype).eps / 2  # of the result
    np.testing.assert_allclose(o.float().numpy(), expected[0], rtol=rounding, atol=TOLERANCE[dtype])
    np.testing.assert_allclose(lse.numpy(), expected[1], rtol=0, atol=5e-6)


def test_the_tail_may_begin_at_one_place_for_all():
    q = k = torch.ones(1, 4, 1, 16)
    o, lse = sparse_decode_attention(q, k, k, torch.tensor([[[0]]]), 2, backend="triton")
    assert torch.equal(o, torch.ones_like(o))
    np.testing.assert_allclose(lse.numpy(), 4.0 + np.log(3.0), rtol=1e-6)
