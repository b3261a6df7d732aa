"""Compiled token-level policies: exact Beta draws and the Bernoulli KL index.

Memory rows: 2 accepted tokens, 3 rejected tokens; 4, 5 and 6, 7 the gamma constants of the two Beta shapes.
With par[0] > 0 all arms are truncations of one drafter and share row entries of arm 0.
"""

from __future__ import annotations

import math

from numba import njit

from tightbound.simulators.bandits._kernel_random import coin


@njit(cache=True)
def normals(key):  # type: ignore[no-untyped-def]
    while True:
        a = 2.0 * coin(key) - 1.0
        b = 2.0 * coin(key) - 1.0
        r = a * a + b * b
        if 0.0 < r < 1.0:
            scale = math.sqrt(-2.0 * math.log(r) / r)
            return a * scale, b * scale


@njit(cache=True)
def gamma(d, c, x, key):  # type: ignore[no-untyped-def]
    # Marsaglia and Tsang (2000) for shape d + 1/3 >= 1, starting from a normal x that is already drawn
    while True:
        v = 1.0 + c * x
        if v > 0.0:
            v = v * v * v
            u = 1.0 - coin(key)
            square = x * x
            if u < 1.0 - 0.0331 * square * square:
                return d * v
            if math.log(u) < 0.5 * square + d * (1.0 - v + math.log(v)):
                return d * v
        x, _ = normals(key)


@njit(cache=True)
def kl_upper(p, trials, target):  # type: ignore[no-untyped-def]
    # largest q with trials * kl(p, q) <= target; Newton's steps from an upper bound fall onto the root
    level = target / trials
    if level <= 0.0 or p >= 1.0:
        return p
    if p <= 0.0:
        return -math.expm1(-level)
    rest = (1.0 - p) * math.exp(-(level - p * math.log(p)) / (1.0 - p))
    q = min(p + math.sqrt(0.5 * level), 1.0 - rest)
    if q >= 1.0:
        return 1.0
    for _ in range(64):
        excess = p * math.log(p / q) + (1.0 - p) * math.log((1.0 - p) / (1.0 - q)) - level
        if excess <= 0.0:
            return q
        step = excess * q * (1.0 - q) / (q - p)
        q -= step
        if step < 1e-13 or q <= p:
            return max(p, q)
    return q


@njit(cache=True)
def mean_tokens(p, length):  # type: ignore[no-untyped-def]
    total = 1.0
    for _ in range(int(length)):
        total = 1.0 + p * total
    return total


@njit(cache=True)
def choose_token(thompson, memory, par, vec, key, rounds):  # type: ignore[no-untyped-def]
    arms = memory.shape[1]
    shared = par[0] > 0.0
    if rounds < arms and not thompson and not (shared and rounds > 0):
        return rounds
    target = 0.0
    if not thompson:
        target = math.log(rounds)
        if par[1] > 0.0 and rounds > 2:
            target += par[1] * math.log(target)
    best, arm, p = -1.0, 0, 0.0
    for i in range(arms):
        if i == 0 or not shared:
            if thompson:
                x, z = normals(key)
                a = gamma(memory[4, i], memory[5, i], x, key)
                b = gamma(memory[6, i], memory[7, i], z, key)
                p = a / (a + b)
            else:
                trials = memory[2, i] + memory[3, i]
                p = kl_upper(memory[2, i] / trials, trials, target)
        value = p
        if par[2] > 0.0:
            value = mean_tokens(p, vec[1, i]) / vec[0, i]
        if value > best:
            best, arm = value, i
    return arm


@njit(cache=True)
def shapes(memory, i):  # type: ignore[no-untyped-def]
    memory[4, i] = 1.0 + memory[2, i] - 1.0 / 3.0
    memory[5, i] = 1.0 / math.sqrt(9.0 * memory[4, i])
    memory[6, i] = 1.0 + memory[3, i] - 1.0 / 3.0
    memory[7, i] = 1.0 / math.sqrt(9.0 * memory[6, i])


@njit(cache=True)
def update_token(memory, par, vec, arm, y):  # type: ignore[no-untyped-def]
    i = 0 if par[0] > 0.0 else arm
    memory[2, i] += y - 1.0
    if y <= vec[1, arm]:
        memory[3, i] += 1.0
    shapes(memory, i)
