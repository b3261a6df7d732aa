"""Compaction of a cache: the definition."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.kernels._inputs import to_numpy


def kv_compact(source: Any, target: Any, path: Any, number: Any, start: Any) -> Any:
    """Write the rows of each path into ``target``; return how many rows of each request count."""
    source, target = np.asarray(source), np.asarray(target)
    path, number, start = (to_numpy(a, np.int64) for a in (path, number, start))
    for b, count in enumerate(number):
        nodes = path[b, : count + 1] - b * path.shape[1]
        target[b, start[b] : start[b] + count + 1] = source[b, start[b] + nodes]
    return (start + number + 1).astype(np.int32)
