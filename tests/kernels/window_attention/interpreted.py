"""In Triton's interpreter; test_window_attention.py runs this file."""

import numpy as np
import pytest

from tightbound.kernels.window_attention import ring_slots, window_attention

torch = pytest.importorskip("torch")
TOLERANCE = {"float32": 2e-6, "float16": 1e-3, "bfloat16": 8e-3}


@pytest.mark.parametrize("dtype", list(TOLERANCE))
@pytest.mark.parametrize(
    ("rows", "slots", "sinks", "window", "dim"),
    [(1, 70, 4, None, 64), (4, 20, 0, 9, 16), (3, 200, 1, 150, 32)],
)
def test_triton_computes_what_is_defined(rows, slots, sinks, window, dim, dtype, rng):
    def tensor(*shape):
        return torch.from_numpy(rng.standard_normal(shape)).to(getattr(torch, dtype))

    q, k, v = tensor(3, rows, 4, dim), tensor(3, slots, 2, dim), tensor(3, slots, 2, dim)
    arguments = (q, k, v, torch.tensor([rows, slots, 3 * slots + 2]))
    expected = window_attention(*arguments, window=window, sinks=sinks, backend="numpy")
    o, lse = window_attention(*arguments, window=window, sinks=sinks, backend="triton")
    assert o.dtype == q.dtype
    rounding = torch.finfo(q.dtype).eps / 2  # of the result
    np.testing.assert_allclose(o.float().numpy(), expected[0], rtol=rounding, atol=TOLERANCE[dtype])
    np.testing.assert_allclose(lse.numpy(), expected[1], rtol=0, atol=5e-6)


def test_slots_of_tensors():
    assert ring_slots(torch.arange(8), 5, sinks=2).tolist() == [0, 1, 2, 3, 4, 2, 3, 4]
