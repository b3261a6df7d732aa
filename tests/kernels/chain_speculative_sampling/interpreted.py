"""Run under Triton's interpreter by test_backends.py."""

import numpy as np
import pytest
import torch

from tightbound.kernels.chain_speculative_sampling import (
    chain_speculative_sampling,
    ragged_chain_speculative_sampling,
)


@pytest.mark.parametrize(
    ("drafts", "vocabulary", "dtype"),
    [
        ([2, 0, 3], 5000, torch.float32),
        ([1, 1], 17, torch.bfloat16),
        ([4], 300, torch.float16),
        ([0], 3, torch.float32),
    ],
)
@pytest.mark.parametrize("greedy", [False, True])
def test_triton_is_the_reference(drafts, vocabulary, dtype, greedy, rng):
    total = sum(drafts)
    q = torch.from_numpy(rng.dirichlet(np.full(vocabulary, 0.2), total)).to(dtype)
    p = torch.from_numpy(rng.dirichlet(np.full(vocabulary, 0.2), total + len(drafts))).to(dtype)
    p[:total] = (p[:total] + q) / 2
    ids, cu = q.argmax(-1), torch.from_numpy(np.cumsum(drafts))
    u, final = torch.from_numpy(rng.random(total)), torch.from_numpy(rng.random(len(drafts)))
    arguments = (None if greedy else q, ids, p, cu, u, final)
    expected = ragged_chain_speculative_sampling(*arguments, backend="numpy")
    found = ragged_chain_speculative_sampling(*arguments, backend="triton")
    for a, b in zip(expected, found, strict=True):
        assert b.dtype == torch.int32
        assert (a == b.numpy()).all()


def test_equal_laws_and_rows_without_mass():
    p = torch.tensor([[[0.25, 0.75], [0.0, 0.0]]])
    found = chain_speculative_sampling(
        p[:, :1],
        torch.tensor([[0]]),
        p,
        torch.tensor([[0.99]]),
        torch.tensor([0.5]),
        backend="triton",
        check=False,
    )
    assert found.output_token_ids.tolist() == [[0, -1]]


def test_arrays_are_refused():
    with pytest.raises(TypeError, match="target_probs is a ndarray: backend 'triton' reads torch tensors"):
        chain_speculative_sampling(None, [[0]], np.ones((1, 2, 1)), [[0.5]], [0.5], backend="triton")
