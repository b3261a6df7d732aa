import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.kernels.decode_attention_splitk import decode_attention_splitk
from tightbound.kernels.merge_states import merge_states
from tightbound.kernels.sparse_decode_attention import sparse_decode_attention
from tightbound.kernels.topk_select import attention_mass, bytes_read, flops, topk_select

BACKENDS = ("numpy", "numba")
TOLERANCE = {"numpy": 1e-13, "numba": 2e-6}


def case(rng, batch=2, rows=3, heads=4, kv_heads=2, keys=150, dim=16, dtype=np.float32):
    q = rng.standard_normal((batch, rows, heads, dim)).astype(dtype)
    return q, rng.standard_normal((batch, keys, kv_heads, dim)).astype(dtype)


def attention(q, k):
    """Causal attention of the last rows of one head over all keys, row by row."""
    shares = np.zeros((len(q), len(k)))
    for m in range(len(q)):
        now = len(k) - len(q) + m
        weights = np.exp(k[: now + 1] @ q[m] / np.sqrt(q.shape[1]))
        shares[m, : now + 1] = weights / weights.sum()
    return shares


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=10)
@given(
    rows=st.sampled_from([1, 3, 20]),
    dim=st.sampled_from([16, 20, 64]),
    candidates=st.sampled_from([0, 1, 64, 100]),
    dtype=st.sampled_from([np.float16, np.float32]),
    seed=st.integers(0, 10**6),
)
def test_mass_is_attention_averaged_over_rows_and_summed_over_a_group(
    backend, rows, dim, candidates, dtype, seed
):
    q, k = case(np.random.default_rng(seed), rows=rows, dim=dim, dtype=dtype)
    lengths = np.array([150, 129])
    found = attention_mass(q, k, lengths, num_candidates=candidates, backend=backend)
    for b, h in np.ndindex(2, 2):
        keys = k[b, : lengths[b], h].astype(float)
        heads = [attention(q[b, :, g].astype(float), keys) for g in (2 * h, 2 * h + 1)]
        expected = sum(heads).mean(axis=0)[:candidates]
        np.testing.assert_allclose(found[b, h], expected, rtol=0, atol=TOLERANCE[backend])


@pytest.mark.parametrize("backend", BACKENDS)
def test_all_mass_sums_to_the_size_of_the_group_less_what_the_window_keeps(backend, rng):
    q, k = case(rng, rows=1)
    total = attention_mass(q, k, backend=backend).sum(axis=-1)
    for b, h in np.ndindex(2, 2):
        own = [
            attention(q[b, :, g].astype(float), k[b, :, h].astype(float))[0, -1] for g in (2 * h, 2 * h + 1)
        ]
        np.testing.assert_allclose(total[b, h], 2.0 - sum(own), rtol=1e-5)


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=20)
@given(data=st.data())
def test_the_largest_are_taken_and_of_equal_ones_the_first(backend, data):
    scores = data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=12))
    wanted = data.draw(st.integers(0, 14))
    by_score = sorted(range(len(scores)), key=lambda n: (-scores[n], n))[:wanted]
    found = topk_select(np.array([scores, scores], dtype=float), wanted, backend=backend)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, [sorted(by_score)] * 2)


@pytest.mark.parametrize("backend", BACKENDS)
def test_infinite_scores_and_more_axes(backend, rng):
    np.testing.assert_array_equal(topk_select(np.array([-np.inf, 1.0, np.inf]), 2, backend=backend), [1, 2])
    scores = rng.standard_normal((3, 2, 4, 50)).astype(np.float32)
    found = topk_select(scores, 7, backend=backend)
    assert found.shape == (3, 2, 4, 7)
    kept = np.take_along_axis(scores, found.astype(int), axis=-1)
    np.testing.assert_array_equal(np.sort(kept), np.sort(scores)[..., -7:])


