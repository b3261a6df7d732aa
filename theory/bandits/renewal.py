r"""Exact law and moments of the rounds a fixed arm needs, from the renewal equations.

With :math:`S_t = Y_1 + \dots + Y_t` and a budget of B tokens, :math:`ST = \min\{t : S_t \ge B\}` and the
overshoot is :math:`O = S_{ST} - B`. Conditioning on the first round turns every moment into a linear
recursion in B, run here in compiled code: time O(B L), exact up to rounding, no asymptotics.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import as_integer
from tightbound.theory.bandits._validation import Array, as_laws
from tightbound.theory.bandits.laws import law_mean, law_variance


def _renewal_solve(q: Array, source: Array) -> Array:
    """Return x with x(b) = source(b) + sum_y q(y) x(b - y), where x vanishes below index 0."""
    from tightbound.theory.bandits import _kernel_renewal as kernel

    return np.asarray(kernel.solve(np.array(q), source))


def stopping_time_curve(law: ArrayLike, tokens: int) -> Array:
    r"""Return the expected rounds for every budget up to ``tokens``.

    .. math:: m(0) = 0, \qquad m(b) = 1 + \sum_y q(y)\, m(b - y).

    Parameters
    ----------
    law : array_like, shape (L+1,)
        Probabilities of Y = 1, ..., L+1.
    tokens : int
        Largest budget B, at least 1.

    Returns
    -------
    ndarray, shape (tokens + 1,)
        ``m[b]`` is the expected number of rounds until b tokens exist.

    Raises
    ------
    ValueError
        For a law that is not one or ``tokens`` below 1.

    References
    ----------
    Feller, An Introduction to Probability Theory and Its Applications, volume 1, chapter XIII.

    Examples
    --------
    >>> stopping_time_curve([0.0, 1.0], 4)
    array([0., 1., 1., 2., 2.])
    """
    q = as_laws("law", law, 1)
    budget = as_integer("tokens", tokens, least=1)
    source = np.ones(budget + 1)
    source[0] = 0.0
    return _renewal_solve(q, source)


def expected_stopping_time(law: ArrayLike, tokens: int) -> float:
    r"""Return the expected rounds :math:`E[ST]` until ``tokens`` tokens exist.

    Parameters
    ----------
    law : array_like, shape (L+1,)
        Probabilities of Y = 1, ..., L+1.
    tokens : int
        Budget B, at least 1.

    Returns
    -------
    float
        Expected number of rounds.

    See Also
    --------
    stopping_time_curve : the same for all budgets up to B in one pass.

    Examples
    --------
    >>> expected_stopping_time([0.5, 0.5], 2)
    1.5
    """
    return float(stopping_time_curve(law, tokens)[-1])


def overshoot_curve(law: ArrayLike, tokens: int) -> Array:
    r"""Return the expected overshoot for every budget up to ``tokens``.

    .. math:: o(b) = \sum_{y < b} q(y)\, o(b - y) + \sum_{y \ge b} q(y) (y - b).

    Wald's identity :math:`\mu\, m(b) = b + o(b)` ties it to :func:`stopping_time_curve`, which is computed
    apart from it.

    Parameters
    ----------
    law : array_like, shape (L+1,)
        Probabilities of Y = 1, ..., L+1.
    tokens : int
        Largest budget B, at least 1.

    Returns
    -------
    ndarray, shape (tokens + 1,)
        ``o[b]`` is the expected number of tokens beyond b, between 0 and L.

    Examples
    --------
    >>> overshoot_curve([0.0, 1.0], 4)
    array([0., 1., 0., 1., 0.])
    """
    q = as_laws("law", law, 1)
    budget = as_integer("tokens", tokens, least=1)
    source = np.zeros(budget + 1)
    lengths = np.arange(1, q.size + 1)
    for b in range(1, min(budget, q.size) + 1):
        source[b] = float(q[b - 1 :] @ (lengths[b - 1 :] - b))
    return _renewal_solve(q, source)


def expected_overshoot(law: ArrayLike, tokens: int) -> float:
    r"""Return the expected tokens beyond the budget, :math:`E[S_{ST}] - B`.

    Parameters
    ----------
    law : array_like, shape (L+1,)
        Probabilities of Y = 1, ..., L+1.
    tokens : int
        Budget B, at least 1.

    Returns
    -------
    float
        Expected overshoot in tokens, between 0 and L.

    Examples
    --------
    >>> expected_overshoot([0.5, 0.5], 2)
    0.25
    """
    return float(overshoot_curve(law, tokens)[-1])


def stopping_time_variance(law: ArrayLike, tokens: int) -> float:
    r"""Variance of the number of rounds.

    .. math:: v(b) = \sum_y q(y)\, v(b - y) + \mathrm{Var}\, m(b - Y),

    the law of total variance over the first round. Every term is non-negative; the difference of the second
    moment and the squared mean would lose all digits for a large budget.

    Parameters
    ----------
    law : array_like, shape (L+1,)
        Probabilities of Y = 1, ..., L+1.
    tokens : int
        Budget B, at least 1.

    Returns
    -------
    float
        Variance of ST, in rounds squared.

    Examples
    --------
    >>> stopping_time_variance([0.5, 0.5], 2)
    0.25
    """
    q = as_laws("law", law, 1)
    over = overshoot_curve(q, tokens)
    mean = float(law_mean(q))
    reach = q.size
    # m(b) = (b + o(b)) / mu also for b <= 0 once o(b) = -b there.
    extended = np.concatenate((np.arange(reach, 0.0, -1.0), over))
    source = np.zeros_like(over)
    for y in range(1, reach + 1):
        step = (extended[reach - y : reach - y + over.size] - y - over) / mean
        source += q[y - 1] * (step + 1.0) ** 2
    source[0] = 0.0
    return float(_renewal_solve(q, source)[-1])


def stopping_time_law(law: ArrayLike, tokens: int) -> Array:
    r"""Law of the number of rounds, :math:`P(ST = t) = \sum_{s < B} P(S_{t-1} = s)\, P(Y \ge B - s)`.

    Parameters
    ----------
    law : array_like, shape (L+1,)
        Probabilities of Y = 1, ..., L+1.
    tokens : int
        Budget B, at least 1. Time O(B^2 L).

    Returns
    -------
    ndarray, shape (tokens + 1,)
        Probabilities of ST = 0, ..., B.

    Examples
    --------
    >>> stopping_time_law([0.5, 0.5], 2)
    array([0. , 0.5, 0.5])
    """
    q = as_laws("law", law, 1)
    budget = as_integer("tokens", tokens, least=1)
    at_least = np.cumsum(q[::-1])[::-1]
    finish = np.zeros(budget)
    last = min(q.size, budget)
    finish[budget - last :] = at_least[:last][::-1]
    out = np.zeros(budget + 1)
    alive = np.zeros(budget)
    alive[0] = 1.0
    for t in range(1, budget + 1):
        out[t] = alive @ finish
        alive = np.convolve(alive, np.concatenate(([0.0], q)))[:budget]
    return out


@dataclass(frozen=True)
class RenewalLimits:
    """Limits of the renewal quantities as the budget grows.

    Parameters
    ----------
    overshoot : float
        Limit of the expected overshoot, in tokens.
    offset : float
        Limit of E[ST] - B / mu, in rounds.
    variance_rate : float
        Limit of Var[ST] / B, in rounds squared per token.
    """

    overshoot: float
    offset: float
    variance_rate: float


def renewal_limits(law: ArrayLike) -> RenewalLimits:
    r"""Limits for a law whose possible lengths have no common divisor.

    .. math:: o \to \frac{E[Y^2] - \mu}{2\mu}, \qquad m(B) - \frac{B}{\mu} \to \frac{E[Y^2] - \mu}{2\mu^2},
              \qquad \frac{\mathrm{Var}[ST]}{B} \to \frac{\sigma^2}{\mu^3}.

    The approach to the first two is geometric. What decides is the divisor of the lengths themselves, not of
    their differences: Y in {1, 4} converges, Y = 2 does not.

    Parameters
    ----------
    law : array_like, shape (L+1,)
        Probabilities of Y = 1, ..., L+1.

    Returns
    -------
    RenewalLimits
        The three limits.

    Raises
    ------
    ValueError
        Where all possible lengths share a divisor, so that the overshoot oscillates for ever.

    References
    ----------
    Feller, volume 1, section XIII.10-12; Gut, Stopped Random Walks, 2nd edition, section 2.5.

    Examples
    --------
    >>> renewal_limits([0.5, 0.5]).overshoot
    0.3333333333333333
    """
    q = as_laws("law", law, 1)
    span = int(np.gcd.reduce(np.flatnonzero(q) + 1))
    if span > 1:
        raise ValueError(
            f"law has lengths that are all multiples of {span}, so the overshoot oscillates: "
            f"measure tokens in units of {span}, or use overshoot_curve"
        )
    mean, variance = float(law_mean(q)), float(law_variance(q))
    overshoot = (variance + mean**2 - mean) / (2.0 * mean)
    return RenewalLimits(overshoot, overshoot / mean, variance / mean**3)
