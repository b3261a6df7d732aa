"""Attention of a window in float64 and a stable sort: the definition."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tightbound.kernels._attention_arguments import Sizes, as_counts, as_stored

Array = NDArray[np.float64]


def attention_mass(
    q: Any, k: Any, kv_len: Any, n: Sizes, candidates: int, scale: float, storage: str | None
) -> Array:
    """Return the mass of every candidate; see `tightbound.kernels.topk_select.attention_mass`."""
    queries, keys = (as_stored(name, x, storage).float64() for name, x in (("q", q), ("k", k)))
    mass = np.empty((n.batch, n.kv_heads, candidates))
    for b, length in enumerate(lengths_of(kv_len, n, candidates)):
        grouped = queries[b].reshape(n.rows, n.kv_heads, n.group, n.dim).transpose(1, 2, 0, 3)
        with np.errstate(invalid="ignore", over="ignore"):  # `finite` looks for what is no number
            logits = scale * (grouped @ keys[b, :length].transpose(1, 2, 0)[:, np.newaxis])
        hidden = np.arange(length) > (length - n.rows + np.arange(n.rows))[:, None]
        logits = np.where(hidden, -np.inf, logits)
        weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
        shares = weights / weights.sum(axis=-1, keepdims=True)
        mass[b] = shares[..., :candidates].sum(axis=(1, 2)) / n.rows
    return finite(mass)


def lengths_of(kv_len: Any, n: Sizes, candidates: int) -> NDArray[np.int64]:
    """Return the keys of each request, seen to hold the window and the candidates."""
    lengths = as_counts("kv_len", kv_len, n.batch, n.keys, default=n.keys)
    if lengths.min() < n.rows + candidates:
        raise ValueError(
            f"kv_len contains {lengths.min()}: {candidates} candidates and {n.rows} rows of q need "
            f"{n.rows + candidates} keys; give num_candidates"
        )
    return lengths


def finite(mass: NDArray[Any]) -> NDArray[Any]:
    """Return mass that is a number everywhere."""
    if not np.all(np.isfinite(mass)):
        raise ValueError("q or k has entries that are NaN, infinite or too large: replace them")
    return mass


def as_scores(mass: Any) -> NDArray[Any]:
    """Return scores without NaN."""
    scores = as_stored("mass", mass, None)
    found = scores.float32() if scores.bfloat16 else scores.data
    if np.any(np.isnan(found)):
        raise ValueError("mass has NaN: give scores that can be ordered")
    return found


def topk_select(mass: Any, num_keys: int) -> NDArray[np.int32]:
    """Return the keys of largest mass; see `tightbound.kernels.topk_select.topk_select`."""
    order = np.argsort(-as_scores(mass), axis=-1, kind="stable")[..., :num_keys]
    return np.sort(order, axis=-1).astype(np.int32)
