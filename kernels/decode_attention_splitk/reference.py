"""Attention split by split in float64: the definition."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tightbound.kernels._attention_arguments import Sizes, as_counts, as_stored, finite, split_bounds, splits
from tightbound.kernels._attention_reference import attend

Array = NDArray[np.float64]


def decode_attention_splitk(
    q: Any, k: Any, v: Any, kv_len: Any, n: Sizes, scale: float, num_splits: int | None, storage: str | None
) -> tuple[Array, Array]:
    """Return o and lse of every split; see `tightbound.kernels.decode_attention_splitk`."""
    queries, keys, values = (
        as_stored(name, x, storage).float64() for name, x in (("q", q), ("k", k), ("v", v))
    )
    lengths = as_counts("kv_len", kv_len, n.batch, n.keys, default=n.keys)
    count = splits(num_splits, 1, n.keys, wanted=1, least=1)
    o = np.zeros((count, n.batch, n.rows, n.heads, n.dim))
    lse = np.full((count, n.batch, n.rows, n.heads), -np.inf)
    for b in range(n.batch):
        for s in range(count):
            lo, hi = split_bounds(int(lengths[b]), count, s)
            o[s, b], lse[s, b] = attend(queries[b], keys[b, lo:hi], values[b, lo:hi], None, scale)
    finite(o, lse)
    return o, lse
