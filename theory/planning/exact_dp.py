r"""Exact regret by forward recursion: PROBE-BSC in O(T^2), REVEAL in O(T), for any schedule of exploration.

On PROBE-BSC, unless a try has settled the matter, the posterior depends on the past only through k = (plus
signs) - (minus signs):

.. math:: \log\frac{w(0)}{w(1)} = \log\frac{p}{1-p} + k \log\frac{q}{1-q}.

The recursion carries the law of k together with "not yet settled"; a try removes mass from it for good.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import as_floats
from tightbound.theory.planning._validation import Array, as_integer
from tightbound.theory.planning.bounds._arguments import as_episodes, as_eta, as_schedule
from tightbound.theory.planning.instances._tables import as_interior, as_probability

_NOTHING, _HUGE = 1e-290, 1e290


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
        E[1 / w(z)] at the start of episode t; infinite beyond the range of floats.
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
    # Steps of the wrong environment's log odds; column i of mass is k = i - T.
    side = -1.0 if z == 0 else 1.0
    step = side * float(exponent) * np.log(reliability / (1.0 - reliability))
    start = side * float(exponent) * np.log(prior / (1.0 - prior))
    wrong = _sigmoid(start + step * np.arange(-length, length + 1))
    tries = 1.0 - wrong if z == 0 else wrong
    # Rows: probability, and probability times the ratio to the powers 1/2 and 1. Each has its own
    # recursion, since the ratio is largest where the probability underflows.
    tilts = np.array([[0.0], [0.5], [1.0]])
    up, down = plus * np.exp(tilts * step), (1.0 - plus) * np.exp(-tilts * step)
    mass = np.zeros((3, 2 * length + 1))
    mass[:, length] = np.exp(tilts[:, 0] * start)
    out = np.zeros((5, length))
    low, high = length, length + 1
    for t in range(length):
        here, eps_t = mass[:, low:high].copy(), chance[t]
        unsettled, root, odds = here.sum(axis=1)
        trying, doubt = here[0] @ tries[low:high], here[0] @ wrong[low:high]
        lost = 0.5 * (unsettled - trying) if z == 0 else 0.5 * trying
        out[:, t] = eps_t * cost + (1.0 - eps_t) * lost, root, doubt, 1.0 + odds, unsettled
        mass[:, low:high] = (1.0 - eps_t) * (1.0 - tries[low:high]) * here
        if eps_t > 0.0 and t + 1 < length:
            mass[:, low + 1 : high + 1] += eps_t * up * here
            mass[:, low - 1 : high - 1] += eps_t * down * here
            np.minimum(mass[:, low - 1 : high + 1], _HUGE, out=mass[:, low - 1 : high + 1])
            low, high = _window(mass, low - 1, high + 1)
    regret, root_ratio, doubts, inverse, left = out
    root_ratio, inverse = (np.where(row < _HUGE, row, np.inf) for row in (root_ratio, inverse))
    return ProbeResult(np.cumsum(regret), root_ratio, doubts, inverse, left)


def reveal_forward(
    episodes: int, environments: int, eta: float = 1.0, eps: ArrayLike = 0.0, *, truth: int = 0
) -> Array:
    r"""Return the exact regret of sampling from the mixture of experts on REVEAL, for any schedule.

    .. math:: Reg(T) = \sum_{t \le T} \Bigl[\varepsilon_t c + (1-\varepsilon_t)\, l \prod_{i<t}
              \bigl(1 - (1-\varepsilon_i)/N - \varepsilon_i \eta\bigr)\Bigr]

    with c = 1 and l = (1 - 1/N)/2 in environment 0, c = 1/2 and l = 1/(2N) elsewhere. For one probability it
    is :func:`~tightbound.theory.planning.closed_forms.reveal_regret`.

    Parameters
    ----------
    episodes : int
        Number T of episodes, at least 1.
    environments : int
        Number N of environments, at least 2.
    eta : float, default 1
        Probability that a probe tells, in (0, 1].
    eps : float or array_like, shape (T,)
        Probability of exploring by PROBE, of all episodes or of each, in [0, 1].
    truth : int, default 0
        The true environment, below N.

    Returns
    -------
    ndarray, shape (T,)
        Expected regret of the first t episodes, t = 1..T.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its range.

    Examples
    --------
    >>> reveal_forward(3, 2, eps=[1.0, 0.0, 0.0]).tolist()
    [1.0, 1.0, 1.0]
    """
    length, number = as_episodes(episodes), as_integer("environments", environments, least=2)
    chance = as_schedule(eps, length)
    first = as_integer("truth", truth, least=0, most=number - 1) == 0
    stay = 1.0 - (1.0 - chance) / number - chance * as_eta(eta)
    unsettled = np.concatenate([[1.0], np.cumprod(stay[:-1])])
    loss, cost = (0.5 * (1.0 - 1.0 / number), 1.0) if first else (0.5 / number, 0.5)
    return np.asarray(np.cumsum(chance * cost + (1.0 - chance) * loss * unsettled))


def _window(mass: Array, low: int, high: int) -> tuple[int, int]:
    """Cut ends that hold nothing, or so little that arithmetic on it is slow."""
    held = np.flatnonzero((mass[:, low:high] > _NOTHING).any(axis=0))
    if held.size == 0:
        return low, low + 1
    mass[:, low : low + held[0]] = 0.0
    mass[:, low + held[-1] + 1 : high] = 0.0
    return low + int(held[0]), low + int(held[-1]) + 1


def _sigmoid(log_odds: Array) -> Array:
    small = np.exp(-np.abs(log_odds))
    return np.asarray(np.where(log_odds > 0.0, 1.0, small) / (1.0 + small))
