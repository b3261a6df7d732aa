"""REVEAL: one environment in which only trying is right, and many in which only playing safe is."""

from __future__ import annotations

import numpy as np

from tightbound.theory.planning._validation import as_integer
from tightbound.theory.planning.bounds._arguments import as_eta
from tightbound.theory.planning.hmdp import HMDP
from tightbound.theory.planning.instances._tables import last_reward, resting

SAFE, TRY, PROBE = 0, 1, 2
START, WIN, LOSE, RESTED, BLANK, FIRST_NAME = 0, 1, 2, 3, 4, 5


def reveal(environments: int, eta: float = 1.0) -> HMDP:
    r"""Return the instance on which naive execution is slowest for its number of environments.

    One decision. SAFE earns 1/2 and shows nothing; TRY earns 1 in environment 0 and 0 elsewhere, and shows
    which; PROBE earns nothing and shows the environment's name with probability eta, else a blank. The expert
    of environment 0 tries, all others play safe. The prior is uniform.

    Parameters
    ----------
    environments : int
        Number N of environments, at least 2.
    eta : float, default 1
        Probability that a probe tells, in (0, 1]: the squared Hellinger distance, under PROBE, between any
        two environments.

    Returns
    -------
    HMDP
        With subgoals SAFE, TRY, PROBE and observations START, WIN, LOSE, RESTED, BLANK and
        FIRST_NAME + z, which are also its states.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its range.

    See Also
    --------
    tightbound.theory.planning.closed_forms.reveal_regret : its regret.

    Examples
    --------
    >>> model = reveal(3, 0.5)
    >>> model.transition[2, 0, START, PROBE].tolist()
    [0.0, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.5]
    """
    count = as_integer("environments", environments, least=2)
    told = as_eta(eta)
    states = FIRST_NAME + count
    move = resting(count, states, 3)
    move[:, START] = 0.0
    move[:, START, SAFE, RESTED] = 1.0
    move[0, START, TRY, WIN] = 1.0
    move[1:, START, TRY, LOSE] = 1.0
    move[:, START, PROBE, BLANK] = 1.0 - told
    move[np.arange(count), START, PROBE, FIRST_NAME + np.arange(count)] = told
    reward = last_reward(2, states, {WIN: 1.0, RESTED: 0.5})
    return HMDP(np.eye(states)[START], move, np.eye(states), reward)
