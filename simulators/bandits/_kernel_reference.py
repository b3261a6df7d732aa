"""Compiled stopping times of a fixed arm where rounds are not independent and identical."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def markov_overshoot(laws, switch, tokens):  # type: ignore[no-untyped-def]
    # o_m(b) = sum_y q_m(y) (o_m'(b - y) or y - b), where m' is 1 after more than `switch` tokens; returns o_0
    lengths = laws.shape[1]
    over = np.zeros((2, tokens + 1))
    for b in range(1, tokens + 1):
        for mode in range(2):
            total = 0.0
            for y in range(1, lengths + 1):
                following = 1 if y > switch else 0
                total += laws[mode, y - 1] * (over[following, b - y] if y < b else float(y - b))
            over[mode, b] = total
    return over[0]


@njit(cache=True)
def drifting_rounds(laws, change, checkpoints):  # type: ignore[no-untyped-def]
    # E ST = sum_t P(S_t < B) before the change, plus the renewal solution of what is left
    lengths = laws.shape[1]
    tokens = checkpoints[-1]
    left = np.zeros(tokens + 1)
    for b in range(1, tokens + 1):
        total = 1.0
        for y in range(1, min(lengths, b - 1) + 1):
            total += laws[1, y - 1] * left[b - y]
        left[b] = total
    out = np.zeros(checkpoints.size)
    alive = np.zeros(tokens)
    alive[0] = 1.0
    for _ in range(change):
        moved = np.zeros(tokens)
        for s in range(tokens):
            if alive[s] > 0.0:
                for y in range(1, min(lengths, tokens - 1 - s) + 1):
                    moved[s + y] += alive[s] * laws[0, y - 1]
        for c in range(checkpoints.size):
            out[c] += np.sum(alive[: checkpoints[c]])
        alive = moved
    for c in range(checkpoints.size):
        for s in range(checkpoints[c]):
            out[c] += alive[s] * left[checkpoints[c] - s]
    return out


@njit(cache=True)
def trace_rounds(y, checkpoints):  # type: ignore[no-untyped-def]
    # rounds of each fixed arm until its walk x -> x + y[x, i] has passed each checkpoint
    out = np.empty((checkpoints.size, y.shape[1]), dtype=np.float64)
    for i in range(y.shape[1]):
        position, rounds = 0, 0
        for c in range(checkpoints.size):
            while position < checkpoints[c]:
                position += y[position, i]
                rounds += 1
            out[c, i] = rounds
    return out
