"""Attention over kept keys in float64: the definition; and the check of which keys are kept."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tightbound.kernels._attention_arguments import Sizes, as_counts, as_stored, finite, on_cpu, splits
from tightbound.kernels._attention_reference import attend

Array = NDArray[np.float64]


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
) -> tuple[Array, Array]:
    """Return o and lse; see `tightbound.kernels.sparse_decode_attention.sparse_decode_attention`."""
    queries, keys, values = (
        as_stored(name, x, storage).float64() for name, x in (("q", q), ("k", k), ("v", v))
    )
    index, start, length = kept_keys(idx, tail_start, kv_len, n)
    splits(num_splits, 1, n.keys, wanted=1, least=1)
    o, lse = np.empty((n.batch, n.rows, n.heads, n.dim)), np.empty((n.batch, n.rows, n.heads))
    for b in range(n.batch):
        for h in range(n.kv_heads):
            kept = np.concatenate([index[b, h], np.arange(start[b], length[b])]).astype(np.int64)
            own = slice(h * n.group, (h + 1) * n.group)
            o[b, :, own], lse[b, :, own] = attend(
                queries[b, :, own], keys[b, kept, h : h + 1], values[b, kept, h : h + 1], None, scale
            )
    finite(o, lse)
    return o, lse


def kept_keys(
    idx: Any, tail_start: Any, kv_len: Any, n: Sizes
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """Return the kept keys (B, Hk, K), where tails begin and where they end, both (B,)."""
    length = as_counts("kv_len", kv_len, n.batch, n.keys, default=n.keys)
    if isinstance(tail_start, int):
        tail_start = np.full(n.batch, tail_start)
    start = as_counts("tail_start", tail_start, n.batch, n.keys, default=n.keys)
    index = on_cpu("idx", idx)
    if index.dtype.kind not in "iu":
        raise TypeError(f"idx has dtype {index.dtype}: give integers")
    if index.ndim != 3 or index.shape[:2] != (n.batch, n.kv_heads):
        raise ValueError(f"idx has shape {index.shape}: it must be (B, Hk, K) = ({n.batch}, {n.kv_heads}, K)")
    if not (index[..., 1:] > index[..., :-1]).all():
        raise ValueError(
            "idx is unsorted or has a key twice, which would count twice: sort it, each key once"
        )
    most = np.minimum(start, length)[:, None]
    if index.shape[2] and ((index[..., 0] < 0).any() or (index[..., -1] >= most).any()):
        raise ValueError(
            "idx has keys that are negative, not below tail_start (these are kept anyway) or not below kv_len"
        )
    return index.astype(np.int32), start, length
