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
    grouped = q.reshape(rows, k.shape[1], -1, dim)
    logits = scale * np.einsum("mkgd,nkd->mkgn", grouped, k)
    if seen is not None:
        logits = np.where(seen[:, None, None, :], logits, -np.inf)
    top = logits.max(axis=-1, initial=-np.inf)
    shift = np.where(np.isneginf(top), 0.0, top)
    weights = np.exp(logits - shift[..., None])
    total = weights.sum(axis=-1)
    empty = total == 0.0
    safe = np.where(empty, 1.0, total)
    o = np.einsum("mkgn,nkd->mkgd", weights / safe[..., None], v)
    lse = np.where(empty, -np.inf, shift + np.log(safe))
    return o.reshape(rows, heads, dim), lse.reshape(rows, heads)
