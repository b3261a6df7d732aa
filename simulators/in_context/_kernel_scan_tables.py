"""Compiled Bayesian model averaging over tasks that are tables of independent responses.

Inner loops run over the tasks, whose likelihoods of one demonstration lie side by side. Every sequence is
handled alone: results depend neither on threads nor on what else is in the batch.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

from tightbound.simulators.in_context._kernel_scan_weights import (
    FINE,
    largest,
    settle,
    write_logs,
)

BLOCK = 16  # sequences that share a thread's scratch


@njit(cache=True, fastmath={"reassoc"})
def absorb(mantissa, level, factor, scale):  # type: ignore[no-untyped-def]
    # multiply the weights by scale and factor and return their sum, in an order set by their number
    total = 0.0
    for k in range(mantissa.size):
        mantissa[k], level[k], counted = settle(mantissa[k] * scale * factor[k], level[k])
        total += counted
    return total


@njit(cache=True)
def follow(  # type: ignore[no-untyped-def]
    factors, rows, asked, seen, weight, level, front, height, wanted, predicted, last, path, best
):
    # weight, level: the posterior; front, height: the likelihoods alone
    scale, front_scale, ahead = 1.0, 1.0, 0.0
    if wanted[2]:
        write_logs(weight, level, scale, path[0])
    for t in range(rows.size):
        factor = factors[rows[t]]
        if asked.shape[0] > 0:
            total = absorb(weight, level, asked[seen[t]], scale)
            if total == 0.0:
                return 2 * t
            scale = 1.0 / total
        total = absorb(weight, level, factor, scale)
        if total == 0.0:
            return 2 * t + 1
        scale = 1.0 / total
        if wanted[0]:
            predicted[t] = math.log(total)
        if wanted[2]:
            write_logs(weight, level, scale, path[t + 1])
        if wanted[3]:
            absorb(front, height, factor, front_scale)
            top = largest(front, height)
            front_scale = 1.0 / top
            ahead += math.log(top)
            best[t] = ahead
    if wanted[1]:
        write_logs(weight, level, scale, last)
    return FINE


@njit(cache=True, parallel=True)
def scan(factors, rows, asked, seen, prior, wanted, predicted, last, path, best, amiss):  # type: ignore[no-untyped-def]
    # factors (K, M) by rows (B, T); asked (C or 0, M) by seen (B, T or 0); prior (M,) sums to one. Fills
    # amiss (B,) and, where wanted (4,), predicted (B, T), last (B, M), path (B, T + 1, M), best (B, T)
    count, tasks = rows.shape[0], prior.size
    for block in prange((count + BLOCK - 1) // BLOCK):
        weight, front = np.empty((2, tasks)), np.empty((2, tasks))
        for b in range(block * BLOCK, min(count, (block + 1) * BLOCK)):
            weight[0], weight[1] = prior, 0.0
            front[0], front[1] = np.sign(prior), 0.0
            amiss[b] = follow(
                factors,
                rows[b],
                asked,
                seen[b],
                weight[0],
                weight[1],
                front[0],
                front[1],
                wanted,
                predicted[b],
                last[b],
                path[b],
                best[b],
            )
