"""Softmax attention over given keys in float64: what every attention operation means."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def attend(q: Array, k: Array, v: Array, seen: NDArray[np.bool_] | None, scale: float) -> tuple[Array, Array]:
    """Return output and natural log-sum-exp of one request.

    Parameters
    ----------
    q : array, shape (M, H, D)
        Queries.
    k, v : array, shape (N, Hk, D)
        Keys and values.
    seen : array of bool, shape (M, N), optional
        Which keys each row sees; all where None.
    scale : float
        Factor on q.k.

    Returns
    -------
    o : array, shape (M, H, D)
        0 for a row that sees no key.
    lse : array, shape (M, H)
        -inf for such a row.
    """
    rows, heads, dim = q.shape
    kv_heads = k.shape[1]
    grouped = q.reshape(rows, kv_heads, -1, dim).transpose(1, 0, 2, 3).reshape(kv_heads, -1, dim)
    with np.errstate(invalid="ignore", over="ignore"):  # callers look for what is no number
        logits = scale * (grouped @ k.transpose(1, 2, 0))  # (Hk, M H / Hk, N)
    if seen is not None:
        logits = np.where(np.repeat(seen, heads // kv_heads, axis=0), logits, -np.inf)
    top = logits.max(axis=-1, initial=-np.inf)
    shift = np.where(np.isneginf(top), 0.0, top)
    weights = np.exp(logits - shift[..., None])
    total = weights.sum(axis=-1)
    empty = total == 0.0
    safe = np.where(empty, 1.0, total)
    with np.errstate(invalid="ignore", over="ignore"):
        o = (weights @ v.transpose(1, 0, 2)) / safe[..., None]
    lse = np.where(empty, -np.inf, shift + np.log(safe))

    def by_row(found: Array, *last: int) -> Array:
        apart = found.reshape(kv_heads, rows, heads // kv_heads, *last)
        return apart.swapaxes(0, 1).reshape(rows, heads, *last)

    return by_row(o, dim), by_row(lse)
