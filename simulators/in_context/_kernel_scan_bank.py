"""Compiled Bayesian model averaging over hidden Markov models for few sequences: the models side by side.

Every sum has the order of ``_kernel_scan_hidden``, so that results are the same bit for bit.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

from tightbound.simulators.in_context._kernel_scan_hidden import GROUP, STEPS
from tightbound.simulators.in_context._kernel_scan_weights import (
    FINE,
    LEAST,
    LOST,
    largest,
    settle,
    write_logs,
)

TILE = 64  # models side by side


@njit(cache=True, error_model="numpy")
def emit(law, before, inverse, joint, chance):  # type: ignore[no-untyped-def]
    # law, before, joint (H, W): joint = before * inverse * law; chance is its sum, inverse then 1 / chance
    for k in range(chance.size):
        chance[k] = 0.0
    for h in range(law.shape[0]):
        old, shown, new = before[h], law[h], joint[h]
        for k in range(chance.size):
            x = old[k] * shown[k] * inverse[k]
            new[k] = x
            chance[k] += x
    for k in range(chance.size):
        x = chance[k]
        inverse[k] = 1.0 / (x if x > 0.0 else 1.0)


@njit(cache=True)
def move(step, joint, after):  # type: ignore[no-untyped-def]
    # step (next H, H, W): four states a pass, added in the order of states
    for g in range(step.shape[0]):
        u = after[g]
        for k in range(u.size):
            u[k] = 0.0
        for h in range(0, step.shape[1], GROUP):
            a0, a1, a2, a3 = step[g, h], step[g, h + 1], step[g, h + 2], step[g, h + 3]
            r0, r1, r2, r3 = joint[h], joint[h + 1], joint[h + 2], joint[h + 3]
            for k in range(u.size):
                u[k] = u[k] + a0[k] * r0[k] + a1[k] * r1[k] + a2[k] * r2[k] + a3[k] * r3[k]


@njit(cache=True)
def tiny(values):  # type: ignore[no-untyped-def]
    count = 0
    for k in range(values.size):
        count += 1 if (values[k] > 0.0) & (values[k] < LEAST) else 0
    return count


@njit(cache=True)
def absorb(mantissa, level, factor, scale, counted):  # type: ignore[no-untyped-def]
    # multiply the weights by scale and factor and return their sum, added in the order of tasks
    for k in range(mantissa.size):
        mantissa[k], level[k], counted[k] = settle(mantissa[k] * scale * factor[k], level[k])
    total = 0.0
    for k in range(counted.size):
        total += counted[k]
    return total


@njit(cache=True)
def follow(  # type: ignore[no-untyped-def]
    initial, step, shown, stride, rows, asked, seen, prior, wanted, predicted, last, path, best
):
    tiles, states, tile = initial.shape
    width = tiles * tile
    alpha, joint, inverse = initial.copy(), np.empty((states, tile)), np.ones((tiles, tile))
    chance, counted = np.empty((STEPS, width)), np.empty(width)
    weight, level = prior.copy(), np.zeros(width)
    front, height = np.sign(prior), np.zeros(width)
    scale, front_scale, ahead, lost = 1.0, 1.0, 0.0, 0
    if wanted[2]:
        write_logs(weight, level, scale, path[0])
    for first in range(0, rows.size, STEPS):
        chunk = min(STEPS, rows.size - first)
        for z in range(tiles):
            for i in range(chunk):
                told = chance[i, z * tile : (z + 1) * tile]
                emit(shown[z, rows[first + i]], alpha[z], inverse[z], joint, told)
                lost += tiny(told)
                if (first + i) % stride == 0:
                    lost += tiny(joint.ravel())
                move(step[z], joint, alpha[z])
        if lost > 0:
            return LOST
        for i in range(chunk):
            t = first + i
            if asked.shape[0] > 0:
                total = absorb(weight, level, asked[seen[t]], scale, counted)
                if total == 0.0:
                    return 2 * t
                scale = 1.0 / total
            total = absorb(weight, level, chance[i], scale, counted)
            if total == 0.0:
                return 2 * t + 1
            scale = 1.0 / total
            if wanted[0]:
                predicted[t] = math.log(total)
            if wanted[2]:
                write_logs(weight, level, scale, path[t + 1])
            if wanted[3]:
                absorb(front, height, chance[i], front_scale, counted)
                top = largest(front, height)
                front_scale = 1.0 / top
                ahead += math.log(top)
                best[t] = ahead
    if wanted[1]:
        write_logs(weight, level, scale, last)
    return FINE


@njit(cache=True, parallel=True)
def scan(  # type: ignore[no-untyped-def]
    initial, step, shown, stride, rows, asked, seen, prior, wanted, predicted, last, path, best, amiss
):
    # initial (tiles, H, W), step (tiles, next H, H, W), shown (tiles, K, H, W) by rows (B, T); asked
    # (C or 0, tiles * W) by seen (B, T or 0); prior (tiles * W,). Fills what `_kernel_scan_hidden.scan` does
    for b in prange(rows.shape[0]):
        amiss[b] = follow(
            initial,
            step,
            shown,
            stride,
            rows[b],
            asked,
            seen[b],
            prior,
            wanted,
            predicted[b],
            last[b],
            path[b],
            best[b],
        )
