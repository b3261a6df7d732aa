"""Greedy back-off n-gram drafts at every position of a text."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@njit(cache=True)
def _find(keys: Ints, low: int, high: int, key: int) -> int:
    """Return the index of ``key`` in the sorted slice ``keys[low:high]``; -1 if it is absent."""
    stop = high
    while low < high:
        middle = (low + high) // 2
        if keys[middle] < key:
            low = middle + 1
        else:
            high = middle
    return low if low < stop and keys[low] == key else -1


@njit(cache=True)
def greedy_drafts(
    tokens: Ints,
    start: int,
    order: int,
    max_draft: int,
    vocabulary: int,
    starts: Ints,
    keys: Ints,
    best: Ints,
) -> Ints:
    """Return ``max_draft`` greedy predictions after every prefix from ``start`` on.

    ``best[0]`` follows the empty context; contexts of n tokens have theirs from ``1 + starts[n - 1]`` on.
    """
    positions = tokens.size - start
    drafted = np.empty((positions, max_draft), np.int64)
    window = np.empty(order + max_draft, np.int64)
    for x in range(positions):
        size = min(order - 1, start + x)
        for i in range(size):
            window[i] = tokens[start + x - size + i]
        for step in range(max_draft):
            guess = best[0]
            for n in range(min(order - 1, size), 0, -1):
                rank = 0
                for i in range(n):
                    token = window[size - n + i]
                    found = -1
                    if token < vocabulary:
                        found = _find(keys, starts[i], starts[i + 1], rank * vocabulary + token)
                    if found < 0:
                        rank = -1
                        break
                    rank = found - starts[i]
                if rank >= 0:
                    guess = best[1 + starts[n - 1] + rank]
                    break
            drafted[x, step] = guess
            window[size] = guess
            size += 1
    return drafted
