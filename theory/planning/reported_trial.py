"""REPORTED-TRIAL: an honest payoff beside a report that may lie, with evidence on a lattice."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import as_floats
from tightbound.theory.planning._validation import Array, as_integer
from tightbound.theory.planning.hmdp import HMDP

SAFE, TRY = 0, 1
START, RESTED, FIRST_OUTCOME = 0, 1, 2
UNIT = math.log(2.0)
SAFE_REWARD = 0.5


def reported_trial(q_hat: ArrayLike | None = None, *, payoff: int = 1, report: int = 3) -> HMDP:
    r"""Return an instance whose posterior is one integer and whose reporter may be misspecified.

    SAFE earns 1/2 and shows nothing. TRY earns 1 with probability a in environment 0 and 1 - a in
    environment 1, and is reported as *good* with probability q in environment 0 and as *bad* with
    probability q in environment 1; in truth the reporter does so with probability ``q_hat``. With

    .. math:: \log\frac{a}{1-a} = m \log 2, \qquad \log\frac{q}{1-q} = n \log 2

    every episode moves the log odds by a multiple of log 2, so regret is exact over any number of episodes by
    :class:`tightbound.theory.planning.lattice.Lattice`. The payoff is seen as it is: a wrong subgoal costs
    a - 1/2 whatever the reporter says, and what the payoff tells counts in the drift.

    Parameters
    ----------
    q_hat : float or array_like, shape (2,), optional
        Reliability of the report in truth, of all or in each environment, in [0, 1]; q where left out.
    payoff, report : int
        Units m and n, at least 1. The defaults give a = 2/3 and q = 8/9.

    Returns
    -------
    HMDP
        With subgoals SAFE, TRY and observations START, RESTED and FIRST_OUTCOME + 2 * (not paid) + (bad).

    Raises
    ------
    TypeError, ValueError
        For an argument outside its range.

    Examples
    --------
    >>> reported_trial().transition[0, 0, START, TRY].round(3).tolist()
    [0.0, 0.0, 0.667, 0.0, 0.333, 0.0]
    """
    chance, assumed = _sigmoid("payoff", payoff), _sigmoid("report", report)
    actual = np.broadcast_to(assumed if q_hat is None else _probabilities(q_hat), (2,))
    move = np.broadcast_to(np.eye(6)[np.newaxis, :, np.newaxis], (2, 6, 2, 6)).copy()
    move[:, START] = 0.0
    move[:, START, SAFE, RESTED] = 1.0
    # State FIRST_OUTCOME + 2 * (not paid) + z: what is true; the last bit is reported through a channel.
    for z, paid in product((0, 1), repeat=2):
        move[z, START, TRY, FIRST_OUTCOME + 2 * paid + z] = chance if paid == z else 1.0 - chance
    tables = np.eye(6)[np.newaxis].repeat(2, axis=0)
    for table, reliability in zip(tables, (np.full(2, assumed), actual), strict=True):
        for paid, z, bad in product((0, 1), repeat=3):
            seen = reliability[z] if bad == z else 1.0 - reliability[z]
            table[FIRST_OUTCOME + 2 * paid + z, FIRST_OUTCOME + 2 * paid + bad] = seen
    reward = np.zeros((2, 6))
    reward[1, [RESTED, FIRST_OUTCOME, FIRST_OUTCOME + 1]] = SAFE_REWARD, 1.0, 1.0
    believed, emitted = tables
    return HMDP(np.eye(6)[START], move, believed, reward, emission=emitted)


def reported_trial_drift(q_hat: float, *, payoff: int = 1, report: int = 3) -> float:
    r"""Return the mean gain of log odds for the truth in one try, the same in both environments.

    .. math:: D = \bigl[(2a - 1)\,m + (2\hat q - 1)\,n\bigr] \log 2

    Parameters
    ----------
    q_hat, payoff, report
        As for :func:`reported_trial`.

    Returns
    -------
    float
        In nats.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its range.

    Examples
    --------
    >>> round(reported_trial_drift(1.0) / UNIT, 12)
    3.333333333333
    """
    chance = _sigmoid("payoff", payoff)
    _sigmoid("report", report)
    told = _probabilities(q_hat)
    if told.ndim:
        raise ValueError(f"q_hat is {q_hat!r}: give the reliability in one environment")
    return float((2.0 * chance - 1.0) * payoff + (2.0 * told - 1.0) * report) * UNIT


def reported_trial_threshold(*, payoff: int = 1, report: int = 3) -> float:
    r"""Return the reliability of the report at which the posterior loses the truth, where the drift is 0.

    .. math:: \hat q^* = \tfrac12\Bigl(1 - \tfrac mn (2a - 1)\Bigr)

    Below it planners are worse off with the report than a coin would leave them, by trusting it.

    Parameters
    ----------
    payoff, report : int
        As for :func:`reported_trial`.

    Returns
    -------
    float
        The threshold; negative where no reporter can mislead.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its range.

    Examples
    --------
    >>> round(reported_trial_threshold(), 12)
    0.444444444444
    """
    chance = _sigmoid("payoff", payoff)
    _sigmoid("report", report)
    return 0.5 * (1.0 - payoff / report * (2.0 * chance - 1.0))


def _sigmoid(name: str, units: Any) -> float:
    return 1.0 / (1.0 + 2.0 ** -as_integer(name, units, least=1, most=30))


def _probabilities(q_hat: ArrayLike) -> Array:
    number = as_floats("q_hat", q_hat)
    if number.shape not in ((), (2,)) or np.any((number < 0.0) | (number > 1.0)):
        raise ValueError(f"q_hat is {q_hat!r}: give one probability in [0, 1], or one per environment")
    return number
