"""Limits for a slope through the logarithms of means: its extremes over the means' confidence ellipsoid.

The derivative of the logarithm at the estimate (the plain delta method) makes the error small exactly where
chance made a mean large, and rejects too often at small levels. The ellipsoid's extremes agree with it to
first order and do not depend on whether one looks at means or at their logarithms.
"""

from __future__ import annotations

import numpy as np

from tightbound.verification.statistics._arrays import Floats

_STEPS = 100
_CONVERGED = 1e-10


def extreme(mean: Floats, covariance: Floats, weights: Floats, reach: float) -> float:
    """Return the largest ``weights @ log m`` within ``reach`` standard errors (-reach: the smallest)."""
    here = mean
    found = float(weights @ np.log(mean))
    for _ in range(_STEPS):
        gradient = weights / here
        pull = covariance @ gradient
        length = float(np.sqrt(gradient @ pull))
        if length == 0:
            return found
        there = mean + reach * pull / length
        if there.min() <= 0:
            return float(np.copysign(np.inf, reach))
        here, last = there, found
        found = float(weights @ np.log(here))
        if abs(found - last) <= _CONVERGED * max(1.0, abs(found)):
            return found
    return float(np.copysign(np.inf, reach))


def test(
    mean: Floats, covariance: Floats, weights: Floats, df: float, least: float, most: float, delta: float
) -> tuple[float, float, float]:
    """Test ``least <= weights @ log E <= most`` for the expected means ``E``; return p-value and limits."""
    from scipy.special import stdtr, stdtrit

    sides = 1.0 + (np.isfinite(least) and np.isfinite(most))
    beyond = max(distance(mean, covariance, weights, most), -distance(mean, covariance, weights, least))
    reach = float(-stdtrit(df, delta / sides))
    low, high = (extreme(mean, covariance, weights, sign * reach) for sign in (-1.0, 1.0))
    return min(1.0, sides * float(stdtr(df, -beyond))), low, high


def distance(mean: Floats, covariance: Floats, weights: Floats, target: float) -> float:
    """Return how many standard errors, signed, separate ``mean`` from ``weights @ log m = target``."""
    from scipy.optimize import brentq

    excess = float(weights @ np.log(mean)) - target
    if excess == 0 or not np.isfinite(excess):
        return excess
    sign = -1.0 if excess > 0 else 1.0

    def short(reach: float) -> float:
        return float(
            np.clip(sign * (target - extreme(mean, covariance, weights, sign * reach)), -1e300, 1e300)
        )

    for high in 2.0 ** np.arange(21):
        if short(high) <= 0:
            return -sign * float(brentq(short, 0.0, high, xtol=1e-8, rtol=1e-8))
    return -sign * np.inf
