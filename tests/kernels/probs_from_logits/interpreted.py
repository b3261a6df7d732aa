"""Run under Triton's interpreter by the tests beside it."""

import numpy as np
import pytest
import torch

from tightbound.kernels.probs_from_logits import probs_from_logits


@pytest.mark.parametrize(
    ("vocabulary", "t", "k", "p", "dtype"),
    [
        (5000, 0.8, 0, 1.0, torch.bfloat16),
        (40, 0.0, 0, 0.5, torch.float32),
        (5000, 1.0, 20, 0.8, torch.float32),
        (17, 1.0, 3, 1.0, torch.float16),
        (17, 2.0, 0, 0.7, torch.float32),
        (40_000, 0.8, 0, 1.0, torch.float16),
        (5000, 1.0, 3000, 0.6, torch.float16),
        (5000, 1.0, 4999, 0.999, torch.float32),
    ],
)
def test_triton_is_the_reference(vocabulary, t, k, p, dtype, rng):
    logits = torch.from_numpy(np.round(rng.normal(0, 3, (2, vocabulary)) * 2) / 2).to(dtype)
    logits[1, 3] = -float("inf")
    expected = probs_from_logits(logits, t, k, p, backend="numpy")
    found = probs_from_logits(logits, t, k, p, backend="triton")
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6, atol=1e-12)
    if vocabulary == 17:
        tensors = (torch.full((2,), t), torch.full((2,), k), torch.full((2,), p, dtype=torch.float64))
        assert (probs_from_logits(logits, *tensors, backend="triton", check=True) == found).all()


def test_float64_is_refused():
    with pytest.raises(TypeError, match="logits has dtype float64"):
        probs_from_logits(torch.zeros(1, 3, dtype=torch.float64), backend="triton")
