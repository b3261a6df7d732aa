"""Compiled attention mass, one task per request and key head."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from tightbound.kernels._kernel_attention import BLOCK, LOG2E, _exp2, _read, _score, _weigh


@njit(cache=True)
def _one_head(q, k, start, stride, bfloat16, length, factor, mass):  # type: ignore[no-untyped-def]
    """Add up the shares that the rows of q (M, G, D) give to the first keys of one head."""
    rows, group, dim = q.shape
    even = rows * group + rows * group % 2
    queries = np.zeros((even, dim), dtype=np.float32)
    for m in range(rows):
        for g in range(group):
            for d in range(dim):
                queries[m * group + g, d] = q[m, g, d] * np.float32(factor)
    block = np.zeros((BLOCK, dim), dtype=np.float32)
    scores = np.empty((even, BLOCK), dtype=np.float32)
    top = np.full(rows * group, np.float32(-np.inf))
    total = np.zeros(rows * group)
    shares = np.empty(BLOCK)
    for share in (False, True):
        for j in range(0, mass.size if share else length, BLOCK):
            count = min(BLOCK, (mass.size if share else length) - j)
            for i in range(count):
                _read(block[i], k, start + (j + i) * stride, bfloat16)
            _score(scores, queries, block, (count + 3) // 4 * 4)
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
def attention_mass(q, k, strides, bfloat16, lengths, scale, mass):  # type: ignore[no-untyped-def]
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
            bfloat16,
            lengths[b],
            scale * LOG2E,
            mass[b, h],
        )
