"""One layer of a beam tree compiled for the CPU: one pass, the best so far kept in order."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange

from tightbound.kernels._inputs import to_float, to_numpy

BLOCK = 256


@njit(cache=True)
def insert(score, token, parent, scores, tokens, parents):  # type: ignore[no-untyped-def]
    """Put a continuation behind all that are at least as good, and drop the last."""
    at = scores.size - 1
    while at > 0 and scores[at - 1] < score:
        scores[at], tokens[at], parents[at] = scores[at - 1], tokens[at - 1], parents[at - 1]
        at -= 1
    scores[at], tokens[at], parents[at] = score, token, parent


@njit(cache=True, parallel=True)
def many(logq, cum, tokens, parents, scores):  # type: ignore[no-untyped-def]
    """Rank the continuations of all requests."""
    for b in prange(logq.shape[0]):
        worst = scores.shape[1] - 1
        for i in range(logq.shape[1]):
            row, start = logq[b, i], cum[b, i]
            for low in range(0, row.size, BLOCK):
                high = min(low + BLOCK, row.size)
                top = row[low]
                for v in range(low, high):
                    top = row[v] if row[v] > top or top != top else top
                if not start + np.float64(top) > scores[b, worst]:
                    continue  # most blocks hold nothing that counts
                for v in range(low, high):
                    score = start + np.float64(row[v])
                    if score > scores[b, worst]:
                        insert(score, v, i, scores[b], tokens[b], parents[b])


def beam_tree_step(logq: Any, cum: Any, w: int) -> tuple[Any, Any, Any]:
    """Rank in parallel; arguments have been checked."""
    rows = to_float(logq)
    tokens, parents = (np.full((len(rows), w), -1, np.int32) for _ in range(2))
    scores = np.full((len(rows), w), -np.inf)
    many(rows, to_numpy(cum, np.float64), tokens, parents, scores)
    return tokens, parents, scores
