import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.kernels.decode_attention_splitk import decode_attention_splitk
from tightbound.kernels.merge_states import merge_states
from tightbound.kernels.sparse_decode_attention import bytes_read, flops, sparse_decode_attention

BACKENDS = ("numpy", "numba")
TOLERANCE = {"numpy": 1e-13, "numba": 2e-6}
LOG_TOLERANCE = {"numpy": 1e-13, "numba": 5e-6}


def case(rng, batch=2, rows=1, heads=4, kv_heads=2, keys=200, dim=16, kept=20, dtype=np.float32):
    q = rng.standard_normal((batch, rows, heads, dim)).astype(dtype)
    k, v = rng.standard_normal((2, batch, keys, kv_heads, dim)).astype(dtype)
    start = np.array([keys - 10 - b for b in range(batch)])
    sets = [[np.sort(rng.choice(s, kept, replace=False)) for _ in range(kv_heads)] for s in start]
    return q, k, v, np.array(sets, dtype=np.int32).reshape(batch, kv_heads, kept), start


def dense(q, k, v, kept):
    """Softmax of one row of one head over the kept keys."""
    logits = k[kept] @ q / np.sqrt(len(q))
    weights = np.exp(logits - logits.max())
    return weights @ v[kept] / weights.sum(), logits.max() + np.log(weights.sum())


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=10)
@given(
    rows=st.sampled_from([1, 4]),
    kept=st.sampled_from([0, 1, 63, 130]),
    dim=st.sampled_from([16, 20, 64]),
    splits=st.sampled_from([None, 1, 3]),
    dtype=st.sampled_from([np.float16, np.float32]),
    seed=st.integers(0, 10**6),
)
def test_it_is_softmax_over_kept_keys_and_tail(backend, rows, kept, dim, splits, dtype, seed):
    q, k, v, index, start = case(np.random.default_rng(seed), rows=rows, dim=dim, kept=kept, dtype=dtype)
    length = np.array([200, 195])
    o, lse = sparse_decode_attention(q, k, v, index, start, length, num_splits=splits, backend=backend)
    rounding = 1e-3 if o.dtype == np.float16 else TOLERANCE[backend]
    for b, m, h in np.ndindex(*q.shape[:3]):
        keys = np.concatenate([index[b, h // 2], np.arange(start[b], length[b])])
        exact = (x.astype(float) for x in (q[b, m, h], k[b, :, h // 2], v[b, :, h // 2]))
        expected = dense(*exact, keys)
        np.testing.assert_allclose(o[b, m, h], expected[0], rtol=rounding, atol=rounding)
        np.testing.assert_allclose(lse[b, m, h], expected[1], rtol=0, atol=LOG_TOLERANCE[backend])


@pytest.mark.parametrize("backend", BACKENDS)
def test_keeping_all_keys_is_dense_attention(backend, rng):
    q, k, v, _, _ = case(rng)
    everything = np.broadcast_to(np.arange(150), (2, 2, 150))
    o, lse = sparse_decode_attention(q, k, v, everything, 150, backend=backend)
    whole, total = merge_states(*decode_attention_splitk(q, k, v, backend=backend), backend=backend)
    np.testing.assert_allclose(o, whole, rtol=0, atol=TOLERANCE[backend])
    np.testing.assert_allclose(lse, total, rtol=0, atol=LOG_TOLERANCE[backend])


def parts(rng):
    """Outputs on all, kept and dropped keys, the share of the kept, and the values."""
    q, k, v, index, _ = case(rng, kept=60)
    rest = np.array([[np.setdiff1d(np.arange(200), i) for i in by_head] for by_head in index])
    whole, total = merge_states(*decode_attention_splitk(q, k, v, backend="numpy"), backend="numpy")
    kept, log_kept = sparse_decode_attention(q, k, v, index, 200, backend="numpy")
    dropped, _ = sparse_decode_attention(q, k, v, rest, 200, backend="numpy")
    return whole, kept, dropped, np.exp(log_kept - total)[..., None], v


def test_the_error_is_the_dropped_share_times_a_difference_of_outputs(rng):
    whole, kept, dropped, share, v = parts(rng)
    np.testing.assert_allclose(kept - whole, (1 - share) * (kept - dropped), rtol=0, atol=1e-13)
    for b, m, h in np.ndindex(*whole.shape[:3]):
        values = v[b, :, h // 2].astype(float)
        diameter = np.linalg.norm(values[:, None] - values[None], axis=-1).max()
        assert np.linalg.norm(kept[b, m, h] - whole[b, m, h]) <= (1 - share[b, m, h, 0]) * diameter
        assert diameter <= 2 * np.linalg.norm(values, axis=-1).max()


def test_a_softmax_that_is_not_renormalised_breaks_the_identity(rng):
    whole, kept, dropped, share, _ = parts(rng)
    assert np.abs(share * kept - whole - (1 - share) * (share * kept - dropped)).max() > 1e-2


@pytest.mark.parametrize("backend", BACKENDS)
def test_only_kept_rows_are_read_and_they_are_counted_by_key_head(backend, rng):
    q, k, v, index, start = case(rng, dtype=np.float16)
    read = np.zeros(k.shape, dtype=bool)
    for b, h in np.ndindex(2, 2):
        read[b, index[b, h], h] = True
        read[b, start[b] :, h] = True
    expected = sparse_decode_attention(q, k, v, index, start, backend=backend)
    hidden = (np.where(read, x, np.float16(np.nan)) for x in (k, v))
    found = sparse_decode_attention(q, *hidden, index, start, backend=backend)
    np.testing.assert_array_equal(found[0], expected[0])
    counted = bytes_read(kept=20, tails=list(200 - start), kv_heads=2, dim=16, itemsize=2)
    assert counted == 2 * read.sum() * 2 + index.nbytes
    assert flops(kept=20, tails=list(200 - start), rows=1, heads=4, dim=16) == 4 * read.sum() * 2


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_key_at_all_is_an_empty_state(backend, rng):
    q, k, v, index, _ = case(rng, kept=0)
    o, lse = sparse_decode_attention(q, k, v, index, 200, backend=backend)
    assert np.all(o == 0.0)
    assert np.all(np.isneginf(lse))


def test_inputs_stay_as_they_are(rng):
    inputs = case(rng)
    before = [x.copy() for x in inputs]
    for backend in BACKENDS:
        sparse_decode_attention(*inputs, backend=backend)
    for x, y in zip(inputs, before, strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("backend", BACKENDS)
def test_bad_input(backend, rng):
    q, k, v, index, start = case(rng)
    twice = index.copy()
    twice[0, 0, 1] = twice[0, 0, 0]
    for error, message, arguments in (
        (ValueError, "unsorted or has a key twice", (q, k, v, index[..., ::-1], start)),
        (ValueError, "unsorted or has a key twice", (q, k, v, twice, start)),
        (ValueError, "negative, not below tail_start", (q, k, v, index - 200, start)),
        (ValueError, "negative, not below tail_start", (q, k, v, index, np.array([5, 5]))),
        (ValueError, "not below kv_len", (q, k, v, index, start, np.array([5, 5]))),
        (ValueError, r"idx has shape \(2, 20\)", (q, k, v, index[:, 0], start)),
        (ValueError, "tail_start contains 201", (q, k, v, index, 201)),
        (TypeError, "idx has dtype float64", (q, k, v, index.astype(float), start)),
        (ValueError, "NaN, infinite or too large", (q, k * np.nan, v, index, start)),
    ):
        with pytest.raises(error, match=message):
            sparse_decode_attention(*arguments, backend=backend)


def test_triton_in_the_interpreter(interpreter):
    assert interpreter == ""


def test_triton_compiles_and_fits(ahead_of_time):
    for row in ahead_of_time:
        half, hopper = "fp32" not in row["name"], row["capability"] == 90 and "BLOCK_M=64" in row["name"]
        assert row["wgmma"] == (half and hopper), row
        assert row["mma"] == (half and not hopper), row
        assert row["ahead"] > 0, row  # the next keys come while the present ones are used
