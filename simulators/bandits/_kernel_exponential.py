"""Compiled exponential weights: EXP3Spec and its broken variants, EXP3.S, Hedge and HedgeSpec.

Memory rows: 2 cumulative losses (EXP3.S: weights), 3 probabilities of the present round.
"""

from __future__ import annotations

import math

from numba import njit

from tightbound.simulators.bandits import codes
from tightbound.simulators.bandits._kernel_random import coin

EXP3_SPEC, CONSTANT, UNWEIGHTED = codes.EXP3_SPEC, codes.CONSTANT_RATE_EXP3, codes.UNWEIGHTED_EXP3
EXP3_S, HEDGE, HEDGE_SPEC = codes.EXP3_S, codes.HEDGE, codes.HEDGE_SPEC


@njit(cache=True)
def choose_exponential(code, memory, par, key, rounds):  # type: ignore[no-untyped-def]
    arms = memory.shape[1]
    if arms == 1:
        memory[3, 0] = 1.0
        return 0
    total = 0.0
    if code == EXP3_S:
        for i in range(arms):
            memory[3, i] = (1.0 - par[0]) * memory[2, i] + par[0] / arms
            total += memory[3, i]
    else:
        t = rounds + 1.0
        if code == CONSTANT:
            eta = par[0]
        elif code == HEDGE or code == HEDGE_SPEC:
            eta = math.sqrt(8.0 * math.log(arms) / t)
        else:
            eta = math.sqrt(math.log(arms) / (t * arms))
        least = memory[2, 0]
        for i in range(1, arms):
            least = min(least, memory[2, i])
        for i in range(arms):
            memory[3, i] = math.exp(-eta * (memory[2, i] - least))
            total += memory[3, i]
    for i in range(arms):
        memory[3, i] /= total
    u = coin(key)
    below = 0.0
    arm = 0
    for i in range(arms):
        # an arm of probability zero is never drawn, not even by rounding at the end
        if memory[3, i] > 0.0:
            arm = i
            below += memory[3, i]
            if u < below:
                break
    return arm


@njit(cache=True)
def update_exponential(code, memory, aux, par, arm, y, revealed, tokens, rounds):  # type: ignore[no-untyped-def]
    arms = memory.shape[1]
    top = par[1] + 1.0
    if code == EXP3_SPEC or code == CONSTANT:
        memory[2, arm] += (top - y) / (par[1] * memory[3, arm])
    elif code == UNWEIGHTED:
        memory[2, arm] += (top - y) / par[1]
    elif code == EXP3_S:
        gain = (y - 1.0) / (par[1] * memory[3, arm])
        share = math.e * par[2] / arms
        factor = math.exp(par[0] * gain / arms)
        total = 0.0
        for i in range(arms):
            grown = memory[2, i] * factor if i == arm else memory[2, i]
            memory[2, i] = grown + share
            total += memory[2, i]
        for i in range(arms):
            memory[2, i] /= total
    elif code == HEDGE:
        for i in range(arms):
            memory[2, i] += (top - revealed[i]) / par[1]
    elif code == HEDGE_SPEC:
        # an estimate made at one position counts once the par[2] tokens behind it are verified
        slots = int(par[2]) + 1
        width = arms + 1
        if rounds == 1:
            aux[0] = 0.0
        head = 2 + ((rounds - 1) % slots) * width
        aux[head] = tokens - y
        for i in range(arms):
            aux[head + 1 + i] = revealed[i]
        released = int(aux[0])
        while released < rounds:
            slot = 2 + (released % slots) * width
            if aux[slot] + par[2] > tokens:
                break
            for i in range(arms):
                memory[2, i] += (top - aux[slot + 1 + i]) / par[1]
            released += 1
        aux[0] = released
