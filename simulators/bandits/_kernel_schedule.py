"""Compiled schedules and rules of thumb. Arrays: ``par`` numbers, ``vec[1]`` speculation lengths per arm."""

from __future__ import annotations

import math

from numba import njit

from tightbound.simulators.bandits import codes
from tightbound.simulators.bandits._kernel_random import coin

FIXED_ARM, ROUND_ROBIN, EPSILON_GREEDY = codes.FIXED_ARM, codes.ROUND_ROBIN, codes.EPSILON_GREEDY
HEURISTIC, EMA, THRESHOLD = codes.HEURISTIC_SCHEDULE, codes.EMA_HYSTERESIS, codes.CONFIDENCE_THRESHOLD


@njit(cache=True)
def longest_within(vec, limit):  # type: ignore[no-untyped-def]
    arm = 0
    for i in range(vec.shape[1]):
        if vec[1, i] <= limit:
            arm = i
    return arm


@njit(cache=True)
def choose_schedule(code, memory, aux, par, vec, key, confidence, rounds):  # type: ignore[no-untyped-def]
    arms = memory.shape[1]
    if code == FIXED_ARM:
        return int(par[0])
    if code == ROUND_ROBIN:
        return rounds % arms
    if code == EPSILON_GREEDY:
        if coin(key) < min(1.0, par[0] * arms / (rounds + 1.0)):
            return min(arms - 1, int(coin(key) * arms))
        best, arm = -math.inf, 0
        for i in range(arms):
            value = memory[1, i] / memory[0, i] if memory[0, i] > 0.0 else math.inf
            if value > best:
                best, arm = value, i
        return arm
    if code == HEURISTIC:
        return longest_within(vec, aux[0])
    if code == EMA:
        return int(aux[1])
    drafted = 0
    while drafted < confidence.size and confidence[drafted] >= par[0]:
        drafted += 1
    return longest_within(vec, drafted)


@njit(cache=True)
def start_schedule(code, aux, par, vec):  # type: ignore[no-untyped-def]
    if code == HEURISTIC:
        aux[0] = par[0]
    elif code == EMA:
        aux[1] = par[5]


@njit(cache=True)
def update_schedule(code, aux, par, vec, arm, y, rounds):  # type: ignore[no-untyped-def]
    arms = vec.shape[1]
    if code == HEURISTIC:
        change = 2.0 if y == vec[1, arm] + 1.0 else -1.0
        aux[0] = min(max(aux[0] + change, vec[1, 0]), vec[1, arms - 1])
    elif code == EMA:
        accepted = y - 1.0
        aux[0] = accepted if rounds == 1 else (1.0 - par[0]) * aux[0] + par[0] * accepted
        if rounds >= par[4] and rounds % int(par[3]) == 0:
            i = int(aux[1])
            if i + 1 < arms and aux[0] > vec[1, i] - 0.5 + par[1]:
                aux[1] = i + 1.0
            elif i > 0 and aux[0] <= vec[1, i - 1] - 0.5 + par[2]:
                aux[1] = i - 1.0
