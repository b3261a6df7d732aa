"""Run with: pytest tests/benchmarks/test_attention_kernels.py --benchmark-only.

A batch of one at the sizes of an 8B model: 8 key heads, 4 query heads for each, head size 128. The JSON
report also holds the bytes that have to be read and the bandwidth reached.
"""

import numpy as np
import pytest

from tightbound.kernels import (
    decode_attention_splitk,
    hybrid_tree_attention,
    sparse_decode_attention,
    topk_select,
    window_attention,
)

KV_HEADS, GROUP, DIM = 8, 4, 128
TREE = 69


@pytest.fixture(scope="module")
def tensors():
    """Arrays of standard normals by shape and dtype, each made once."""
    found = {}
    rng = np.random.default_rng(0)

    def make(name, shape, dtype):
        key = (name, shape, dtype)
        if key not in found:
            found[key] = rng.standard_normal(shape, dtype=np.float32).astype(dtype)
        return found[key]

    return make


def cache(tensors, keys, dtype, rows=1):
    q = tensors("q", (1, rows, KV_HEADS * GROUP, DIM), dtype)
    return q, *(tensors(name, (1, keys, KV_HEADS, DIM), dtype) for name in "kv")


def timed(benchmark, count, function, *arguments):
    """Time a function that reads ``count`` bytes; return its result."""
    result = benchmark.pedantic(function, arguments, rounds=25, warmup_rounds=1)
    benchmark.extra_info["megabytes"] = count / 1e6
    benchmark.extra_info["gigabytes per second"] = count / benchmark.stats.stats.min / 1e9
    return result


def copy(target, source):
    from numba import njit, prange

    @njit(parallel=True)
    def run(target, source):
        part = source.size // 64
        for i in prange(64):
            target[i * part : (i + 1) * part] = source[i * part : (i + 1) * part]

    target, source = target.view(np.uint16), source.view(np.uint16)  # Numba has no float16 here
    run(target[:64], source[:64])
    return lambda: run(target, source)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_floor_copy_on_all_cores(benchmark, tensors, dtype):
    """Copying the values over the keys, which reads half of what attention reads and writes as much."""
    _, k, v = cache(tensors, 32_768, dtype)
    target = np.empty_like(k).ravel()
    timed(benchmark, k.nbytes + v.nbytes, copy(target, v.ravel()))


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("keys", [1024, 8192, 32_768])
def test_decode(benchmark, tensors, keys, dtype):
    q, k, v = cache(tensors, keys, dtype)
    count = decode_attention_splitk.bytes_read(
        lengths=[keys], kv_heads=KV_HEADS, dim=DIM, itemsize=k.itemsize
    )
    timed(benchmark, count, decode_attention_splitk.decode_attention_splitk, q, k, v)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_peer_torch(benchmark, tensors, dtype):
    torch = pytest.importorskip("torch")
    torch.set_num_threads(2)
    q, k, v = (torch.from_numpy(x).transpose(1, 2) for x in cache(tensors, 32_768, np.dtype(dtype).type))
    attend = torch.nn.functional.scaled_dot_product_attention
    count = 2 * k.numel() * k.element_size()
    found = timed(benchmark, count, lambda: attend(q, k, v, enable_gqa=True))
    o, lse = decode_attention_splitk.decode_attention_splitk(
        *(x.transpose(1, 2).numpy() for x in (q, k, v)), num_splits=1
    )
    assert np.all(np.isfinite(lse))
    np.testing.assert_allclose(found.transpose(1, 2).float().numpy(), o[0], rtol=0, atol=1e-3)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("kept", [256, 1024])
def test_sparse(benchmark, tensors, kept, dtype):
    q, k, v = cache(tensors, 32_768, dtype)
    rng = np.random.default_rng(1)
    index = np.sort([[rng.choice(32_704, kept - 64, replace=False) for _ in range(KV_HEADS)]])
    count = sparse_decode_attention.bytes_read(
        kept=kept - 64, tails=[64], kv_heads=KV_HEADS, dim=DIM, itemsize=k.itemsize
    )
    attend = sparse_decode_attention.sparse_decode_attention
    timed(benchmark, count, attend, q, k, v, index, 32_704)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_hybrid_tree(benchmark, tensors, dtype):
    q, k, v = cache(tensors, 8192, dtype, TREE)
    _, k_spec, v_spec = cache(tensors, TREE, dtype)
    mask = np.tri(TREE, dtype=bool)[None]
    count = hybrid_tree_attention.bytes_read(
        lengths=[8192], rows=TREE, nodes=TREE, kv_heads=KV_HEADS, dim=DIM, itemsize=k.itemsize
    )
    attend = hybrid_tree_attention.hybrid_tree_attention
    timed(benchmark, count, attend, q, k, v, None, k_spec, v_spec, mask)


@pytest.mark.parametrize("written", [512, 65_536])
def test_window(benchmark, tensors, written):
    q, k, v = cache(tensors, 512, np.float16)
    count = window_attention.bytes_read(
        positions=[written], slots=512, kv_heads=KV_HEADS, dim=DIM, itemsize=2
    )
    timed(benchmark, count, window_attention.window_attention, q, k, v, np.array([written]))


def test_mass_and_selection(benchmark, tensors):
    q, k, _ = cache(tensors, 8192, np.float16, 32)
    count = topk_select.bytes_read(lengths=[8192], kv_heads=KV_HEADS, dim=DIM, itemsize=2)

    def select():
        return topk_select.topk_select(topk_select.attention_mass(q, k), 1024)

    timed(benchmark, count, select)
