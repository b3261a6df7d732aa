"""Compiled Bayesian model averaging in log space, for numbers too small for the faster kernels."""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

from tightbound.simulators.in_context._kernel_scan_weights import FINE


@njit(cache=True)
def log_sum(logs):  # type: ignore[no-untyped-def]
    top = -np.inf
    for x in logs:
        top = max(top, x)
    if top == -np.inf:
        return top
    total = 0.0
    for x in logs:
        total += math.exp(x - top)
    return top + math.log(total)


@njit(cache=True)
def filtered(step, law, alpha, terms):  # type: ignore[no-untyped-def]
    # one step of the forward filter of one task, step (next state, state): returns the log chance
    states = alpha.size
    for h in range(states):
        alpha[h] += law[h]
    chance = log_sum(alpha)
    if chance > -np.inf:
        for h in range(states):
            alpha[h] -= chance
    for g in range(states):
        for h in range(states):
            terms[1, h] = alpha[h] + step[g, h]
        terms[0, g] = log_sum(terms[1])
    for g in range(states):
        alpha[g] = terms[0, g]
    return chance


@njit(cache=True)
def follow(  # type: ignore[no-untyped-def]
    initial, step, shown, rows, asked, seen, prior, wanted, predicted, last, path, best
):
    tasks, states = initial.shape
    alpha, weight, front = initial.copy(), prior.copy(), np.empty(tasks)
    for z in range(tasks):
        front[z] = 0.0 if prior[z] > -np.inf else -np.inf
    terms = np.empty((2, states))
    if wanted[2]:
        path[0] = weight
    for t in range(rows.size):
        before = 0.0
        if asked.shape[0] > 0:
            weight += asked[seen[t]]
            before = log_sum(weight)
            if before == -np.inf:
                return 2 * t
        for z in range(tasks):
            chance = filtered(step[z], shown[z, rows[t]], alpha[z], terms)
            weight[z] += chance
            front[z] += chance
        total = log_sum(weight)
        if total == -np.inf:
            return 2 * t + 1
        weight -= total
        if wanted[0]:
            predicted[t] = total - before
        if wanted[2]:
            path[t + 1] = weight
        if wanted[3]:
            best[t] = np.max(front)
    if wanted[1]:
        last[:] = weight
    return FINE


@njit(cache=True, parallel=True)
def scan(  # type: ignore[no-untyped-def]
    initial, step, shown, rows, asked, seen, prior, wanted, predicted, last, path, best, amiss
):
    # logarithms of initial (M, H), step (M, next H, H), shown (M, K, H), asked (C or 0, M), prior (M,).
    # Fills amiss (B,) and, where wanted (4,), predicted (B, T), last (B, M), path (B, T + 1, M), best (B, T)
    for b in prange(rows.shape[0]):
        amiss[b] = follow(
            initial,
            step,
            shown,
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
