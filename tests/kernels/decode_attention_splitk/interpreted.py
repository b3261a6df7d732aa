"""In Triton's interpreter; test_decode_attention_splitk.py runs this file."""

import numpy as np
import pytest

from tightbound.kernels.decode_attention_splitk import decode_attention_splitk

torch = pytest.importorskip("torch")
TOLERANCE = {"float32": 2e-6, "float16": 1e-3, "bfloat16": 8e-3}


@pytest.mark.parametrize("dtype", list(TOLERANCE))
@pytest.mark.parametrize(
    ("rows", "group", "keys", "dim", "splits"),
    [(1, 4, 200, 64, 3), (5, 3, 70, 16, 2), (45, 3, 130, 32, 1), (1, 1, 0, 16, 1)],
)
def test_triton_computes_what_is_defined(rows, group, keys, dim, splits, dtype, rng):
    def tensor(*shape):
        return torch.from_numpy(rng.standard_normal(shape)).to(getattr(torch, dtype))

    q, k, v = (
        tensor(2, rows, 2 * group, dim),
        tensor(2, 2, keys, dim).transpose(1, 2),
        tensor(2, keys, 2, dim),
    )
    lengths = torch.tensor([keys, keys // 3], dtype=torch.int32)
    expected = decode_attention_splitk(q, k, v, lengths, num_splits=splits, backend="numpy")
    o, lse = decode_attention_splitk(q, k, v, lengths, num_splits=splits, backend="triton")
    np.testing.assert_allclose(o.numpy(), expected[0], rtol=0, atol=TOLERANCE[dtype])
    np.testing.assert_allclose(lse.numpy(), expected[1], rtol=0, atol=5e-6)


def test_triton_says_what_it_takes():
    q, k = torch.zeros(1, 1, 2, 16), torch.zeros(1, 3, 1, 16)
    with pytest.raises(ValueError, match="D is 8: backend='triton' takes 16, 32, 64, 128, 256"):
        decode_attention_splitk(q[..., :8], k[..., :8], k[..., :8], backend="triton")
    with pytest.raises(TypeError, match=r"q has dtype torch\.float64"):
        decode_attention_splitk(q.double(), k.double(), k.double(), backend="triton")
    with pytest.raises(TypeError, match=r"q, k, v have dtypes torch\.float16, torch\.float32"):
        decode_attention_splitk(q.half(), k, k, backend="triton")
    with pytest.raises(ValueError, match=r"kv_len has shape \(2,\)"):
        decode_attention_splitk(q, k, k, torch.tensor([1, 2]), backend="triton")
    with pytest.raises(TypeError, match="q is a ndarray"):
        decode_attention_splitk(q.numpy(), k, k, backend="triton")


def test_without_a_number_of_splits_and_with_bfloat16_in_uint16(rng):
    q, k = (torch.from_numpy(rng.standard_normal((1, n, 1, 16))).to(torch.bfloat16) for n in (1, 200))
    plain = decode_attention_splitk(q, k, k, backend="triton")
    stored = (x.view(torch.uint16) for x in (q, k, k))
    found = decode_attention_splitk(*stored, storage="bfloat16", backend="triton")
    assert plain[0].shape == (3, 1, 1, 1, 16)
    assert torch.equal(found[0], plain[0])
