"""Compiled form of ``streams``: the same uniforms, bit for bit."""

from __future__ import annotations

import numpy as np
from numba import njit, uint64

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
MIX_2 = np.uint64(0x94D049BB133111EB)
ALTERNATING = np.uint64(0xAAAAAAAAAAAAAAAA)
ONE = np.uint64(1)
S11, S27, S30, S31, S32, S10 = (np.uint64(n) for n in (11, 27, 30, 31, 32, 10))
POLICY = np.uint64(1 << 32)
CHANNEL = np.uint64(1 << 33)


@njit(cache=True)
def mix(value):  # type: ignore[no-untyped-def]
    value = (value ^ (value >> S30)) * MIX_1
    value = (value ^ (value >> S27)) * MIX_2
    return value ^ (value >> S31)


@njit(cache=True)
def stream(seed, replication, lane):  # type: ignore[no-untyped-def]
    start = mix(
        mix(mix(seed + GOLDEN) + (uint64(replication) + ONE) * GOLDEN) + (uint64(lane) + ONE) * GOLDEN
    )
    step = mix(start + GOLDEN) | ONE
    changes = step ^ (step >> ONE)
    bits = 0
    while changes != uint64(0):
        changes &= changes - ONE
        bits += 1
    if bits < 24:
        step ^= ALTERNATING
    return start, step


@njit(cache=True)
def uniform(start, step, counter):  # type: ignore[no-untyped-def]
    return float(mix(start + (uint64(counter) + ONE) * step) >> S11) * 2.0**-53


@njit(cache=True)
def coin(key):  # type: ignore[no-untyped-def]
    # key = (start, step, next counter): the policy's coins of the present round
    value = uniform(key[0], key[1], key[2])
    key[2] += ONE
    return value
