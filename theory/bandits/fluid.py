r"""Deterministic limit of UCBSpec: pulls that keep the indices of all arms equal.

In the limit the empirical mean of every arm is its mean, so after t rounds all indices share one level,

.. math:: \mu_i + \mathrm{cr}(n_i, t) = \lambda \quad \text{for all } i, \qquad \sum_i n_i = t, \qquad \sum_i
    \mu_i n_i = B.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import as_integer, as_positive
from tightbound.theory.bandits._validation import Array, as_confidence, as_means
from tightbound.theory.bandits.bounds import gaps


def _pulls_at_radius(radius: Array, t: float, max_draft: int, delta: float) -> Array:
    """Return the n >= 1 at which the confidence radius after t rounds equals ``radius``."""
    scale = (2.0 * radius / max_draft) ** 2
    base = 1.0 + 2.0 * np.log(radius.size * t * t / delta)
    n = np.ones_like(radius)
    # n^2/(1+n) = w(n)/scale with w(n) = base + log(1+n): solve the quadratic at the last w. w grows far
    # slower than n^2/(1+n), so the map contracts; from n = 1 it rises to the fixed point.
    for _ in range(200):
        ratio = (base + np.log1p(n)) / scale
        new = np.maximum(1.0, 0.5 * (ratio + np.sqrt(ratio * (ratio + 4.0))))
        if np.all(np.abs(new - n) <= 1e-14 * new):
            return np.asarray(new)
        n = new
    return n


def _pulls_after(mu: Array, t: float, max_draft: int, delta: float) -> Array:
    """Return the pulls after t rounds: the level at which they add up to t."""
    from scipy.optimize import brentq

    spread = mu.max() - mu

    def excess(log_radius: float) -> float:
        return float(np.log(np.sum(_pulls_at_radius(spread + np.exp(log_radius), t, max_draft, delta)) / t))

    # The best arm's radius at n = t leaves a sum above t; a radius that no arm reaches even at n = 1 leaves
    # K.
    width = 1.0 + 2.0 * np.log(mu.size * t * t * np.sqrt(1.0 + t) / delta)
    low = np.log(0.5 * max_draft * np.sqrt((1.0 + t) / (t * t) * width)) - 1e-9
    high = np.log(0.5 * max_draft * np.sqrt(2.0 * width)) + 1e-9
    if excess(high) >= 0.0:
        return _pulls_at_radius(spread + np.exp(high), t, max_draft, delta)
    root = float(brentq(excess, low, high, xtol=1e-14, rtol=1e-14))
    return _pulls_at_radius(spread + np.exp(root), t, max_draft, delta)


def ucbspec_fluid_pulls(means: ArrayLike, max_draft: int, tokens: float, delta: float = 0.5) -> Array:
    r"""Return the pulls of every arm by the time B tokens exist, in the fluid limit of UCBSpec.

    .. math:: \mu_i + \mathrm{cr}(n_i, t) = \lambda, \qquad \sum_i n_i = t, \qquad \sum_i \mu_i n_i = B.

    Parameters
    ----------
    means : array_like, shape (K,)
        Mean tokens per round, in [1, L + 1].
    max_draft : int
        Draft length L, in tokens, at least 1.
    tokens : float
        Budget B; large enough to play every arm once, ``sum(means)``. Works up to 1e12 and beyond.
    delta : float
        Confidence parameter of UCBSpec in (0, 1).

    Returns
    -------
    ndarray, shape (K,)
        Pulls, real numbers of at least 1.

    Raises
    ------
    ValueError
        For a budget that does not allow one pull of every arm.

    See Also
    --------
    tightbound.theory.bandits.ucbspec_radius : the confidence radius cr.

    Examples
    --------
    >>> ucbspec_fluid_pulls([3.0, 2.0], 4, 1e4).round(0)
    array([3261.,  109.])
    """
    length = as_integer("max_draft", max_draft, least=1)
    mu = as_means(means, length)
    budget, confidence = as_positive("tokens", tokens), as_confidence(delta)
    if budget < mu.sum():
        raise ValueError(
            f"tokens is {budget}: playing each arm once takes sum(means) = {mu.sum()}; give at least that"
        )
    from scipy.optimize import brentq

    def missing(log_t: float) -> float:
        pulls = _pulls_after(mu, float(np.exp(log_t)), length, confidence)
        return float(np.log(pulls @ mu / budget))

    low, high = np.log(max(budget / mu.max(), float(mu.size))), np.log(budget / mu.min())
    if missing(low) >= 0.0:
        return _pulls_after(mu, float(np.exp(low)), length, confidence)
    root = brentq(missing, low, high + 1e-9, xtol=1e-14, rtol=1e-14)
    return _pulls_after(mu, float(np.exp(root)), length, confidence)


def ucbspec_fluid_regret(means: ArrayLike, max_draft: int, tokens: float, delta: float = 0.5) -> float:
    r"""Return the regret of UCBSpec in its fluid limit, :math:`\sum_i \Delta_i n_i / \mu^*`.

    Parameters
    ----------
    means : array_like, shape (K,)
        Mean tokens per round, in [1, L + 1].
    max_draft : int
        Draft length L, in tokens, at least 1.
    tokens : float
        Budget B, at least ``sum(means)``.
    delta : float
        Confidence parameter of UCBSpec in (0, 1).

    Returns
    -------
    float
        Regret in rounds; it leaves out the overshoot, which is at most L / mu* in absolute value.

    See Also
    --------
    ucbspec_fluid_pulls : the pulls behind it.

    Examples
    --------
    >>> round(ucbspec_fluid_regret([3.0, 2.0], 4, 1e4), 1)
    36.2
    """
    mu = as_means(means)
    return float(gaps(mu) @ ucbspec_fluid_pulls(mu, max_draft, tokens, delta)) / float(mu.max())
