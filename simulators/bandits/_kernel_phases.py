"""Compiled EXP3Spec for two arms on a table of long constant phases; rounds without a choice are skipped."""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

from tightbound.simulators.bandits._kernel_random import POLICY, stream, uniform

RATE = math.sqrt(math.log(2.0) / 2.0)
# exp(-CERTAIN) is below half the spacing of floats at 1: such a choice has probability 1 in float64
CERTAIN = 37.0
RARE = 4.0


@njit(cache=True)
def run_one(lengths, poor, losses, max_draft, budget, seed, replication):  # type: ignore[no-untyped-def]
    start, step = stream(seed, replication, POLICY)
    full = max_draft + 1
    t, tokens, counter = 0, 0, 0
    difference = 0.0  # estimated cumulative loss of arm 1 less that of arm 0
    for phase in range(lengths.size):
        end = t + lengths[phase]
        y = full - losses[phase]
        loss = losses[phase] / max_draft
        sign = 1.0 if poor[phase] == 1 else -1.0
        slowest = RATE / math.sqrt(end)
        while t < end:
            against = sign * difference  # how far the poor arm is behind
            quiet = end - t if losses[phase] == 0 else 0
            if quiet == 0 and against * slowest < -CERTAIN - loss * slowest:
                count = int(min((-CERTAIN / slowest - against) / loss, end - t))
                if tokens + count * y >= budget:
                    return t + (budget - tokens + y - 1) // y
                tokens += count * y
                t += count
                difference += sign * loss * count
                continue
            exponent = RATE / math.sqrt(t + 1.0) * against
            if quiet == 0 and exponent > RARE:
                # the poor arm's probability grows inside the window: its last value dominates (thinning)
                window = int(min(end - t, max(1.0, 2.0 * (t + 1.0) / exponent)))
                ceiling = 1.0 / (1.0 + math.exp(RATE / math.sqrt(t + window) * against))
                quiet = window
                if ceiling > 1e-300:
                    wait = math.log(1.0 - uniform(start, step, counter)) / math.log1p(-ceiling)
                    counter += 1
                    quiet = int(min(wait, window))
                candidate = quiet < window
            else:
                ceiling = 1.0
                candidate = quiet == 0
            if tokens + quiet * full >= budget:
                return t + (budget - tokens + full - 1) // full
            tokens += quiet * full
            t += quiet
            if candidate:
                t += 1
                p = 1.0 / (1.0 + math.exp(RATE / math.sqrt(t) * against))
                if uniform(start, step, counter) * ceiling < p:
                    tokens += y
                    difference += sign * loss / p
                else:
                    tokens += full
                counter += 1
                if tokens >= budget:
                    return t
    # every later round yields one token, whichever arm plays
    return t + budget - tokens


@njit(cache=True, parallel=True)
def run(lengths, poor, losses, max_draft, budget, seed, replications):  # type: ignore[no-untyped-def]
    stopping_time = np.empty(replications, dtype=np.int64)
    for r in prange(replications):
        stopping_time[r] = run_one(lengths, poor, losses, max_draft, budget, seed, r)
    return stopping_time
