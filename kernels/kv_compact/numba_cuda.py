"""Compaction of a cache in numba.cuda, one thread per byte of a row."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda as _cuda

from tightbound.kernels._inputs import to_numpy

cuda: Any = _cuda  # has no types

THREADS = 32


@cuda.jit
def move(source, target, path, number, start):  # type: ignore[no-untyped-def]
    """Move one byte of every row of the path, in ascending order."""
    b, h = int(cuda.blockIdx.x), int(cuda.blockIdx.y)
    d = int(cuda.blockIdx.z) * THREADS + int(cuda.threadIdx.x)
    if d < source.shape[3]:
        for j in range(number[b] + 1):
            row = start[b] + path[b, j] - b * path.shape[1]
            target[b, start[b] + j, h, d] = source[b, row, h, d]


def kv_compact(source: Any, target: Any, path: Any, number: Any, start: Any) -> Any:
    """Write the rows of each path into ``target``; return how many rows of each request count."""
    source, target = np.asarray(source), np.asarray(target)
    path, number, start = (to_numpy(a, np.int32) for a in (path, number, start))
    batch, _, heads, size = source.shape
    if source.size:
        blocks = (size + THREADS - 1) // THREADS
        move[(batch, heads, blocks), THREADS](source, target, path, number, start)
    return start + number + np.int32(1)
