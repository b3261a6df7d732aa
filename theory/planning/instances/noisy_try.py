"""NOISY-TRY: an honest payoff beside a reporter that lies about a second trial."""

from __future__ import annotations

import itertools

import numpy as np

from tightbound.theory.planning.hmdp import HMDP
from tightbound.theory.planning.instances._tables import as_interior, as_probability, last_reward, resting

SAFE, TRY = 0, 1
START, RESTED, FIRST_OUTCOME = 0, 1, 2
SUCCESS = (0.8, 0.3)
SAFE_REWARD = 0.5


def noisy_try(flip: float = 0.05, flip_hat: float | None = None) -> HMDP:
    r"""Return the instance whose only informative subgoal is reported with a misjudged error rate.

    SAFE earns 1/2 and shows nothing. TRY makes two independent trials, each a success with probability 0.8 in
    environment 0 and 0.3 in environment 1. The first is the *payoff*: it earns 1 or 0 and is seen as it is.
    The second is the *evidence*: it earns nothing, and its report is flipped, as planners assume, with
    probability ``flip``, in truth with probability ``flip_hat``.

    Payoff and evidence have to be kept apart. A reward is a function of what is observed, so a reward paid
    for a flipped report would change with the reporter's lies, and with it the regret; and a reward paid for
    the unflipped outcome makes that outcome visible, which leaves nothing to lie about. Here the regret of a
    wrong subgoal, 0.3 or 0.2, does not depend on the reporter, and what the payoff tells is part of the
    drift.

    Parameters
    ----------
    flip : float, default 0.05
        Assumed probability that the report of the second trial is flipped, in (0, 1).
    flip_hat : float, optional
        The true probability, in [0, 1]; ``flip`` where left out.

    Returns
    -------
    HMDP
        With subgoals SAFE, TRY and observations START, RESTED and FIRST_OUTCOME + 2 * (not paid) + (reported
        failure).

    Raises
    ------
    ValueError
        For an argument outside its range.

    See Also
    --------
    tightbound.theory.planning.closed_forms.noisy_try_drift : where the posterior goes.

    Examples
    --------
    >>> noisy_try().transition[0, 0, START, TRY].round(2).tolist()
    [0.0, 0.0, 0.64, 0.16, 0.16, 0.04]
    """
    assumed = as_interior("flip", flip)
    actual = assumed if flip_hat is None else as_probability("flip_hat", flip_hat)
    move = resting(2, 6, 2)
    move[:, START] = 0.0
    move[:, START, SAFE, RESTED] = 1.0
    for z, success in enumerate(SUCCESS):
        one = np.array([success, 1.0 - success])
        move[z, START, TRY, FIRST_OUTCOME:] = np.outer(one, one).ravel()
    tables = np.eye(6)[np.newaxis].repeat(2, axis=0)
    for table, chance in zip(tables, (assumed, actual), strict=True):
        for paid, trial, report in itertools.product((0, 1), repeat=3):
            seen = 1.0 - chance if trial == report else chance
            table[FIRST_OUTCOME + 2 * paid + trial, FIRST_OUTCOME + 2 * paid + report] = seen
    gains = {RESTED: SAFE_REWARD, FIRST_OUTCOME: 1.0, FIRST_OUTCOME + 1: 1.0}
    reward = last_reward(2, 6, gains)
    believed, emitted = tables
    return HMDP(np.eye(6)[START], move, believed, reward, emission=emitted)
