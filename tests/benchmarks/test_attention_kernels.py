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
from tightbound.papers.speculative_core import _attention_speed as speed
from tightbound.papers.speculative_core import _peers

KV_HEADS, DIM = speed.KV_HEADS, speed.DIM
TREE = 69
DTYPES = ["float16", "float32"]


def timed(benchmark, count, function, *arguments):
    """Time a function that reads ``count`` bytes; return its result."""
    result = benchmark.pedantic(function, arguments, rounds=25, warmup_rounds=1)
    benchmark.extra_info["megabytes"] = count / 1e6
    benchmark.extra_info["gigabytes per second"] = count / benchmark.stats.stats.min / 1e9
    return result


@pytest.mark.parametrize("dtype", DTYPES)
def test_floor_copy_on_all_cores(benchmark, dtype):
    _, k, v = speed.queries_keys_values(32_768, dtype)
    timed(benchmark, k.nbytes + v.nbytes, speed.floor(k, v))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("keys", [1024, 8192, 32_768])
def test_decode(benchmark, keys, dtype):
    q, k, v = speed.queries_keys_values(keys, dtype)
    count = decode_attention_splitk.bytes_read(
        lengths=[keys], kv_heads=KV_HEADS, dim=DIM, itemsize=k.itemsize
    )
    timed(benchmark, count, decode_attention_splitk.decode_attention_splitk, q, k, v)


@pytest.mark.parametrize("dtype", DTYPES)
def test_peer_torch(benchmark, dtype):
    pytest.importorskip("torch")
    q, k, v = speed.queries_keys_values(32_768, dtype)
    found = timed(benchmark, k.nbytes + v.nbytes, _peers.torch_attention(q, k, v))
    speed.check(found.float().numpy(), q, k, v)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kept", [256, 1024])
def test_sparse(benchmark, kept, dtype):
    q, k, v = speed.queries_keys_values(32_768, dtype)
    index = speed.kept_keys(kept)
    count = sparse_decode_attention.bytes_read(
        kept=kept - 64, tails=[64], kv_heads=KV_HEADS, dim=DIM, itemsize=k.itemsize
    )
    attend = sparse_decode_attention.sparse_decode_attention
    timed(benchmark, count, attend, q, k, v, index, 32_704)


@pytest.mark.parametrize("dtype", DTYPES)
def test_hybrid_tree(benchmark, dtype):
    q, k, v = speed.queries_keys_values(8192, dtype, TREE)
    _, k_spec, v_spec = speed.queries_keys_values(TREE, dtype)
    mask = np.tri(TREE, dtype=bool)[None]
    count = hybrid_tree_attention.bytes_read(
        lengths=[8192], rows=TREE, nodes=TREE, kv_heads=KV_HEADS, dim=DIM, itemsize=k.itemsize
    )
    attend = hybrid_tree_attention.hybrid_tree_attention
    timed(benchmark, count, attend, q, k, v, None, k_spec, v_spec, mask)


@pytest.mark.parametrize("written", [512, 65_536])
def test_window(benchmark, written):
    q, k, v = speed.queries_keys_values(512, "float16")
    count = window_attention.bytes_read(
        positions=[written], slots=512, kv_heads=KV_HEADS, dim=DIM, itemsize=2
    )
    timed(benchmark, count, window_attention.window_attention, q, k, v, np.array([written]))


def test_mass_and_selection(benchmark):
    q, k, _ = speed.queries_keys_values(8192, "float16", 32)
    count = topk_select.bytes_read(lengths=[8192], kv_heads=KV_HEADS, dim=DIM, itemsize=2)

    def select():
        return topk_select.topk_select(topk_select.attention_mass(q, k), 1024)

    timed(benchmark, count, select)
