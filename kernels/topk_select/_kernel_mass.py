"""Compiled attention mass, one task per request and key head."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from tightbound.kernels._kernel_attention import (
    BLOCK,
    LOG2E,
    _exp2,
    _padded_queries,
    _read,
    _score,
    _weigh,
)


@njit(cache=True)
def _one_head(q, k, start, stride, length, factor, mass):  # type: ignore[no-untyped-def]
    """Add up the shares that the rows of q (M, G, D) give to the first keys of one head."""
    rows, group, dim = q.shape
    queries = _padded_queries(q, 1, factor)
    even, width = queries.shape
    copied = np.zeros((BLOCK, width), dtype=np.float32)
    inside = np.arange(BLOCK) * width
    scores = np.empty((even, BLOCK), dtype=np.float32)
    top = np.full(rows * group, np.float32(-np.inf))
    total = np.zeros(rows * group)
    shares = np.empty(BLOCK)
    for share in (False, True):
        for j in range(0, mass.size if share else length, BLOCK):
            count = min(BLOCK, (mass.size if share else length) - j)
            for i in range(count):
                _read(copied[i], k, start + (j + i) * stride, dim)
            fours = (count + 3) // 4 * 4
            _score(scores, queries, even, 1, copied.reshape(-1), inside, 0, fours, BLOCK, 0)
            shares[:] = 0.0
            for r in range(rows * group):
                row = scores[r]
                seen = min(count, length - rows + r // group + 1 - j)
                if share:
                    _weigh(row, seen, top[r])
                    over = 1.0 / (total[r] * rows)
                    for i in range(seen):
                        shares[i] += row[i] * over
                    continue
                highest = top[r]
                for i in range(seen):
                    if row[i] != row[i]:
                        total[r] = np.nan
                    highest = max(highest, row[i])
                if highest > top[r]:
                    total[r] *= _exp2(top[r] - highest)
                    top[r] = highest
                total[r] += _weigh(row, seen, highest)
            if share:
                for i in range(count):
                    mass[j + i] = shares[i]


@njit(cache=True, parallel=True)
def attention_mass(q, k, strides, lengths, scale, mass):  # type: ignore[no-untyped-def]
    """Write the mass (B, Hk, C) of candidates; k is a buffer with strides for request, key and head."""
    batch, kv_heads, _ = mass.shape
    group = q.shape[2] // kv_heads
    for task in prange(batch * kv_heads):
        b = task // kv_heads
        h = task % kv_heads
        _one_head(
            q[b, :, h * group : (h + 1) * group],
            k,
            b * strides[0] + h * strides[2],
            strides[1],
            lengths[b],
            scale * LOG2E,
            mass[b, h],
        )
