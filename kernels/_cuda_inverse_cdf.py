"""Draws by inverse distribution function in numba.cuda: a block adds up stretches and searches one."""

from __future__ import annotations

from typing import Any

from numba import cuda as _cuda

cuda: Any = _cuda  # has no types

THREADS = 32


@cuda.jit(device=True)
def find_stretch(sums, u):  # type: ignore[no-untyped-def]
    # stretch in which the threshold u * total falls, and what is left of it there; -1 without any mass
    total = 0.0
    for i in range(THREADS):
        total += sums[i]
    threshold, before, last, rest = u * total, 0.0, -1, 0.0
    for i in range(THREADS):
        if sums[i] > 0.0 and before <= threshold:
            last, rest = i, threshold - before
            before += sums[i]
    return last, rest
