"""Compiled weights of tasks that never underflow.

A weight is mantissa * 2^(SPAN * level), level 0, -1, -2, ... With the sum of weights one, those below level
-1 add less than a rounding error; they are kept all the same, since they may come back.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

SPAN = 400
SMALL, LARGE = 2.0**-SPAN, 2.0**SPAN
LOG_LARGE = SPAN * math.log(2.0)
MARGIN = 300
LEAST = 2.0**-MARGIN  # of a positive factor: with it no product on the way underflows
FINE, LOST = -1, -2  # otherwise 2 t for a covariate and 2 t + 1 for a response of probability zero


@njit(cache=True)
def settle(x, at):  # type: ignore[no-untyped-def]
    # move a mantissa back into its range; what it counts for in a sum of weights is returned last
    down = 1.0 if x < SMALL else 0.0
    up = 1.0 if x >= (1.0 if at < 0.0 else np.inf) else 0.0
    x = x * (LARGE if down > 0.0 else 1.0) * (SMALL if up > 0.0 else 1.0)
    at = at + up - down
    return x, at, x if at == 0.0 else (x * SMALL if at == -1.0 else 0.0)


@njit(cache=True)
def log_weight(mantissa, level, shift):  # type: ignore[no-untyped-def]
    return math.log(mantissa) + (level * LOG_LARGE + shift) if mantissa > 0.0 else -np.inf


@njit(cache=True)
def largest(mantissa, level):  # type: ignore[no-untyped-def]
    top = 0.0
    for k in range(mantissa.size):
        at = level[k]
        top = max(top, mantissa[k] if at == 0.0 else (mantissa[k] * SMALL if at == -1.0 else 0.0))
    return top


@njit(cache=True)
def write_logs(mantissa, level, scale, out):  # type: ignore[no-untyped-def]
    shift = math.log(scale)
    for k in range(out.size):
        out[k] = log_weight(mantissa[k], level[k], shift)
