import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.kernels.decode_attention_splitk import decode_attention_splitk
from tightbound.kernels.hybrid_tree_attention import bytes_read, flops, hybrid_tree_attention
from tightbound.kernels.merge_states import merge_states
from tightbound.kernels.tree_attention import tree_attention

BACKENDS = ("numpy", "numba")
TOLERANCE = {"numpy": 1e-13, "numba": 2e-6}
LOG_TOLERANCE = {"numpy": 1e-13, "numba": 5e-6}


def case(rng, batch=2, rows=5, heads=4, kv_heads=2, keys=150, dim=16, dtype=np.float32):
    def array(*shape):
        return rng.standard_normal(shape).astype(dtype)

    parents = [0, *(int(rng.integers(0, i)) for i in range(1, rows))]
    mask = np.eye(rows, dtype=bool)
    for node in range(1, rows):
        mask[node] |= mask[parents[node]]
    cache, tree = (batch, keys, kv_heads, dim), (batch, rows, kv_heads, dim)
    lengths = rng.integers(0, keys + 1, batch)
    q = array(batch, rows, heads, dim)
    return q, array(*cache), array(*cache), lengths, array(*tree), array(*tree), np.stack([mask] * batch)


def dense(q, k, v, lengths, k_spec, v_spec, mask):
    """Softmax over cache and tree with one mask for both, row by row."""
    o, lse = np.zeros(q.shape), np.full(q.shape[:3], -np.inf)
    group = q.shape[2] // k.shape[2]
    for b, m, h in np.ndindex(*q.shape[:3]):
        keys, values = (
            np.concatenate([x[b, : lengths[b], h // group], y[b, mask[b, m], h // group]]).astype(float)
            for x, y in ((k, k_spec), (v, v_spec))
        )
        logits = keys @ q[b, m, h].astype(float) / np.sqrt(q.shape[3])
        weights = np.exp(logits - logits.max())
        o[b, m, h] = weights @ values / weights.sum()
        lse[b, m, h] = logits.max() + np.log(weights.sum())
    return o, lse


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=10)
@given(
    rows=st.sampled_from([1, 5, 69]),
    keys=st.sampled_from([0, 1, 7, 300]),
    dim=st.sampled_from([16, 20, 64]),
    splits=st.sampled_from([None, 1, 3]),
    seed=st.integers(0, 10**6),
)
def test_hybrid_is_dense_attention_under_the_whole_mask(backend, rows, keys, dim, splits, seed):
    arguments = case(np.random.default_rng(seed), rows=rows, keys=keys, dim=dim)
    o, lse = hybrid_tree_attention(*arguments, num_splits=splits, backend=backend)
    expected = dense(*arguments)
    np.testing.assert_allclose(o, expected[0], rtol=0, atol=TOLERANCE[backend])
    np.testing.assert_allclose(lse, expected[1], rtol=0, atol=LOG_TOLERANCE[backend])


@pytest.mark.parametrize("backend", BACKENDS)
def test_hybrid_is_the_merge_of_its_two_parts(backend, rng):
    q, k, v, lengths, k_spec, v_spec, mask = arguments = case(rng)
    cache = decode_attention_splitk(q, k, v, lengths, num_splits=2, backend=backend)
    tree = tree_attention(q, k_spec, v_spec, mask, backend=backend)
    both = (np.concatenate([x, y[None]]) for x, y in zip(cache, tree, strict=True))
    merged = merge_states(*both, backend=backend)
    found = hybrid_tree_attention(*arguments, num_splits=2, backend=backend)
    for x, y in zip(found, merged, strict=True):
        np.testing.assert_allclose(x, y, rtol=0, atol=TOLERANCE[backend])


def test_what_breaks_the_comparison(rng):
    q, k, v, lengths, k_spec, v_spec, mask = case(rng, keys=20, rows=12)
    exact = dense(q, k, v, lengths, k_spec, v_spec, mask)[0]
    causal = np.broadcast_to(np.tri(12, dtype=bool), mask.shape)
    wrong = hybrid_tree_attention(q, k, v, lengths, k_spec, v_spec, causal, backend="numpy")[0]
    assert np.abs(wrong - exact).max() > 1e-2
    full = hybrid_tree_attention(q, k, v, None, k_spec, v_spec, mask, backend="numpy")[0]
    assert np.abs(full - exact).max() > 1e-2


def test_the_result_has_the_dtype_of_the_queries(rng):
    arguments = case(rng, dtype=np.float16)
    found = hybrid_tree_attention(*arguments, backend="numba")
    assert found[0].dtype == np.float16
    assert found[1].dtype == np.float32
    np.testing.assert_allclose(found[0], dense(*arguments)[0], rtol=0, atol=1e-3)


def test_the_second_block_of_keys_of_a_large_tree_is_masked(rng):
    arguments = case(rng, rows=130, keys=10)
    found = hybrid_tree_attention(*arguments, backend="numba")
    np.testing.assert_allclose(found[0], dense(*arguments)[0], rtol=0, atol=2e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_without_any_key_the_state_is_empty(backend, rng):
    q, k, v, _, k_spec, v_spec, mask = case(rng)
    o, lse = hybrid_tree_attention(q, k, v, np.zeros(2, int), k_spec, v_spec, mask & False, backend=backend)
    assert np.all(o == 0.0)
    assert np.all(np.isneginf(lse))


@pytest.mark.parametrize("backend", BACKENDS)
def test_bad_input(backend, rng):
    q, k, v, lengths, k_spec, v_spec, mask = case(rng)
    for message, arguments in (
        ("k has 2 heads and k_spec has 1", (q, k, v, lengths, k_spec[:, :, :1], v_spec[:, :, :1], mask)),
        ("and k_spec has .* first axes", (q, k, v, lengths, k_spec[:1], v_spec[:1], mask)),
        ("tree_mask has shape", (q, k, v, lengths, k_spec, v_spec, mask[:, :2])),
        ("kv_len contains 200", (q, k, v, np.array([200, 0]), k_spec, v_spec, mask)),
        ("NaN, infinite or too large", (q, k, v, lengths, k_spec, v_spec * np.inf, mask)),
    ):
        with pytest.raises(ValueError, match=message):
            hybrid_tree_attention(*arguments, backend=backend)
    with pytest.raises(ValueError, match="num_splits is 0"):
        hybrid_tree_attention(q, k, v, lengths, k_spec, v_spec, mask, num_splits=0, backend=backend)


def test_bytes_and_flops_are_those_of_both_parts(rng):
    _, k, _, _, k_spec, _, mask = case(rng, dtype=np.float16)
    read = 2 * k[0, :7].nbytes + 2 * k[1, :9].nbytes + 2 * k_spec.nbytes + mask.nbytes
    assert bytes_read(lengths=[7, 9], rows=5, nodes=5, kv_heads=2, dim=16, itemsize=2) == read
    assert flops(lengths=[7, 9], rows=5, nodes=5, heads=4, dim=16) == 2 * 2 * 16 * 4 * 5 * (7 + 9 + 2 * 5)


def test_triton_in_the_interpreter(interpreter):
    assert interpreter == ""


def test_triton_compiles_and_fits(ahead_of_time):
    for row in ahead_of_time:
        half, hopper = "fp32" not in row["name"], row["capability"] == 90 and "BLOCK_M=64" in row["name"]
        assert row["wgmma"] == (half and hopper), row
        assert row["mma"] == (half and not hopper), row
