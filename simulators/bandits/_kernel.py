"""Compiled driver: one replication is one loop over rounds until the last token checkpoint is passed.

Indices of pulls and tokens take the faster loop of ``_kernel_lockstep`` where rounds are drawn by law.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange, uint64

from tightbound.simulators.bandits import codes
from tightbound.simulators.bandits._kernel_exponential import choose_exponential, update_exponential
from tightbound.simulators.bandits._kernel_index import (
    choose_index,
    choose_ucb_spec,
    update_index,
    update_ucb_spec,
)
from tightbound.simulators.bandits._kernel_lockstep import FEWEST, LANES, run_block, whole_vectors
from tightbound.simulators.bandits._kernel_random import CHANNEL, POLICY, S10, S32, stream, uniform
from tightbound.simulators.bandits._kernel_schedule import choose_schedule, start_schedule, update_schedule
from tightbound.simulators.bandits._kernel_token import choose_token, shapes, update_token

MARKOV, DRIFTING, TABLE, POSITION, CONFIDENT = (
    codes.MARKOV,
    codes.DRIFTING,
    codes.TABLE,
    codes.POSITION,
    codes.CONFIDENT,
)
UCB_SPEC, THOMPSON, META, HEDGE, HEDGE_SPEC = (
    codes.UCB_SPEC,
    codes.TOKEN_THOMPSON,
    codes.META_SD_UCB,
    codes.HEDGE,
    codes.HEDGE_SPEC,
)
EXPONENTIAL, TOKEN, SCHEDULE = codes.EXP3_SPEC, codes.TOKEN_THOMPSON, codes.FIXED_ARM
EXP3_S, SLIDING = codes.EXP3_S, codes.SLIDING_WINDOW_UCB
ROWS = 8


@njit(cache=True)
def level(p, spread, u):  # type: ignore[no-untyped-def]
    # a level that moves by +-spread (less where [0, 1] is near) with mean p
    width = min(spread, p, 1.0 - p)
    return p + width if u < 0.5 else p - width


@njit(cache=True)
def reveal(code, levels, spread, seed, replication, arm, rounds):  # type: ignore[no-untyped-def]
    # block divergence: mean of the levels; one-step estimate: 1 + g1 (1 + g2 (1 + ...))
    start, step = stream(seed, replication, CHANNEL + uint64(arm))
    base = uint64(rounds) << S10
    depth = levels.shape[1]
    total = 0.0 if code == META else 1.0
    for j in range(depth - 1, -1, -1):
        value = level(levels[arm, j], spread, uniform(start, step, base + uint64(j)))
        total = total + value / depth if code == META else 1.0 + value * total
    return total


@njit(cache=True)
def run_one(  # type: ignore[no-untyped-def]
    code,
    par,
    vec,
    memory_size,
    env,
    cdf,
    switch,
    table,
    after,
    levels,
    extra,
    seed,
    replication,
    checkpoints,
    pulls,
    stopping_time,
    overshoot,
):
    arms = cdf.shape[1]
    depth = cdf.shape[2] - 1
    memory = np.zeros((ROWS, arms))
    aux = np.zeros(memory_size)
    revealed = np.zeros(arms)
    confidence = np.zeros(depth if env == CONFIDENT else 0)
    lanes = np.empty((2, arms), dtype=np.uint64)
    for i in range(arms):
        lanes[0, i], lanes[1, i] = stream(seed, replication, uint64(i))
    key = np.empty(3, dtype=np.uint64)
    key[0], key[1] = stream(seed, replication, POLICY)
    channel, channel_step = stream(seed, replication, CHANNEL)
    if code == EXP3_S:
        memory[2, :] = 1.0 / arms
    elif TOKEN <= code < SCHEDULE:
        for i in range(arms):
            shapes(memory, i)
    elif code >= SCHEDULE:
        start_schedule(code, aux, par, vec)
    everything = code == HEDGE
    tokens, rounds, previous, passed = 0, 0, 0, 0
    goal = checkpoints[0]
    while True:
        if code == UCB_SPEC:
            arm = choose_ucb_spec(memory, rounds)
        elif code < EXPONENTIAL:
            arm = choose_index(code, memory, aux, par, vec, rounds)
        else:
            key[2] = uint64(rounds) << S32
            if env == CONFIDENT:
                base = uint64(rounds) << S10
                for j in range(depth):
                    sure = uniform(channel, channel_step, base + uint64(2 * j)) < extra[2]
                    confidence[j] = extra[0] if sure else extra[1]
            if code < TOKEN:
                arm = choose_exponential(code, memory, par, key, rounds)
            elif code < SCHEDULE:
                arm = choose_token(code == THOMPSON, memory, par, vec, key, rounds)
            else:
                arm = choose_schedule(code, memory, aux, par, vec, key, confidence, rounds)

        if env < TABLE:
            mode = 0
            if env == MARKOV:
                mode = 1 if previous > switch else 0
            elif env == DRIFTING:
                mode = 1 if rounds >= switch else 0
            u = uniform(lanes[0, arm], lanes[1, arm], rounds if everything else memory[0, arm])
            y = 1
            for j in range(depth):
                y += u >= cdf[mode, arm, j]
            if everything:
                for i in range(arms):
                    v = uniform(lanes[0, i], lanes[1, i], rounds)
                    shown = 1
                    for j in range(depth):
                        shown += v >= cdf[mode, i, j]
                    revealed[i] = shown
        elif env == CONFIDENT:
            y = 1
            base = uint64(rounds) << S10
            for j in range(int(extra[3 + arm])):
                sure = uniform(channel, channel_step, base + uint64(2 * j)) < extra[2]
                p = extra[0] if sure else extra[1]
                if uniform(channel, channel_step, base + uint64(2 * j + 1)) >= p:
                    break
                y += 1
        else:
            row = rounds if env == TABLE else tokens
            if row < table.shape[0]:
                y = int(table[row, arm])
                for i in range(arms):
                    revealed[i] = table[row, i]
            elif after[0] > 0:
                y = int(after[arm])
                for i in range(arms):
                    revealed[i] = after[i]
            else:
                return row
        if code == META:
            revealed[arm] = reveal(code, levels, par[1], seed, replication, arm, rounds)
        elif code == HEDGE_SPEC:
            for i in range(arms):
                revealed[i] = reveal(code, levels, par[3], seed, replication, i, rounds)

        rounds += 1
        tokens += y
        previous = y
        memory[0, arm] += 1.0
        memory[1, arm] += y
        while tokens >= goal:
            for i in range(arms):
                pulls[passed, i] = int(memory[0, i])
            stopping_time[passed] = rounds
            overshoot[passed] = tokens - goal
            passed += 1
            if passed == checkpoints.size:
                return -1
            goal = checkpoints[passed]

        if code == UCB_SPEC:
            update_ucb_spec(memory, par, arm)
        elif code < EXPONENTIAL:
            update_index(code, memory, aux, par, arm, y, revealed, rounds)
        elif code < TOKEN:
            update_exponential(code, memory, aux, par, arm, y, revealed, tokens, rounds)
        elif code < SCHEDULE:
            update_token(memory, par, vec, arm, y)
        else:
            update_schedule(code, aux, par, vec, arm, y, rounds)


@njit(cache=True, parallel=True)
def run(  # type: ignore[no-untyped-def]
    code,
    par,
    vec,
    memory_size,
    env,
    cdf,
    switch,
    table,
    after,
    levels,
    extra,
    seed,
    first,
    replications,
    checkpoints,
):
    arms = cdf.shape[1]
    pulls = np.empty((replications, checkpoints.size, arms), dtype=np.int64)
    stopping_time = np.empty((replications, checkpoints.size), dtype=np.int64)
    overshoot = np.empty((replications, checkpoints.size), dtype=np.int64)
    missing = np.full(replications, -1, dtype=np.int64)
    if env < TABLE and code < SLIDING and replications >= FEWEST:
        blocks = (replications + LANES - 1) // LANES
        width = whole_vectors((replications + blocks - 1) // blocks)
        for b in prange(blocks):
            low, high = min(b * width, replications), min((b + 1) * width, replications)
            run_block(
                code,
                par,
                vec,
                env,
                cdf,
                switch,
                seed,
                first + low,
                checkpoints,
                pulls[low:high],
                stopping_time[low:high],
                overshoot[low:high],
            )
        return pulls, stopping_time, overshoot, missing
    for r in prange(replications):
        missing[r] = run_one(
            code,
            par,
            vec,
            memory_size,
            env,
            cdf,
            switch,
            table,
            after,
            levels,
            extra,
            seed,
            first + r,
            checkpoints,
            pulls[r],
            stopping_time[r],
            overshoot[r],
        )
    return pulls, stopping_time, overshoot, missing
