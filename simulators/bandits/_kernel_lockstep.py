"""Compiled driver of many replications at once: indices of pulls and tokens, rounds drawn by law.

Replications of one block play the same round together, one per lane: log t is shared and loops over lanes
vectorise. A finished replication gives its lane to the last one that still plays. Every number is computed
as in the driver of one replication, so results are the same to the bit, whatever the blocks.

State rows: 0 pulls, 1 tokens, 2 mean, 3 and 4 belong to the policy: factor and level of ``ucb_spec_index``,
or 3 the sum of squares. Ledger rows: 0 number of the replication, 1 tokens, 2 tokens of the last round,
3 checkpoints passed, 4 the next checkpoint.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, uint64

from tightbound.simulators.bandits import codes
from tightbound.simulators.bandits._kernel_index import (
    common_bonus,
    moss_index,
    tuned_index,
    ucb1_index,
    ucb_spec_index,
    ucb_v_index,
)
from tightbound.simulators.bandits._kernel_random import S11, mix, stream

MARKOV, DRIFTING = codes.MARKOV, codes.DRIFTING
UCB_SPEC, RELEASED_UCB, UCB1, UCB_TUNED = codes.UCB_SPEC, codes.RELEASED_UCB, codes.UCB1, codes.UCB_TUNED
UCB_V, MOSS, COST_AWARE, THROUGHPUT = codes.UCB_V, codes.MOSS, codes.COST_AWARE_UCB_SPEC, codes.THROUGHPUT_UCB
ROWS = 5
LANES = 64
FEWEST = 8  # for fewer replications the loop over one of them is faster
VECTOR = 16  # loops run over whole vectors; lanes beyond the last replication hold harmless numbers
LOGARITHMS = 1 << 16


@njit(cache=True)
def whole_vectors(lanes):  # type: ignore[no-untyped-def]
    return (lanes + VECTOR - 1) // VECTOR * VECTOR


@njit(cache=True, error_model="numpy")
def fill(code, par, cost, common, log_t, rounds, state, i, value, width):  # type: ignore[no-untyped-def]
    # rows of `state` are not sliced: a view is counted, and counting costs more than a lane
    if code == UCB_SPEC:
        for j in range(width):
            value[j] = ucb_spec_index(state[2, i, j], state[3, i, j], state[4, i, j], 4.0 * log_t)
    elif code == UCB1:
        for j in range(width):
            value[j] = ucb1_index(state[2, i, j], state[0, i, j], log_t, par[0])
    elif code == UCB_TUNED:
        for j in range(width):
            value[j] = tuned_index(state[2, i, j], state[0, i, j], state[3, i, j], log_t, par[0])
    elif code == UCB_V:
        for j in range(width):
            value[j] = ucb_v_index(state[2, i, j], state[0, i, j], state[3, i, j], log_t, par[0], par[1])
    elif code == MOSS:
        for j in range(width):
            value[j] = moss_index(state[2, i, j], state[0, i, j], rounds, state.shape[1], par[0])
    elif code == COST_AWARE:
        for j in range(width):
            value[j] = ucb_spec_index(state[2, i, j], state[3, i, j], state[4, i, j], 4.0 * log_t) / cost
    elif code == THROUGHPUT:
        for j in range(width):
            value[j] = ucb_spec_index(state[2, i, j] / cost, state[3, i, j], state[4, i, j], 4.0 * log_t)
    else:
        for j in range(width):
            value[j] = state[2, i, j] / cost + common


@njit(cache=True)
def keep_largest(value, best, chosen, arm, width):  # type: ignore[no-untyped-def]
    # the lowest arm among equals: a later one must be larger
    for j in range(width):
        more = value[j] > best[j]
        best[j] = value[j] if more else best[j]
        chosen[j] = arm if more else chosen[j]


@njit(cache=True)
def draw(counter, u, width):  # type: ignore[no-untyped-def]
    # below 2**53 a signed integer is the same float, and converts in vectors
    for j in range(width):
        u[j] = float(np.int64(mix(counter[j]) >> S11)) * 2.0**-53


@njit(cache=True)
def logarithm(table, known, n):  # type: ignore[no-untyped-def]
    return table[n] if n < np.uint64(known) else math.log(n)


@njit(cache=True)
def move_lane(state, streams, ledger, source, target):  # type: ignore[no-untyped-def]
    for i in range(state.shape[1]):
        for row in range(ROWS):
            state[row, i, target] = state[row, i, source]
        for row in range(2):
            streams[row, i, target] = streams[row, i, source]
    for row in range(ledger.shape[0]):
        ledger[row, target] = ledger[row, source]


@njit(cache=True)
def settle(rounds, lanes, checkpoints, state, streams, ledger, pulls, stopping_time, overshoot):  # type: ignore[no-untyped-def]
    # backwards: the lane that moves into a free place is settled already
    replication, tokens, passed, goal = ledger[0], ledger[1], ledger[3], ledger[4]
    for j in range(lanes - 1, -1, -1):
        while tokens[j] >= goal[j]:
            r, c = replication[j], passed[j]
            for i in range(state.shape[1]):
                pulls[r, c, i] = int(state[0, i, j])
            stopping_time[r, c] = rounds
            overshoot[r, c] = tokens[j] - goal[j]
            passed[j] = c + 1
            if c + 1 == checkpoints.size:
                lanes -= 1
                move_lane(state, streams, ledger, lanes, j)
                break
            goal[j] = checkpoints[c + 1]
    return lanes


@njit(cache=True, error_model="numpy")
def run_block(  # type: ignore[no-untyped-def]
    code, par, vec, env, cdf, switch, seed, first, checkpoints, pulls, stopping_time, overshoot
):
    arms, depth = cdf.shape[1], cdf.shape[2] - 1
    lanes = pulls.shape[0]
    size = whole_vectors(lanes)
    state = np.ones((ROWS, arms, size))
    state[:, :, :lanes] = 0.0
    streams = np.zeros((2, arms, size), dtype=np.uint64)  # next counter and step
    for i in range(arms):
        for j in range(lanes):
            start, step = stream(seed, first + j, uint64(i))
            streams[0, i, j] = start + step
            streams[1, i, j] = step
    ledger = np.zeros((5, size), dtype=np.int64)
    tokens, previous, goal = ledger[1], ledger[2], ledger[4]
    ledger[0] = np.arange(size)
    goal[:] = checkpoints[0]
    chosen = np.zeros(size, dtype=np.uint64)
    best, value, u = np.empty(size), np.empty(size), np.empty(size)
    counter = np.zeros(size, dtype=np.uint64)
    logs = np.empty(min(checkpoints[-1] + 2, LOGARITHMS))
    logs[:2] = 0.0
    known = min(2, logs.size)
    warmup = int(par[0]) if code == RELEASED_UCB else arms
    squares = code == UCB_TUNED or code == UCB_V
    radius = code == UCB_SPEC or code == COST_AWARE or code == THROUGHPUT
    rounds = 0
    while lanes > 0:
        # no arm has been pulled more than `rounds` times: log(1 + pulls) after this round is in the table
        while known < min(rounds + 3, logs.size):
            logs[known] = math.log(known)
            known += 1
        width = whole_vectors(lanes)
        if rounds < warmup:
            for j in range(width):
                chosen[j] = np.uint64(rounds % arms)
        else:
            log_t = logarithm(logs, known, np.uint64(rounds))
            common = common_bonus(code, par, log_t, rounds)
            for j in range(width):
                best[j] = -math.inf
            for i in range(arms):
                fill(code, par, vec[0, i], common, log_t, rounds, state, i, value, width)
                keep_largest(value, best, chosen, np.uint64(i), width)
        for j in range(lanes):
            arm = chosen[j]
            counter[j] = streams[0, arm, j]
            streams[0, arm, j] += streams[1, arm, j]
        draw(counter, u, width)
        late = env == DRIFTING and rounds >= switch
        rounds += 1
        crossed = False
        for j in range(lanes):
            arm = chosen[j]
            mode = 1 if late or (env == MARKOV and previous[j] > switch) else 0
            y = 1
            for k in range(depth):
                y += u[j] >= cdf[mode, arm, k]
            previous[j] = y
            tokens[j] += y
            crossed |= tokens[j] >= goal[j]
            n = state[0, arm, j] + 1.0
            total = state[1, arm, j] + y
            state[0, arm, j] = n
            state[1, arm, j] = total
            state[2, arm, j] = total / n
            if radius:
                state[3, arm, j] = par[1] * (1.0 + n) / (n * n)
                state[4, arm, j] = par[0] + logarithm(logs, known, np.uint64(n) + np.uint64(1))
            elif squares:
                state[3, arm, j] += y * y
        if crossed:
            lanes = settle(
                rounds, lanes, checkpoints, state, streams, ledger, pulls, stopping_time, overshoot
            )
