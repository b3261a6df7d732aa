"""Compiled forward substitution for renewal equations; importing scipy.signal for it takes a second."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def solve(q, source):  # type: ignore[no-untyped-def]
    # x(b) = source(b) + sum_y q(y) x(b - y), the earliest terms first
    reach = q.size
    x = np.empty(source.size, dtype=np.float64)
    for b in range(source.size):
        total = 0.0
        for y in range(min(reach, b), 0, -1):
            total += q[y - 1] * x[b - y]
        x[b] = total + source[b]
    return x
