"""Attention over a cache in compiled loops, one task per request, key head and split."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tightbound.kernels._attention_arguments import Sizes, as_counts, as_stored
from tightbound.kernels._attention_numba import attend, wanted_splits


def decode_attention_splitk(
    q: Any, k: Any, v: Any, kv_len: Any, n: Sizes, scale: float, num_splits: int | None, storage: str | None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return o and lse of every split; see `tightbound.kernels.decode_attention_splitk`."""
    queries, keys, values = (as_stored(name, x, storage) for name, x in (("q", q), ("k", k), ("v", v)))
    lengths = as_counts("kv_len", kv_len, n.batch, n.keys, default=n.keys)
    count = wanted_splits(num_splits, n)
    o, lse = attend(queries, keys, values, scale, lengths, splits=count)
    return o, lse.astype(np.float32)
