"""In Triton's interpreter; test_topk_select.py runs this file."""

import numpy as np
import pytest

from tightbound.kernels.topk_select import attention_mass, topk_select

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize(("rows", "candidates", "dim"), [(1, 120, 64), (20, 100, 16), (5, 0, 32)])
def test_triton_computes_what_is_defined(rows, candidates, dim, dtype, rng):
    def tensor(*shape):
        return torch.from_numpy(rng.standard_normal(shape)).to(getattr(torch, dtype))

    q, k = tensor(2, rows, 8, dim), tensor(2, 2, 130, dim).transpose(1, 2)
    arguments, lengths = (q, k), torch.tensor([130, 121])
    expected = attention_mass(*arguments, lengths, num_candidates=candidates, backend="numpy")
    found = attention_mass(*arguments, lengths, num_candidates=candidates, backend="triton")
    np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=2e-6)


def test_selection_takes_the_first_of_equal_ones(rng):
    scores = torch.from_numpy(rng.integers(0, 4, (3, 5, 40)).astype(np.float32))
    for count in (0, 7, 40, 50):
        found = topk_select(scores, count, backend="triton")
        np.testing.assert_array_equal(found.numpy(), topk_select(scores, count, backend="numpy"))


def test_selection_orders_negative_numbers_zeros_and_infinities(rng):
    scores = rng.choice([-np.inf, -2.5, -1e-30, -0.0, 0.0, 1e-30, 3.0, np.inf], (4, 100)).astype(np.float32)
    scores[1] = -np.inf
    for count in (1, 30, 99):
        found = topk_select(torch.from_numpy(scores), count, backend="triton")
        np.testing.assert_array_equal(found.numpy(), topk_select(scores, count, backend="numpy"))


def test_selection_in_a_row_of_several_blocks(rng):
    scores = torch.from_numpy(rng.normal(size=(2, 9000)).astype(np.float32)).half()
    found = topk_select(scores, 700, backend="triton")
    np.testing.assert_array_equal(found.numpy(), topk_select(scores, 700, backend="numpy"))


@pytest.mark.parametrize("count", [3, 20, 48, 49, 260])
def test_selection_of_ties_everywhere_with_few_candidates(count, few_candidates, rng):
    scores = np.zeros((5, 300), np.float32)
    scores[1] = rng.integers(0, 40, 300)
    scores[2, 280:] = 1.0
    scores[3] = np.sort(rng.normal(size=300))  # the best beside each other
    scores[4, ::64] = 2.0  # and below each other
    found = topk_select(torch.from_numpy(scores), count, backend="triton")
    np.testing.assert_array_equal(found.numpy(), topk_select(scores, count, backend="numpy"))
