"""Run under Triton's interpreter by the tests beside it."""

import numpy as np
import pytest
import torch

from tightbound.kernels.block_speculative_sampling import ragged_block_speculative_sampling


@pytest.mark.parametrize(
    ("drafts", "vocabulary", "dtype"),
    [
        ([2, 0, 3], 5000, torch.float32),
        ([4, 3], 17, torch.bfloat16),
        ([4, 4, 4], 3, torch.float16),
        ([0], 3, torch.float32),
    ],
)
def test_triton_is_the_reference(drafts, vocabulary, dtype, rng):
    total = sum(drafts)
    q = torch.from_numpy(rng.dirichlet(np.full(vocabulary, 0.2), total)).to(dtype)
    p = torch.from_numpy(rng.dirichlet(np.full(vocabulary, 0.2), total + len(drafts))).to(dtype)
    p[:total] = (p[:total] + q) / 2
    u, final = torch.from_numpy(rng.random(total)), torch.from_numpy(rng.random(len(drafts)))
    for last in (p, torch.cat((q, p[total:])) if len(drafts) == 1 else p):
        arguments = (q, q.argmax(-1), last, torch.from_numpy(np.cumsum(drafts)), u, final)
        expected = ragged_block_speculative_sampling(*arguments, backend="numpy")
        found = ragged_block_speculative_sampling(*arguments, backend="triton")
        for a, b in zip(expected, found, strict=True):
            assert (a == b.numpy()).all()
