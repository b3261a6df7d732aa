"""Compiled deterministic indices: play the arm with the largest index, the lowest one among equals.

Memory rows: 0 pulls, 1 tokens; 2.. belong to the policy. Arrays: ``par`` numbers, ``vec[0]`` costs per arm.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from tightbound.simulators.bandits import codes

GREEDY, RELEASED_UCB, UCB1, UCB_TUNED = codes.GREEDY, codes.RELEASED_UCB, codes.UCB1, codes.UCB_TUNED
UCB_V, MOSS, POOLED, COST_AWARE = codes.UCB_V, codes.MOSS, codes.POOLED_UCB_SPEC, codes.COST_AWARE_UCB_SPEC
THROUGHPUT, SLIDING, DISCOUNTED, META = (
    codes.THROUGHPUT_UCB,
    codes.SLIDING_WINDOW_UCB,
    codes.DISCOUNTED_UCB,
    codes.META_SD_UCB,
)


@njit(cache=True)
def choose_ucb_spec(memory, rounds):  # type: ignore[no-untyped-def]
    # rows 2 mean, 3 (scale L/2)^2 (1+n)/n^2, 4 1 + 2 log(K/delta) + log(1+n): only the pulled arm changes
    arms = memory.shape[1]
    if rounds < arms:
        return rounds
    growth = 4.0 * math.log(rounds)
    best, arm = -1.0, 0
    for i in range(arms):
        value = memory[2, i] + math.sqrt(memory[3, i] * (memory[4, i] + growth))
        if value > best:
            best, arm = value, i
    return arm


@njit(cache=True)
def update_ucb_spec(memory, par, arm):  # type: ignore[no-untyped-def]
    n = memory[0, arm]
    memory[2, arm] = memory[1, arm] / n
    memory[3, arm] = par[1] * (1.0 + n) / (n * n)
    memory[4, arm] = par[0] + math.log(1.0 + n)


@njit(cache=True)
def choose_index(code, memory, aux, par, vec, rounds):  # type: ignore[no-untyped-def]
    arms = memory.shape[1]
    if code == RELEASED_UCB:
        if rounds < par[0]:
            return rounds % arms
    elif rounds < arms:
        return rounds
    log_t = math.log(rounds)
    if code == SLIDING:
        log_t = math.log(min(float(rounds), par[0]))
    elif code == DISCOUNTED:
        total = 0.0
        for i in range(arms):
            total += memory[2, i]
        log_t = math.log(total)
    best, arm = -math.inf, 0
    for i in range(arms):
        n = memory[0, i]
        mean = memory[1, i] / n
        if code == UCB1:
            mean += par[0] * math.sqrt(2.0 * log_t / n)
        elif code == UCB_TUNED:
            variance = max(0.0, memory[2, i] / n - mean * mean) / (par[0] * par[0])
            mean += par[0] * math.sqrt(log_t / n * min(0.25, variance + math.sqrt(2.0 * log_t / n)))
        elif code == UCB_V:
            variance = max(0.0, memory[2, i] / n - mean * mean)
            mean += math.sqrt(2.0 * variance * par[1] * log_t / n) + 3.0 * par[0] * par[1] * log_t / n
        elif code == MOSS:
            mean += par[0] * math.sqrt(max(0.0, math.log(rounds / (arms * n))) / n)
        elif code == RELEASED_UCB:
            mean = mean / vec[0, i] + math.sqrt(6.0 * log_t / rounds)
        elif code == POOLED:
            mean += math.sqrt(
                par[1]
                * (1.0 + rounds)
                / (float(rounds) * rounds)
                * (par[0] + math.log(1.0 + rounds) + 4.0 * log_t)
            )
        elif code == COST_AWARE:
            mean = (
                mean + math.sqrt(par[1] * (1.0 + n) / (n * n) * (par[0] + math.log(1.0 + n) + 4.0 * log_t))
            ) / vec[0, i]
        elif code == THROUGHPUT:
            mean = mean / vec[0, i] + math.sqrt(
                par[1] * (1.0 + n) / (n * n) * (par[0] + math.log(1.0 + n) + 4.0 * log_t)
            )
        elif code == SLIDING:
            n = memory[2, i]
            mean = math.inf
            if n > 0.0:
                mean = memory[3, i] / n + par[1] * math.sqrt(par[2] * log_t / n)
        elif code == DISCOUNTED:
            n = memory[2, i]
            mean = memory[3, i] / n + 2.0 * par[1] * math.sqrt(par[2] * max(0.0, log_t) / n)
        elif code == META:
            mean = memory[2, i] / n + math.sqrt(par[0] * log_t / n)
        if mean > best:
            best, arm = mean, i
    return arm


@njit(cache=True)
def update_index(code, memory, aux, par, arm, y, revealed, rounds):  # type: ignore[no-untyped-def]
    # rounds counts the round that has just been played
    if code == UCB_TUNED or code == UCB_V:
        memory[2, arm] += y * y
    elif code == META:
        memory[2, arm] += revealed[arm]
    elif code == SLIDING:
        window = int(par[0])
        slot = 2 * ((rounds - 1) % window)
        if rounds > window:
            old = int(aux[slot])
            memory[2, old] -= 1.0
            memory[3, old] -= aux[slot + 1]
        aux[slot] = arm
        aux[slot + 1] = y
        memory[2, arm] += 1.0
        memory[3, arm] += y
    elif code == DISCOUNTED:
        for i in range(memory.shape[1]):
            memory[2, i] *= par[0]
            memory[3, i] *= par[0]
        memory[2, arm] += 1.0
        memory[3, arm] += y


@njit(cache=True)
def punish_ucb_spec(par, rounds, arms, max_draft):  # type: ignore[no-untyped-def]
    table = np.full((rounds, arms), max_draft + 1, dtype=np.int16)
    memory = np.zeros((5, arms))
    for t in range(rounds):
        arm = choose_ucb_spec(memory, t)
        table[t, arm] = 1
        memory[0, arm] += 1.0
        memory[1, arm] += 1.0
        update_ucb_spec(memory, par, arm)
    return table
