"""Compiled draws by inverse distribution function from a row of weights.

Weights are (scale p - q)_+ or those of p. One pass adds up blocks of the row, then one block is
searched.
"""

from __future__ import annotations

import numpy as np
from numba import njit

BLOCK = 512
# Sums may be taken in another order, which moves a threshold by less than 1e-15.
ORDER = {"reassoc", "nsz", "contract"}


@njit(cache=True, fastmath=ORDER)
def block_excesses(p, scale, q, sums):  # type: ignore[no-untyped-def]
    # sums over blocks of (scale p - q)_+
    for block in range(sums.size):
        low = block * BLOCK
        high = min(low + BLOCK, p.size)
        excess = 0.0
        for v in range(low, high):
            excess += max(scale * np.float64(p[v]) - np.float64(q[v]), 0.0)
        sums[block] = excess


@njit(cache=True, fastmath=ORDER)
def excess_mass(p, scale, q):  # type: ignore[no-untyped-def]
    # the sum of (scale p - q)_+
    total = 0.0
    for v in range(p.size):
        total += max(scale * np.float64(p[v]) - np.float64(q[v]), 0.0)
    return total


@njit(cache=True, fastmath=ORDER)
def block_masses(p, sums):  # type: ignore[no-untyped-def]
    # sums over blocks of p
    for block in range(sums.size):
        low = block * BLOCK
        high = min(low + BLOCK, p.size)
        mass = 0.0
        for v in range(low, high):
            mass += np.float64(p[v])
        sums[block] = mass


@njit(cache=True)
def find(sums, u):  # type: ignore[no-untyped-def]
    # block in which the threshold u * total falls, and how much of it is left there; -1 without any mass
    total = 0.0
    for block in range(sums.size):
        total += sums[block]
    threshold, before, last, rest = u * total, 0.0, -1, 0.0
    for block in range(sums.size):
        if sums[block] > 0.0:
            last, rest = block, threshold - before
            before += sums[block]
            if before > threshold:
                break
    return last, rest


@njit(cache=True)
def draw(p, scale, q, u, sums):  # type: ignore[no-untyped-def]
    # a token from (scale p - q)_+, from p where that has no mass, -1 where p has none either
    block_excesses(p, scale, q, sums)
    block, rest = find(sums, u)
    if block < 0:
        return draw_without(p, np.empty(0, np.int32), u, sums)
    total, last = 0.0, -1
    for v in range(block * BLOCK, min(block * BLOCK + BLOCK, p.size)):
        weight = scale * np.float64(p[v]) - np.float64(q[v])
        if weight > 0.0:
            total += weight
            last = v
            if total > rest:
                break
    return last


@njit(cache=True)
def draw_without(p, banned, u, sums):  # type: ignore[no-untyped-def]
    # a token from p, those in ``banned`` excluded unless they have all the mass; -1 where there is none
    block_masses(p, sums)
    for token in banned:
        block = token // BLOCK
        sums[block] = 0.0
        for v in range(block * BLOCK, min(block * BLOCK + BLOCK, p.size)):
            if allowed(v, banned):
                sums[block] += np.float64(p[v])
    block, rest = find(sums, u)
    if block < 0:
        banned = banned[:0]
        block_masses(p, sums)
        block, rest = find(sums, u)
    if block < 0:
        return -1
    total, last = 0.0, -1
    for v in range(block * BLOCK, min(block * BLOCK + BLOCK, p.size)):
        if p[v] > 0.0 and allowed(v, banned):
            total += np.float64(p[v])
            last = v
            if total > rest:
                break
    return last


@njit(cache=True)
def allowed(v, banned):  # type: ignore[no-untyped-def]
    found = True
    for token in banned:
        found = found and v != token
    return found


@njit(cache=True)
def blocks(size):  # type: ignore[no-untyped-def]
    return (size + BLOCK - 1) // BLOCK
