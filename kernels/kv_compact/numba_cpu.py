"""Compaction of a cache compiled for the CPU: row by row in ascending order, without another copy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange

from tightbound.kernels._inputs import to_numpy


@njit(cache=True, parallel=True)
def move(source, target, path, number, start):  # type: ignore[no-untyped-def]
    """Move the rows of all requests."""
    for b in prange(source.shape[0]):
        for j in range(number[b] + 1):
            row, to = start[b] + path[b, j] - b * path.shape[1], start[b] + j
            for h in range(source.shape[2]):
                for d in range(source.shape[3]):
                    target[b, to, h, d] = source[b, row, h, d]


def kv_compact(source: Any, target: Any, path: Any, number: Any, start: Any) -> Any:
    """Write the rows of each path into ``target``; return how many rows of each request count."""
    path, number, start = (to_numpy(a, np.int32) for a in (path, number, start))
    move(np.asarray(source), np.asarray(target), path, number, start)
    return start + number + np.int32(1)
