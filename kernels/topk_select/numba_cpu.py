"""Attention of a window in compiled loops, selection by partial sorting instead of sorting."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tightbound.kernels._attention_arguments import Floats, Sizes, as_stored
from tightbound.kernels._attention_numba import buffer
from tightbound.kernels.topk_select.reference import as_scores, finite, lengths_of


def attention_mass(
    q: Any, k: Any, kv_len: Any, n: Sizes, candidates: int, scale: float, storage: str | None
) -> NDArray[np.float32]:
    """Return the mass of every candidate; see `tightbound.kernels.topk_select.attention_mass`."""
    from tightbound.kernels.topk_select import _kernel_mass

    queries, keys = (as_stored(name, x, storage) for name, x in (("q", q), ("k", k)))
    lengths = lengths_of(kv_len, n, candidates)
    data, strides = buffer(Floats(keys.float32(), False) if keys.data.dtype == np.float64 else keys)
    mass = np.zeros((n.batch, n.kv_heads, candidates), dtype=np.float32)
    rows = np.ascontiguousarray(queries.float32())
    _kernel_mass.attention_mass(rows, data, strides, lengths, scale, mass)
    finite(mass)
    return mass


def topk_select(mass: Any, num_keys: int) -> NDArray[np.int32]:
    """Return the keys of largest mass; see `tightbound.kernels.topk_select.topk_select`."""
    scores = as_scores(mass)
    if not num_keys or not scores.size:
        return np.empty((*scores.shape[:-1], num_keys), dtype=np.int32)
    at = scores.shape[-1] - num_keys
    least = np.partition(scores, at, axis=-1)[..., at : at + 1]
    above, ties = scores > least, scores == least
    room = num_keys - above.sum(axis=-1, keepdims=True)
    chosen = above | (ties & (np.cumsum(ties, axis=-1) <= room))
    return np.nonzero(chosen)[-1].astype(np.int32).reshape(*scores.shape[:-1], num_keys)
