"""In Triton's interpreter; test_merge_states.py runs this file."""

import numpy as np
import pytest

from tightbound.kernels.merge_states import merge_states

torch = pytest.importorskip("torch")


@pytest.mark.parametrize(("parts", "rows", "dim"), [(1, 1, 1), (2, 5, 16), (7, 3, 40)])
def test_triton_merges_as_defined(parts, rows, dim, rng):
    o = rng.standard_normal((parts, rows, dim)).astype(np.float32)
    lse = (10 * rng.standard_normal((parts, rows))).astype(np.float32)
    o[0, 0], lse[0, 0] = np.nan, -np.inf
    lse[:, -1] = -np.inf
    expected, total = merge_states(o, lse, backend="numpy")
    merged, found = merge_states(torch.from_numpy(o), torch.from_numpy(lse), backend="triton")
    np.testing.assert_allclose(merged.numpy(), expected, rtol=0, atol=2e-6)
    np.testing.assert_allclose(found.numpy(), total, rtol=0, atol=5e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_triton_reads_states_of_two_bytes_as_they_are(dtype, rng):
    o = torch.from_numpy(rng.standard_normal((3, 4, 16))).to(getattr(torch, dtype))
    lse = torch.from_numpy(rng.standard_normal((3, 4)).astype(np.float32))
    expected, _total = merge_states(o.float().numpy(), lse.numpy(), backend="numpy")
    merged, _found = merge_states(o, lse, backend="triton")
    assert merged.dtype == torch.float32
    np.testing.assert_allclose(merged.numpy(), expected, rtol=0, atol=2e-6)
    np.testing.assert_allclose(merge_states(o, lse, backend="numba")[0], expected, rtol=0, atol=2e-6)


def test_triton_takes_tensors_of_single_precision():
    with pytest.raises(TypeError, match="o is a ndarray: backend='triton' takes torch tensors"):
        merge_states(np.zeros((1, 1, 1)), np.zeros((1, 1)), backend="triton")
    with pytest.raises(TypeError, match=r"o has dtype torch\.float64"):
        merge_states(torch.zeros((1, 1, 1)).double(), torch.zeros((1, 1)), backend="triton")
