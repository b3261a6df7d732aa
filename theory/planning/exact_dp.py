r"""Exact regret on PROBE-BSC in O(T^2), by a forward recursion over the number of plus signs.

Unless a try has settled the matter, the posterior depends on the past only through k = (plus signs) - (minus
signs):

.. math:: \log\frac{w(0)}{w(1)} = \log\frac{p}{1-p} + k \log\frac{q}{1-q}.

The recursion carries the law of k together with "not yet settled"; a try removes mass from it for good.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory.planning._validation import Array, as_floats, as_integer
from tightbound.theory.planning.bounds._arguments import as_episodes, as_schedule
from tightbound.theory.planning.instances._tables import as_interior, as_probability


@dataclass(frozen=True, eq=False)
class ProbeResult:
    """Exact expectations over T episodes of PROBE-BSC, in the true environment.

    Parameters
    ----------
    regret : ndarray, shape (T,)
        Expected regret of the first t episodes, t = 1..T.
    root_ratio : ndarray, shape (T,)
        E sqrt(w(z') / w(z)) at the start of episode t, with z the truth and z' the other environment.
    doubt : ndarray, shape (T,)
        E[1 - w(z)] at the start of episode t.
    inverse_weight : ndarray, shape (T,)
        E[1 / w(z)] at the start of episode t.
    unsettled : ndarray, shape (T,)
        Probability that no try has happened before episode t.
    """

    regret: Array
    root_ratio: Array
    doubt: Array
    inverse_weight: Array
    unsettled: Array


def probe_bsc_forward(
    episodes: int,
    q: float,
    q_hat: float | None = None,
    *,
    weight: float = 0.5,
    eps: ArrayLike = 0.0,
    truth: int = 0,
    power: float = 1.0,
) -> ProbeResult:
    r"""Return the exact regret and posterior of sampling from the mixture of experts on PROBE-BSC.

    Parameters
    ----------
    episodes : int
        Number T of episodes, at least 1. Time and memory grow as T^2 and T.
    q : float
        Reliability of the probe as the planner assumes it, in (0, 1) and not 1/2.
    q_hat : float, optional
        Its reliability in truth, in [0, 1]; q where left out.
    weight : float, default 1/2
        Prior weight p of environment 0, in (0, 1).
    eps : float or array_like, shape (T,)
        Probability of exploring by PROBE, of all episodes or of each, in [0, 1].
    truth : {0, 1}
        The true environment.
    power : float, default 1
        Exponent to which the planner raises posterior ratios, at least 0: 1 is the exact posterior. 2 counts
        all evidence twice, 0 never learns from a probe; both are wrong, and serve as controls.

    Returns
    -------
    ProbeResult
        With the ratios and weights that the planner uses.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its range.

    Notes
    -----
    In environment 0 an episode that exploits loses 1/2 unless it tries, which it does with probability w(0);
    exploration loses 1. In environment 1 it loses 1/2 if it tries, and exploration loses 1/2. A try settles
    the matter in either environment: later episodes lose by exploration only.

    Examples
    --------
    >>> probe_bsc_forward(2, 0.8).regret.tolist()
    [0.25, 0.375]
    """
    length = as_episodes(episodes)
    reliability = as_interior("q", q)
    if reliability == 0.5:
        raise ValueError("q is 0.5: such a probe tells nothing; give a reliability other than 1/2")
    actual = reliability if q_hat is None else as_probability("q_hat", q_hat)
    prior, chance = as_interior("weight", weight), as_schedule(eps, length)
    z = as_integer("truth", truth, least=0, most=1)
    exponent = as_floats("power", power)
    if exponent.ndim or exponent < 0.0:
        raise ValueError(f"power is {power!r}: give one number of at least 0; 1 is the exact posterior")
    plus = actual if z == 0 else 1.0 - actual
    cost = 1.0 if z == 0 else 0.5
    # Entry i of mass is k = i - t after t episodes; odds are those of the wrong environment.
    step = float(exponent) * np.log(reliability / (1.0 - reliability)) * (-1.0 if z == 0 else 1.0)
    start = float(exponent) * np.log(prior / (1.0 - prior)) * (-1.0 if z == 0 else 1.0)
    log_odds = start + step * np.arange(-length, length + 1)
    wrong = _sigmoid(log_odds)
    tries = 1.0 - wrong if z == 0 else wrong
    with np.errstate(over="ignore"):
        root, odds = np.exp(0.5 * log_odds), np.exp(log_odds)
    mass = np.zeros(2 * length + 1)
    mass[length] = 1.0
    out = np.zeros((5, length))
    for t in range(length):
        here = slice(length - t, length + t + 1)
        law, eps_t = mass[here], chance[t]
        trying = float(law @ tries[here])
        doubt = float(law @ wrong[here])
        unsettled = float(law.sum())
        lost = 0.5 * (unsettled - trying) if z == 0 else 0.5 * trying
        out[:, t] = (
            eps_t * cost + (1.0 - eps_t) * lost,
            _mean(law, root[here]),
            doubt,
            1.0 + _mean(law, odds[here]),
            unsettled,
        )
        stay = (1.0 - eps_t) * law * (1.0 - tries[here])
        mass[here] = stay
        if eps_t > 0.0:
            mass[length - t + 1 : length + t + 2] += eps_t * plus * law
            mass[length - t - 1 : length + t] += eps_t * (1.0 - plus) * law
    regret, root_ratio, doubts, inverse, left = out
    return ProbeResult(np.cumsum(regret), root_ratio, doubts, inverse, left)


def _mean(law: Array, values: Array) -> float:
    """Sum of products in which a mass of zero counts nothing, even times infinity."""
    held = law > 0.0
    return float(law[held] @ values[held])


def _sigmoid(log_odds: Array) -> Array:
    small = np.exp(-np.abs(log_odds))
    return np.asarray(np.where(log_odds > 0.0, 1.0, small) / (1.0 + small))
