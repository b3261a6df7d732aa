"""Run under Triton's interpreter by the tests beside it."""

import numpy as np
import pytest
import torch
from scipy.special import softmax

from tightbound.kernels import _triton_filter, _triton_inverse_cdf
from tightbound.kernels.probs_from_logits import _kernel_cuts_triton, probs_from_logits, triton_gpu

INFINITE = float("inf")


@pytest.fixture
def small(few_candidates, monkeypatch):
    """Let rows of some hundred tokens have several blocks too."""
    monkeypatch.setattr(_triton_inverse_cdf, "CHUNK", 128)
    for name, size in {"BLOCK": 256, "COLLECTED": 64, "PARTS": 4, "SEGMENT": 32}.items():
        monkeypatch.setattr(triton_gpu, name, size)


@pytest.fixture
def without_search(monkeypatch):
    """Let it fail to look at a whole row for a cut."""

    def find_cut(*_arguments):
        raise AssertionError("a whole row was searched")

    monkeypatch.setattr(_kernel_cuts_triton, "find_cut", find_cut)


def agrees(logits, *cuts):
    """Compare with the reference; return what was found."""
    found = probs_from_logits(logits, *cuts, backend="triton").numpy()
    expected = probs_from_logits(logits, *cuts, backend="numpy")
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-12)
    return found


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


@pytest.mark.parametrize(("k", "p"), [(5, 1.0), (150, 0.6), (10, 0.99), (0, 0.31)])
def test_more_equal_tokens_than_candidates(k, p, small):
    logits = torch.zeros(2, 300)
    logits[1, 100:] = 1.0
    first, second = agrees(logits, 1.0, k, p) > 0.0
    count = round((k or 300) * p)
    assert first[:count].all()
    assert not first[count:].any()
    assert second[100:105].all()
    assert not second[:100].any()


def test_top_p_keeps_more_tokens_than_guessed_and_than_candidates(small, rng):
    logits = torch.from_numpy(rng.normal(0, 1, (3, 500)).astype(np.float32))
    share = np.array([0.05, 0.45, 0.9])
    found = agrees(logits, 1.0, 0, share)
    kept = found > 0.0
    assert kept[0].sum() < 36 < kept[1].sum() < 128 < kept[2].sum()
    # also where only the GPU knows that there is no top-k
    unknown = probs_from_logits(logits, 1.0, torch.zeros(3, dtype=torch.int32), share, backend="triton")
    np.testing.assert_allclose(unknown.numpy(), found, rtol=1e-6, atol=1e-12)


def test_top_p_alone_cuts_between_equal_tokens_of_many_chunks(small, rng):
    logits = torch.from_numpy(np.round(rng.normal(0, 2, (6, 333)))).bfloat16()
    logits[3] = logits[3, 0]
    t = torch.tensor([1.0, 0.0, 0.5, 2.0, 0.0, 1e-3], dtype=torch.float64)
    share = np.array([0.5, 0.9, 1.0, 0.613, 1.0, 0.3])
    found = agrees(logits, t, 0, share)
    assert ((found > 0.0).sum(1)[[1, 3, 4]] == [1, 205, 1]).all()


@pytest.mark.parametrize("scale", [0.5, 2.0, 4.0])
def test_many_tokens_are_kept_without_a_search_of_the_row(scale, without_search, rng, monkeypatch):
    for name, size in {"GROUPS": 256, "COLUMNS": 128}.items():
        monkeypatch.setattr(_triton_filter, name, size)
    for name, size in {"PARTS": 4, "SEGMENT": 64}.items():
        monkeypatch.setattr(triton_gpu, name, size)
    logits = torch.from_numpy(scale * rng.normal(0, 1, (4, 3000)).astype(np.float32))
    agrees(logits, 1.0, 0, np.array([0.3, 0.8, 0.95, 0.999]))
    agrees(logits, 1.0, np.array([0, 100, 1500, 2990]), np.array([1.0, 0.9, 1.0, 1.0]))


def test_few_tokens_are_kept_without_a_search_of_the_row(small, without_search, rng):
    logits = torch.from_numpy(3.0 * rng.normal(0, 1, (2, 2000)).astype(np.float32))
    agrees(logits, 1.0, np.array([1, 20]), np.array([1.0, 0.8]))


def test_a_guess_may_be_wrong(small, rng, monkeypatch):
    monkeypatch.setattr(triton_gpu, "BLOCK", 1024)
    # the token of every group that is looked at beside the highest is none like the others
    size, groups = 640, 64
    logits = rng.uniform(-1.0, 0.0, (3, size)).astype(np.float32)
    column = np.arange(groups)
    looked_at = column + column * (size // groups) // groups * groups
    logits[0, looked_at] = -9.0
    logits[1, looked_at] = 0.5
    logits[2, looked_at] = -INFINITE
    agrees(torch.from_numpy(logits), 1.0, 0, 0.6)
    agrees(torch.from_numpy(logits[1:]), 1.0, np.array([0, 350]), 1.0)


def test_rows_with_every_kind_of_cut(small, rng):
    logits = np.round(rng.normal(0, 3, (9, 333))) / 2
    logits[3, rng.random(333) < 0.9] = -INFINITE
    logits[7] = -0.0
    logits[7, ::2] = 0.0
    logits = torch.from_numpy(logits).half()
    t = np.array([0.7, 0.0, 1.0, 1.0, 2.0, 0.0, 1e-3, 1.0, 1e30])
    k = np.array([0, 0, 30, 70, 400, 5, 0, 7, 0])
    p = np.array([1.0, 1.0, 0.9, 1.0, 0.5, 0.5, 0.999, 0.6, 1.0])
    found = agrees(logits, t, k, p)
    tensors = (torch.from_numpy(t), torch.from_numpy(k).int(), torch.from_numpy(p))
    same = probs_from_logits(logits, tensors[0], k, tensors[2], backend="triton").numpy()
    assert (same == found).all()
    # tops-k that only the GPU knows are thought to be few: other programs, which add up in another order
    unknown = probs_from_logits(logits, *tensors, backend="triton").numpy()
    np.testing.assert_allclose(unknown, found, rtol=1e-6, atol=1e-12)


def test_small_probabilities_are_as_exact_as_large_ones(rng):
    logits = torch.from_numpy(rng.uniform(-50, 0, (2, 700)).astype(np.float32))
    expected = softmax(logits.double().numpy() / 0.8, axis=-1)
    for k in (0, 699):
        found = probs_from_logits(logits, 0.8, k, backend="triton").numpy()
        np.testing.assert_allclose(found, np.where(found > 0.0, expected, 0.0), rtol=4e-7, atol=1e-37)
        assert ((found > 0.0).sum(-1) == (k or 700)).all()


def test_no_rows_have_no_laws():
    for cuts in ((), (1.0, 3, 0.5)):
        assert probs_from_logits(torch.zeros(0, 5), *cuts, backend="triton").shape == (0, 5)


def test_float64_is_refused():
    with pytest.raises(TypeError, match="logits has dtype float64"):
        probs_from_logits(torch.zeros(1, 3, dtype=torch.float64), backend="triton")
