"""Compiled merge of attention states."""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange


@njit(cache=True, parallel=True)
def merge_rows(o, lse, merged, total):  # type: ignore[no-untyped-def]
    parts, rows, dim = o.shape
    for r in prange(rows):
        top = -np.inf
        for s in range(parts):
            top = max(top, lse[s, r])
        if top == -np.inf:
            total[r] = -np.inf
            merged[r, :] = np.float32(0.0)
            continue
        weight = 0.0
        for s in range(parts):
            weight += math.exp(lse[s, r] - top)
        total[r] = top + math.log(weight)
        row = np.zeros(dim)
        for s in range(parts):
            share = math.exp(lse[s, r] - top) / weight
            if share > 0.0:
                for d in range(dim):
                    row[d] += share * o[s, r, d]
        for d in range(dim):
            merged[r, d] = row[d]