def test_the_largest_group_mass_keeps_the_most_for_the_group_but_not_for_each_head(rng):
    q, k = case(rng, batch=1, rows=1, heads=2, kv_heads=1, keys=8)
    heads = np.stack([attention(3 * q[0, :, g].astype(float), k[0, :, 0])[0] for g in range(2)])
    chosen = topk_select(heads.sum(axis=0), 3, backend="numpy")
    sets = [list(s) for s in itertools.combinations(range(8), 3)]
    assert heads[:, chosen].sum() == pytest.approx(max(heads[:, s].sum() for s in sets), abs=1e-15)
    assert any(heads[g, chosen].sum() < max(heads[g, s].sum() for s in sets) - 1e-3 for g in range(2))


def test_selected_keys_lose_less_than_the_others_and_by_the_dropped_share(rng):
    q, k = case(rng, rows=1, heads=2, keys=200)
    v = rng.standard_normal(k.shape)
    # with one query head per key head, the mass of a set is the share of the softmax that it keeps
    mass = attention_mass(2 * q, k, num_candidates=199, backend="numpy")
    best, worst = topk_select(mass, 30, backend="numpy"), topk_select(-mass, 30, backend="numpy")
    whole, total = merge_states(*decode_attention_splitk(2 * q, k, v, backend="numpy"), backend="numpy")
    shares = []
    for index in (best, worst):
        kept, lse = sparse_decode_attention(2 * q, k, v, index, 199, backend="numpy")
        share = np.exp(lse - total)[..., None]
        selected = np.take_along_axis(mass, index.astype(int), axis=-1).sum(axis=-1)
        tail = 1.0 - mass.sum(axis=-1)
        np.testing.assert_allclose(share[:, 0, :, 0], selected + tail, rtol=0, atol=1e-13)
        diameter = 2 * np.linalg.norm(v, axis=-1).max()
        assert np.all(np.linalg.norm(kept - whole, axis=-1) <= (1 - share[..., 0]) * diameter)
        shares.append(share)
    assert np.all(shares[0] > shares[1])


@pytest.mark.parametrize("backend", BACKENDS)
def test_bad_input(backend, rng):
    q, k = case(rng)
    for message, arguments, extra in (
        ("kv_len contains 100: 147 candidates", (q, k, np.array([150, 100])), {}),
        ("num_candidates is 148: before 3 rows of q there are 147", (q, k), {"num_candidates": 148}),
        ("k has 2 keys: it must hold those of the 3 rows", (q, k[:, :2]), {}),
        ("q has 3 heads and k has 2", (q[:, :, :3], k), {}),
        ("NaN, infinite or too large", (q, k * np.nan), {}),
    ):
        with pytest.raises(ValueError, match=message):
            attention_mass(*arguments, backend=backend, **extra)
    for error, message, scores, count in (
        (ValueError, "num_keys is -1", np.ones(3), -1),
        (TypeError, "num_keys is 1.5", np.ones(3), 1.5),
        (ValueError, "mass has NaN", np.array([1.0, np.nan]), 1),
        (ValueError, "mass has no axis", np.array(1.0), 1),
        (TypeError, "mass has dtype int64", np.arange(3), 1),
        (TypeError, "mass is a list", [1.0], 1),
    ):
        with pytest.raises(error, match=message):
            topk_select(scores, count, backend=backend)


def test_bytes_and_flops_are_those_of_two_passes_over_the_keys(rng):
    _, k = case(rng, dtype=np.float16)
    assert bytes_read(lengths=[150, 150], kv_heads=2, dim=16, itemsize=2) == 2 * k.nbytes
    assert flops(lengths=[150, 150], rows=3, heads=4, dim=16) == 2 * (2 * 300 * 16) * 3 * 4


def test_triton_in_the_interpreter(interpreter):
    assert interpreter == ""


def test_triton_compiles_and_fits(ahead_of_time):
    for row in ahead_of_time:
        half, hopper = "fp16" in row["name"], row["capability"] == 90
        assert row["wgmma"] == (half and hopper), row
        assert row["mma"] == (half and not hopper), row
        assert row["rescaled"] or "sums" not in row["name"], row
