"""Run under Triton's interpreter by the tests beside it."""

import numpy as np
import pytest
import torch

from tightbound.kernels.beam_tree_step import beam_tree_step


@pytest.mark.parametrize(
    ("rows", "vocabulary", "w", "dtype"),
    [
        (1, 5000, 4, torch.float32),
        (3, 5000, 4, torch.bfloat16),
        (4, 3, 12, torch.float32),
        (5, 40, 20, torch.float16),
    ],
)
def test_triton_is_the_reference(rows, vocabulary, w, dtype, rng):
    logq = torch.from_numpy(np.round(rng.normal(0, 2, (2, rows, vocabulary)), 1)).to(dtype)
    logq[0, 0, 1] = -float("inf")
    logq[1, 0, 2] = float("nan")
    cum = torch.from_numpy(np.round(rng.normal(0, 2, (2, rows)), 1))
    expected = beam_tree_step(logq, cum, w, backend="numpy")
    found = beam_tree_step(logq, cum, w, backend="triton")
    for a, b in zip(expected, found, strict=True):
        assert (a == b.numpy()).all()
