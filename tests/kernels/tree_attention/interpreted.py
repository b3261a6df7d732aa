"""In Triton's interpreter; test_tree_attention.py runs this file."""

import numpy as np
import pytest

from tightbound.kernels.tree_attention import tree_attention

torch = pytest.importorskip("torch")
TOLERANCE = {"float32": 2e-6, "float16": 1e-3, "bfloat16": 8e-3}


@pytest.mark.parametrize("dtype", list(TOLERANCE))
@pytest.mark.parametrize(("rows", "nodes", "dim"), [(1, 1, 16), (69, 69, 32), (5, 130, 64)])
def test_triton_computes_what_is_defined(rows, nodes, dim, dtype, rng):
    def tensor(*shape):
        return torch.from_numpy(rng.standard_normal(shape)).to(getattr(torch, dtype))

    q, k, v = tensor(2, rows, 4, dim), tensor(2, nodes, 2, dim), tensor(2, nodes, 2, dim)
    mask = torch.from_numpy(rng.random((2, rows, nodes)) < 0.3)
    mask[0, 0] = False
    expected = tree_attention(q, k, v, mask, backend="numpy")
    o, lse = tree_attention(q, k, v, mask.int(), backend="triton")
    np.testing.assert_allclose(o.numpy(), expected[0], rtol=0, atol=TOLERANCE[dtype])
    np.testing.assert_allclose(lse.numpy(), expected[1], rtol=0, atol=5e-6)


def test_triton_says_what_it_takes():
    q, mask = torch.zeros(1, 2, 1, 16), torch.ones(1, 2, 2)
    with pytest.raises(TypeError, match="tree_mask must be a torch tensor of bool or integers"):
        tree_attention(q, q, q, mask, backend="triton")
    with pytest.raises(ValueError, match=r"tree_mask has shape \(2, 2\)"):
        tree_attention(q, q, q, mask[0].bool(), backend="triton")
