"""Compiled exact belief updates.

Rows that meet the same matrix are handled side by side, so that inner loops run over contiguous lanes and
become vector instructions whatever the number of states. A lane never looks at its neighbours: results depend
neither on threads nor on what else is in the batch.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

BLOCK = 2048  # rows a thread takes; they stay in its cache while they are picked by matrix
LANES = 128  # rows side by side
VECTOR = 8  # the number of lanes in use is rounded up to this; what the others hold is never read
GROUP = 4  # the number of states is rounded up to this with zeros, which change no sum


@njit(cache=True)
def sort(keys, span, order, spare):  # type: ignore[no-untyped-def]
    # stable radix sort of indices by their keys in 0, ..., span - 1, eight bits a pass
    for i in range(keys.size):
        order[i] = i
    places = np.empty(257, np.int64)
    shift = 0
    while (span - 1) >> shift > 0:
        for digit in range(257):
            places[digit] = 0
        for i in range(keys.size):
            places[(keys[i] >> shift & 255) + 1] += 1
        for digit in range(256):
            places[digit + 1] += places[digit]
        for i in range(keys.size):
            digit = keys[order[i]] >> shift & 255
            spare[places[digit]] = order[i]
            places[digit] += 1
        for i in range(keys.size):
            order[i] = spare[i]
        shift += 8


@njit(cache=True)
def any_negative(beliefs):  # type: ignore[no-untyped-def]
    # in the order of memory: after this the rows are in the cache
    entries, found = beliefs.ravel(), False
    for i in range(entries.size):
        found |= entries[i] < 0.0
    return found


@njit(cache=True)
def gather(beliefs, rows, before, sums):  # type: ignore[no-untyped-def]
    for k in range(rows.size):
        belief, total = beliefs[rows[k]], 0.0
        for s in range(belief.size):
            before[s, k] = belief[s]
            total += belief[s]
        sums[rows[k]] = total


@njit(cache=True)
def multiply(matrix, before, after, width):  # type: ignore[no-untyped-def]
    # four states and two next states a pass: eight products for six loads, added in the order of states
    for t in range(0, matrix.shape[1], 2):
        u, v = after[t], after[t + 1]
        for k in range(width):
            u[k] = 0.0
            v[k] = 0.0
        for s in range(0, matrix.shape[0], GROUP):
            a0, a1, a2, a3 = matrix[s, t], matrix[s + 1, t], matrix[s + 2, t], matrix[s + 3, t]
            b0, b1, b2, b3 = (
                matrix[s, t + 1],
                matrix[s + 1, t + 1],
                matrix[s + 2, t + 1],
                matrix[s + 3, t + 1],
            )
            r0, r1, r2, r3 = before[s], before[s + 1], before[s + 2], before[s + 3]
            for k in range(width):
                u[k] = u[k] + a0 * r0[k] + a1 * r1[k] + a2 * r2[k] + a3 * r3[k]
                v[k] = v[k] + b0 * r0[k] + b1 * r1[k] + b2 * r2[k] + b3 * r3[k]


@njit(cache=True, error_model="numpy")
def scatter(after, channels, seen, rows, out, likelihoods):  # type: ignore[no-untyped-def]
    for k in range(rows.size):
        channel, target, total = channels[seen[rows[k]]], out[rows[k]], 0.0
        for t in range(target.size):
            joint = after[t, k] * channel[t]
            target[t] = joint
            total += joint
        likelihoods[rows[k]] = total
        # an impossible row, which is zero, stays zero
        scale = total if total > 0.0 else 1.0
        for t in range(target.size):
            target[t] /= scale


@njit(cache=True)
def advance(transition, channels, beliefs, keys, seen, out, likelihoods, sums):  # type: ignore[no-untyped-def]
    # transition (Z, H-1 or 1, S, G, S), keys (n,): index of (environment, step, subgoal)
    steps, goals = transition.shape[1], transition.shape[3]
    count, states = beliefs.shape
    negative = any_negative(beliefs)
    order, spare = np.empty(count, np.int64), np.empty(count, np.int64)
    sort(keys, transition.shape[0] * steps * goals, order, spare)
    padded = (states + GROUP - 1) // GROUP * GROUP
    matrix = np.zeros((padded, padded))
    before, after = np.zeros((padded, LANES)), np.empty((padded, LANES))
    first = 0
    while first < count:
        key, last = keys[order[first]], first + 1
        while last < count and last - first < LANES and keys[order[last]] == key:
            last += 1
        z, h, g = key // (steps * goals), key // goals % steps, key % goals
        for s in range(states):
            for t in range(states):
                matrix[s, t] = transition[z, h, s, g, t]
        rows = order[first:last]
        gather(beliefs, rows, before, sums)
        multiply(matrix, before, after, (last - first + VECTOR - 1) // VECTOR * VECTOR)
        scatter(after, channels, seen, rows, out, likelihoods)
        first = last
    if negative:
        for i in range(count):
            if any_negative(beliefs[i : i + 1]):
                sums[i] = np.nan


@njit(cache=True)
def label(environments, steps, subgoals, observations, limits, varying, first, keys, seen):  # type: ignore[no-untyped-def]
    # matrix and observation of the rows from first on; False if the model does not have one of them
    known = True
    for i in range(keys.size):
        # one integer may stand for all rows
        z = environments[first + i if environments.size > 1 else 0]
        h = steps[first + i if steps.size > 1 else 0]
        g = subgoals[first + i if subgoals.size > 1 else 0]
        o = observations[first + i if observations.size > 1 else 0]
        known &= 0 <= z < limits[0] and 0 <= h < limits[1] and 0 <= g < limits[2] and 0 <= o < limits[3]
        keys[i] = (z * limits[1] + h if varying else z) * limits[2] + g
        seen[i] = o
    return known


@njit(cache=True, parallel=True)
def update(  # type: ignore[no-untyped-def]
    transition,
    channels,
    beliefs,
    environments,
    steps,
    subgoals,
    observations,
    limits,
    tolerance,
    out,
    likelihoods,
    sums,
):
    # limits: (Z, H-1, G, O). Fills out (B, S), likelihoods (B,), and the sums of the given rows (B,), NaN if
    # an entry is negative. Returns the number of blocks with an index out of range (these are left out), with
    # a sum that is not one, or with an impossible observation
    count = beliefs.shape[0]
    amiss = 0
    for block in prange((count + BLOCK - 1) // BLOCK):
        first, last = block * BLOCK, min(count, (block + 1) * BLOCK)
        keys, seen = np.empty(last - first, np.int64), np.empty(last - first, np.int64)
        known = label(
            environments, steps, subgoals, observations, limits, transition.shape[1] > 1, first, keys, seen
        )
        if known:
            advance(
                transition,
                channels,
                beliefs[first:last],
                keys,
                seen,
                out[first:last],
                likelihoods[first:last],
                sums[first:last],
            )
            for i in range(first, last):
                known &= abs(sums[i] - 1.0) <= tolerance and likelihoods[i] != 0.0
        amiss += not known
    return amiss
