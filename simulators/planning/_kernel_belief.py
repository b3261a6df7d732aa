"""Compiled exact belief updates.

Rows that meet the same matrix are handled 64 at a time, side by side, so that inner loops run over a fixed
number of contiguous lanes and become vector instructions whatever the number of states. A lane never looks at
its neighbours: results depend neither on threads nor on what else is in the batch.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

BLOCK = 2048
LANES = 64


@njit(cache=True)
def touch(beliefs, out):  # type: ignore[no-untyped-def]
    # walks through memory in order, so that the rows are in the cache when they are picked by subgoal
    found = 0.0
    for i in range(beliefs.shape[0]):
        for s in range(0, beliefs.shape[1], 8):
            found += beliefs[i, s]
            out[i, s] = 0.0
    return found


@njit(cache=True, error_model="numpy")
def advance(  # type: ignore[no-untyped-def]
    matrix, channels, beliefs, observations, rows, out, likelihoods, sums, before, after, mass, least
):
    # matrix (S, S), channels (O, S), rows: at most LANES indices into beliefs; before, after (S, LANES)
    states = matrix.shape[0]
    whole = states - states % 4
    for k in range(rows.size):
        belief = beliefs[rows[k]]
        for s in range(states):
            before[s, k] = belief[s]
    for k in range(LANES):
        mass[k] = 0.0
        least[k] = 0.0
    for s in range(states):
        row = before[s]
        for k in range(LANES):
            mass[k] += row[k]
            least[k] = min(least[k], row[k])
    for k in range(rows.size):
        sums[rows[k]] = mass[k] if least[k] == 0.0 else np.nan
    for t in range(states):
        lanes = after[t]
        for k in range(LANES):
            lanes[k] = 0.0
        # four states a pass: the lanes are loaded and stored once for four products, added in the same order
        for s in range(0, whole, 4):
            c0, c1, c2, c3 = matrix[s, t], matrix[s + 1, t], matrix[s + 2, t], matrix[s + 3, t]
            r0, r1, r2, r3 = before[s], before[s + 1], before[s + 2], before[s + 3]
            for k in range(LANES):
                lanes[k] = lanes[k] + c0 * r0[k] + c1 * r1[k] + c2 * r2[k] + c3 * r3[k]
        for s in range(whole, states):
            chance, row = matrix[s, t], before[s]
            for k in range(LANES):
                lanes[k] += chance * row[k]
    for k in range(rows.size):
        channel, target = channels[observations[rows[k]]], out[rows[k]]
        total = 0.0
        for t in range(states):
            target[t] = after[t, k] * channel[t]
            total += target[t]
        likelihoods[rows[k]] = total
        # an impossible row, which is zero, stays zero
        scale = total if total > 0.0 else 1.0
        for t in range(states):
            target[t] /= scale


@njit(cache=True, parallel=True)
def update(transition, channels, beliefs, observations, keys, order, out, likelihoods, sums):  # type: ignore[no-untyped-def]
    # transition (Z, H-1 or 1, S, G, S), keys (B,): index of (environment, step, subgoal); order sorts each
    # block of them. Fills out (B, S), likelihoods (B,), and the sums of the given rows (B,), NaN if negative
    steps, goals = transition.shape[1], transition.shape[3]
    count, states = beliefs.shape
    for block in prange((count + BLOCK - 1) // BLOCK):
        first, end = block * BLOCK, min(count, (block + 1) * BLOCK)
        before, after = np.zeros((states, LANES)), np.empty((states, LANES))
        mass, least = np.empty(LANES), np.empty(LANES)
        # what is stored here is overwritten; it keeps the reads from being optimised away
        sums[first] = touch(beliefs[first:end], out[first:end])
        while first < end:
            key, last = keys[order[first]], first + 1
            while last < end and last - first < LANES and keys[order[last]] == key:
                last += 1
            matrix = transition[key // (steps * goals), key // goals % steps, :, key % goals, :]
            rows = order[first:last]
            advance(
                matrix,
                channels,
                beliefs,
                observations,
                rows,
                out,
                likelihoods,
                sums,
                before,
                after,
                mass,
                least,
            )
            first = last
