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


@njit(cache=True, error_model="numpy")
def ucb_spec_index(mean, factor, level, growth):  # type: ignore[no-untyped-def]
    return mean + math.sqrt(factor * (level + growth))


@njit(cache=True, error_model="numpy")
def ucb1_index(mean, n, log_t, width):  # type: ignore[no-untyped-def]
    return mean + width * math.sqrt(2.0 * log_t / n)


@njit(cache=True, error_model="numpy")
def tuned_index(mean, n, squares, log_t, width):  # type: ignore[no-untyped-def]
    variance = max(0.0, squares / n - mean * mean) / (width * width)
    return mean + width * math.sqrt(log_t / n * min(0.25, variance + math.sqrt(2.0 * log_t / n)))


@njit(cache=True, error_model="numpy")
def ucb_v_index(mean, n, squares, log_t, width, zeta):  # type: ignore[no-untyped-def]
    variance = max(0.0, squares / n - mean * mean)
    return mean + math.sqrt(2.0 * variance * zeta * log_t / n) + 3.0 * width * zeta * log_t / n


@njit(cache=True, error_model="numpy")
def moss_index(mean, n, rounds, arms, width):  # type: ignore[no-untyped-def]
    return mean + width * math.sqrt(max(0.0, math.log(rounds / (arms * n))) / n)


@njit(cache=True, error_model="numpy")
def common_bonus(code, par, log_t, rounds):  # type: ignore[no-untyped-def]
    # what the released rule and the pooled index add to every arm alike; greedy adds nothing
    if code == RELEASED_UCB:
        return math.sqrt(6.0 * log_t / rounds)
    if code == POOLED:
        radius = par[0] + math.log(1.0 + rounds) + 4.0 * log_t
        return math.sqrt(par[1] * (1.0 + rounds) / (float(rounds) * rounds) * radius)
    return 0.0


@njit(cache=True)
def choose_ucb_spec(memory, rounds):  # type: ignore[no-untyped-def]
    # rows 2 mean, 3 (scale L/2)^2 (1+n)/n^2, 4 1 + 2 log(K/delta) + log(1+n): only the pulled arm changes
    arms = memory.shape[1]
    if rounds < arms:
        return rounds
    growth = 4.0 * math.log(rounds)
    best, arm = -1.0, 0
    for i in range(arms):
        value = ucb_spec_index(memory[2, i], memory[3, i], memory[4, i], growth)
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
    common = common_bonus(code, par, log_t, rounds)
    best, arm = -math.inf, 0
    for i in range(arms):
        n = memory[0, i]
        mean = memory[1, i] / n
        if code == UCB1:
            value = ucb1_index(mean, n, log_t, par[0])
        elif code == UCB_TUNED:
            value = tuned_index(mean, n, memory[2, i], log_t, par[0])
        elif code == UCB_V:
            value = ucb_v_index(mean, n, memory[2, i], log_t, par[0], par[1])
        elif code == MOSS:
            value = moss_index(mean, n, rounds, arms, par[0])
        elif code == COST_AWARE or code == THROUGHPUT:
            factor = par[1] * (1.0 + n) / (n * n)
            level = par[0] + math.log(1.0 + n)
            if code == COST_AWARE:
                value = ucb_spec_index(mean, factor, level, 4.0 * log_t) / vec[0, i]
            else:
                value = ucb_spec_index(mean / vec[0, i], factor, level, 4.0 * log_t)
        elif code == SLIDING:
            n = memory[2, i]
            value = math.inf
            if n > 0.0:
                value = memory[3, i] / n + par[1] * math.sqrt(par[2] * log_t / n)
        elif code == DISCOUNTED:
            n = memory[2, i]
            value = memory[3, i] / n + 2.0 * par[1] * math.sqrt(par[2] * max(0.0, log_t) / n)
        elif code == META:
            value = memory[2, i] / n + math.sqrt(par[0] * log_t / n)
        else:
            value = mean / vec[0, i] + common
        if value > best:
            best, arm = value, i
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
