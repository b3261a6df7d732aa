"""Attention over kept keys in compiled loops, which gather rows of the cache."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tightbound.kernels._attention_arguments import LEAST_KEYS, WANTED_TASKS, Sizes, as_stored, splits
from tightbound.kernels._attention_numba import attend, rounded
from tightbound.kernels.merge_states.numba_cpu import merge_parts
from tightbound.kernels.sparse_decode_attention.reference import kept_keys


def sparse_decode_attention(
    q: Any,
    k: Any,
    v: Any,
    idx: Any,
    tail_start: Any,
    kv_len: Any,
    n: Sizes,
    scale: float,
    num_splits: int | None,
    storage: str | None,
) -> tuple[NDArray[Any], NDArray[np.float32]]:
    """Return o and lse; see `tightbound.kernels.sparse_decode_attention.sparse_decode_attention`."""
    queries, keys, values = (as_stored(name, x, storage) for name, x in (("q", q), ("k", k), ("v", v)))
    index, start, length = kept_keys(idx, tail_start, kv_len, n)
    kept = index.shape[2] + np.maximum(length - start, 0)
    count = splits(num_splits, n.batch * n.kv_heads, index.shape[2], wanted=WANTED_TASKS, least=LEAST_KEYS)
    state = attend(queries, keys, values, scale, kept, splits=count, index=index, tail_start=start)
    o, lse = merge_parts(*state)
    return rounded(o, queries), lse.astype(np.float32)
