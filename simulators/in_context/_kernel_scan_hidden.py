"""Compiled Bayesian model averaging over a bank of hidden Markov models.

Sequences are handled side by side, so that inner loops run over contiguous lanes whatever the numbers of
tasks and hidden states. A lane never looks at its neighbours: results depend neither on threads nor on what
else is in the batch.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

from tightbound.simulators.in_context._kernel_scan_weights import (
    FINE,
    LEAST,
    LOST,
    SMALL,
    log_weight,
    settle,
)

LANES = 128  # sequences side by side
VECTOR = 4  # the number of lanes in use is rounded up to this; what the others hold is not kept
GROUP = 4  # the number of hidden states is rounded up to this with zeros, which change no sum
STEPS = 8  # demonstrations that one task filters before the next task does


@njit(cache=True, error_model="numpy")
def emit(shown, rows, before, inverse, joint, chance):  # type: ignore[no-untyped-def]
    # joint = before * inverse * law of what was seen, shown (K, H); chance is its sum, inverse 1 / chance
    for k in range(rows.size):
        law = shown[rows[k]]
        for h in range(law.size):
            joint[h, k] = law[h]
    for k in range(rows.size):
        chance[k] = 0.0
    for h in range(joint.shape[0]):
        old, new = before[h], joint[h]
        for k in range(rows.size):
            x = old[k] * new[k] * inverse[k]
            new[k] = x
            chance[k] += x
    for k in range(rows.size):
        x = chance[k]
        inverse[k] = 1.0 / (x if x > 0.0 else 1.0)


@njit(cache=True)
def move(step, joint, after, width):  # type: ignore[no-untyped-def]
    # four states and two next states a pass: eight products for six loads, added in the order of states
    for g in range(0, step.shape[1], 2):
        u, v = after[g], after[g + 1]
        for k in range(width):
            u[k] = 0.0
            v[k] = 0.0
        for h in range(0, step.shape[0], GROUP):
            a0, a1, a2, a3 = step[h, g], step[h + 1, g], step[h + 2, g], step[h + 3, g]
            b0, b1, b2, b3 = step[h, g + 1], step[h + 1, g + 1], step[h + 2, g + 1], step[h + 3, g + 1]
            r0, r1, r2, r3 = joint[h], joint[h + 1], joint[h + 2], joint[h + 3]
            for k in range(width):
                u[k] = u[k] + a0 * r0[k] + a1 * r1[k] + a2 * r2[k] + a3 * r3[k]
                v[k] = v[k] + b0 * r0[k] + b1 * r1[k] + b2 * r2[k] + b3 * r3[k]


@njit(cache=True)
def mark(values, lost):  # type: ignore[no-untyped-def]
    # a positive number below LEAST may underflow before it is looked at again
    for k in range(lost.size):
        x = values[k]
        lost[k] += 1.0 if (x > 0.0) & (x < LEAST) else 0.0


@njit(cache=True)
def absorb(mantissa, level, factor, scale, total):  # type: ignore[no-untyped-def]
    # multiply the weights of all tasks by scale and factor; total is their sum
    for k in range(total.size):
        total[k] = 0.0
    for z in range(factor.shape[0]):
        m, at, f = mantissa[z], level[z], factor[z]
        for k in range(total.size):
            m[k], at[k], counted = settle(m[k] * scale[k] * f[k], at[k])
            total[k] += counted


@njit(cache=True)
def lead(mantissa, level, scale, ahead, used):  # type: ignore[no-untyped-def]
    # add the logarithm of the largest weight, and scale by it
    for k in range(used):
        top = 0.0
        for z in range(mantissa.shape[0]):
            at = level[z, k]
            top = max(top, mantissa[z, k] if at == 0.0 else (mantissa[z, k] * SMALL if at == -1.0 else 0.0))
        if top > 0.0:
            ahead[k] += math.log(top)
            scale[k] = 1.0 / top


@njit(cache=True, error_model="numpy")
def normalise(total, scale, amiss, code):  # type: ignore[no-untyped-def]
    for k in range(total.size):
        if total[k] > 0.0:
            scale[k] = 1.0 / total[k]
        else:
            scale[k] = 1.0
            if k < amiss.size and amiss[k] == FINE:
                amiss[k] = code


@njit(cache=True)
def write_logs(mantissa, level, scale, out):  # type: ignore[no-untyped-def]
    for k in range(out.shape[0]):
        shift = math.log(scale[k])
        for z in range(out.shape[1]):
            out[k, z] = log_weight(mantissa[z, k], level[z, k], shift)


@njit(cache=True)
def follow(  # type: ignore[no-untyped-def]
    initial, step, shown, stride, rows, asked, seen, prior, wanted, predicted, last, path, best, amiss
):
    (tasks, states), (used, length) = initial.shape, rows.shape
    width = (used + VECTOR - 1) // VECTOR * VECTOR
    alpha, joint = np.empty((tasks, states, width)), np.empty((states, width))
    chance, query = np.empty((STEPS, tasks, width)), np.empty((tasks, width))
    inverse, lost = np.ones((tasks, width)), np.zeros(width)
    weight, level = np.empty((tasks, width)), np.zeros((tasks, width))
    front, height = np.empty((tasks, width)), np.zeros((tasks, width))
    scale, front_scale, total, ahead = np.ones(width), np.ones(width), np.empty(width), np.zeros(width)
    labels = np.zeros((STEPS, width), np.int64)
    for z in range(tasks):
        weight[z] = prior[z]
        front[z] = 1.0 if prior[z] > 0.0 else 0.0
        for h in range(states):
            alpha[z, h] = initial[z, h]
    if wanted[2]:
        write_logs(weight, level, scale, path[:, 0])
    for first in range(0, length, STEPS):
        chunk = min(STEPS, length - first)
        for i in range(chunk):
            for k in range(used):
                labels[i, k] = rows[k, first + i]
        for z in range(tasks):
            for i in range(chunk):
                emit(shown[z], labels[i], alpha[z], inverse[z], joint, chance[i, z])
                mark(chance[i, z], lost)
                if (first + i) % stride == 0:
                    for h in range(states):
                        mark(joint[h], lost)
                move(step[z], joint, alpha[z], width)
        for i in range(chunk):
            t = first + i
            if asked.shape[0] > 0:
                for z in range(tasks):
                    for k in range(used):
                        query[z, k] = asked[seen[k, t], z]
                    query[z, used:] = 1.0
                absorb(weight, level, query, scale, total)
                normalise(total, scale, amiss, 2 * t)
            absorb(weight, level, chance[i], scale, total)
            normalise(total, scale, amiss, 2 * t + 1)
            if wanted[0]:
                for k in range(used):
                    predicted[k, t] = math.log(total[k]) if total[k] > 0.0 else -np.inf
            if wanted[2]:
                write_logs(weight, level, scale, path[:, t + 1])
            if wanted[3]:
                absorb(front, height, chance[i], front_scale, total)
                lead(front, height, front_scale, ahead, used)
                best[:, t] = ahead[:used]
    if wanted[1]:
        write_logs(weight, level, scale, last)
    for k in range(used):
        if lost[k] > 0.0:
            amiss[k] = LOST


@njit(cache=True, parallel=True)
def scan(  # type: ignore[no-untyped-def]
    initial, step, shown, stride, rows, asked, seen, prior, wanted, predicted, last, path, best, amiss
):
    # initial (M, H), step (M, H, H), shown (M, K, H) by rows (B, T); asked (C or 0, M) by seen (B, T or 0);
    # prior (M,) sums to one. Fills amiss (B,) and, where wanted (4,), predicted (B, T), last (B, M),
    # path (B, T + 1, M), best (B, T). Entries of joint laws are looked at every stride steps
    count = rows.shape[0]
    for block in prange((count + LANES - 1) // LANES):
        low, high = block * LANES, min(count, (block + 1) * LANES)
        amiss[low:high] = FINE
        follow(
            initial,
            step,
            shown,
            stride,
            rows[low:high],
            asked,
            seen[low:high],
            prior,
            wanted,
            predicted[low:high],
            last[low:high],
            path[low:high],
            best[low:high],
            amiss[low:high],
        )
