import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.kernels.decode_attention_splitk import decode_attention_splitk
from tightbound.kernels.merge_states import merge_state, merge_states
from tightbound.kernels.tree_attention import bytes_read, flops, tree_attention

BACKENDS = ("numpy", "numba")
TOLERANCE = {"numpy": 1e-13, "numba": 2e-6}


def paths(parents):
    """The nodes from the root to each node."""
    found = []
    for node, parent in enumerate(parents):
        found.append([*(found[parent] if node else []), node])
    return found


def ancestors(parents):
    mask = np.zeros((len(parents), len(parents)), dtype=bool)
    for node, path in enumerate(paths(parents)):
        mask[node, path] = True
    return mask


def softmax_attention(q, k, v):
    """One query over all keys given, head by head."""
    o, lse = np.zeros(q.shape), np.zeros(len(q))
    for h in range(len(q)):
        key_head = h // (len(q) // k.shape[1])
        logits = k[:, key_head] @ q[h] / np.sqrt(q.shape[1])
        weights = np.exp(logits - logits.max())
        o[h] = weights @ v[:, key_head] / weights.sum()
        lse[h] = logits.max() + np.log(weights.sum())
    return o, lse


def case(rng, rows, heads=4, kv_heads=2, dim=16, nodes=None, dtype=np.float32):
    q = rng.standard_normal((1, rows, heads, dim)).astype(dtype)
    k = rng.standard_normal((1, nodes or rows, kv_heads, dim)).astype(dtype)
    return q, k, rng.standard_normal(k.shape).astype(dtype)


def random_parents(rng, nodes):
    return [0, *(int(rng.integers(0, i)) for i in range(1, nodes))]


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=10)
@given(
    nodes=st.sampled_from([1, 2, 5, 69, 70]), dim=st.sampled_from([16, 24, 64]), seed=st.integers(0, 10**6)
)
def test_a_row_is_causal_attention_on_the_prefix_and_its_path(backend, nodes, dim, seed):
    rng = np.random.default_rng(seed)
    parents = random_parents(rng, nodes)
    q, k, v = case(rng, nodes, dim=dim)
    _, k_prefix, v_prefix = case(rng, 1, dim=dim, nodes=50)
    prefix = merge_states(*decode_attention_splitk(q, k_prefix, v_prefix, backend=backend), backend=backend)
    tree = tree_attention(q, k, v, ancestors(parents)[None], backend=backend)
    o, lse = merge_state(*prefix, *tree, backend=backend)
    exact = [x[0].astype(float) for x in (q, k, v, k_prefix, v_prefix)]
    for node, path in enumerate(paths(parents)):
        keys, values = (np.concatenate([exact[3 + i], exact[1 + i][path]]) for i in (0, 1))
        expected = softmax_attention(exact[0][node], keys, values)
        np.testing.assert_allclose(o[0, node], expected[0], rtol=0, atol=TOLERANCE[backend])
        np.testing.assert_allclose(lse[0, node], expected[1], rtol=0, atol=10 * TOLERANCE[backend])


def test_a_causal_mask_in_place_of_the_tree_fails_the_same_comparison(rng):
    q, k, v = case(rng, 12)
    star = ancestors([0] * 12)
    right = tree_attention(q, k, v, star[None], backend="numpy")[0]
    wrong = tree_attention(q, k, v, np.tri(12, dtype=bool)[None], backend="numpy")[0]
    assert np.abs(right - wrong).max() > 1e-2


@pytest.mark.parametrize("backend", BACKENDS)
def test_chain_is_causal_and_every_row_may_see_its_own_keys(backend, rng):
    q, k, v = (np.concatenate([x, y]) for x, y in zip(case(rng, 6), case(rng, 6), strict=True))
    mask = np.stack([np.tri(6, dtype=np.uint8), np.eye(6, dtype=np.uint8)])
    o, lse = tree_attention(q, k, v, mask, backend=backend)
    alone = tree_attention(q[:1], k[:1], v[:1], mask[:1], backend=backend)
    np.testing.assert_array_equal(o[0], alone[0][0])
    np.testing.assert_allclose(o[1], v[1].repeat(2, axis=1), rtol=1e-6)
    logits = np.einsum("mhd,mhd->mh", q[1], k[1].repeat(2, axis=1)) / 4.0
    np.testing.assert_allclose(lse[1], logits, rtol=0, atol=5e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_row_that_sees_nothing_is_an_empty_state(backend, rng):
    q, k, v = case(rng, 3, nodes=70)
    mask = np.zeros((1, 3, 70), dtype=np.uint8)
    mask[0, 1, 66] = 7  # only in the second block of 64 keys
    o, lse = tree_attention(q, k, v, mask, backend=backend)
    np.testing.assert_allclose(o[0, 1], v[0, 66].repeat(2, axis=0), rtol=1e-6)
    assert np.all(o[0, [0, 2]] == 0.0)
    assert np.all(np.isneginf(lse[0, [0, 2]]))
    nothing = tree_attention(q, k[:, :0], v[:, :0], mask[..., :0], backend=backend)
    assert np.all(nothing[0] == 0.0)
    assert np.all(np.isneginf(nothing[1]))


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_compiled_is_as_defined_on_the_stored_numbers(dtype, rng):
    q, k, v = case(rng, 30, heads=6, nodes=100, dim=40, dtype=dtype)
    mask = rng.random((1, 30, 100)) < 0.3
    expected = tree_attention(q, k, v, mask, backend="numpy")
    found = tree_attention(q, k, v, mask, backend="numba")
    np.testing.assert_allclose(found[0], expected[0], rtol=0, atol=2e-6)
    np.testing.assert_allclose(found[1], expected[1], rtol=0, atol=5e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_bad_input(backend, rng):
    q, k, v = case(rng, 3)
    mask = np.ones((1, 3, 3), dtype=bool)
    for error, message, arguments in (
        (
            ValueError,
            r"tree_mask has shape \(3, 3\): it must be \(B, M, keys\) = \(1, 3, 3\)",
            (q, k, v, mask[0]),
        ),
        (TypeError, "tree_mask has dtype float64", (q, k, v, mask.astype(float))),
        (ValueError, "k_spec has shape .* and v_spec has", (q, k, v[:, :2], mask)),
        (ValueError, "q has 3 heads and k_spec has 2", (q[:, :, :3], k, v, mask)),
        (ValueError, "NaN, infinite or too large", (q, k * np.nan, v, mask)),
    ):
        with pytest.raises(error, match=message):
            tree_attention(*arguments, backend=backend)


def test_bytes_and_flops(rng):
    _, k, v = case(rng, 9, dtype=np.float16)
    read = k.nbytes + v.nbytes + np.ones((1, 9, 9), dtype=bool).nbytes
    assert bytes_read(batch=1, rows=9, nodes=9, kv_heads=2, dim=16, itemsize=2) == read
    assert flops(batch=1, rows=9, nodes=9, heads=4, dim=16) == 2 * (2 * 9 * 16) * 9 * 4


def test_triton_in_the_interpreter(interpreter):
    assert interpreter == ""


def test_triton_compiles_and_fits(ahead_of_time):
    for row in ahead_of_time:
        half, hopper = "fp32" not in row["name"], row["capability"] == 90 and "BLOCK_M=64" in row["name"]
        assert row["wgmma"] == (half and hopper), row
        assert row["mma"] == (half and not hopper), row
