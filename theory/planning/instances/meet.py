"""MEET: several actors have to agree, and sampling each one's subgoal apart makes them miss each other."""

from __future__ import annotations

import itertools

import numpy as np

from tightbound.theory.planning._validation import Array, as_integer
from tightbound.theory.planning.bounds._arguments import as_eta
from tightbound.theory.planning.hmdp import HMDP
from tightbound.theory.planning.instances._tables import as_interior, as_probability, last_reward, resting

SAFE, TRY, PROBE = 0, 1, 2
START, WIN, LOSE, RESTED, SPLIT, BLANK, FIRST_NAME = 0, 1, 2, 3, 4, 5, 6
FIRST_REPORT = 5
"""First observation of a joint probe in `private_meet`, which has no blank."""


def meet(environments: int, actors: int, eta: float = 1.0) -> HMDP:
    r"""Return REVEAL for K actors who must all do the same.

    Each actor chooses SAFE, TRY or PROBE. All safe earns 1/2 and shows nothing; all trying earns 1 in
    environment 0, 0 elsewhere, and shows which; all probing earns nothing and shows the environment's name
    with probability eta, else a blank. Whenever they differ they earn nothing and see SPLIT. The expert of
    environment 0 has all try, all others have all play safe. The prior is uniform.

    Parameters
    ----------
    environments : int
        Number N of environments, at least 2.
    actors : int
        Number K of actors, at least 1; there are 3^K joint subgoals.
    eta : float, default 1
        Probability that a joint probe tells, in (0, 1].

    Returns
    -------
    HMDP
        With ``actors`` (3,) * K and observations START, WIN, LOSE, RESTED, SPLIT, BLANK and FIRST_NAME + z,
        which are also its states.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its range.

    See Also
    --------
    tightbound.theory.planning.closed_forms.meet_regret : its regret.

    Examples
    --------
    >>> model = meet(2, 2)
    >>> model.subgoals, model.actors, together(PROBE, 2)
    (9, (3, 3), 8)
    """
    count = as_integer("environments", environments, least=2)
    team = as_integer("actors", actors, least=1)
    told = as_eta(eta)
    states = FIRST_NAME + count
    move = _gathering(count, states, team)
    probe = together(PROBE, team)
    move[:, START, probe, BLANK] = 1.0 - told
    move[np.arange(count), START, probe, FIRST_NAME + np.arange(count)] = told
    reward = last_reward(2, states, {WIN: 1.0, RESTED: 0.5})
    return HMDP(np.eye(states)[START], move, np.eye(states), reward, actors=(3,) * team)


def private_meet(actors: int, q: float, q_hat: float | None = None) -> HMDP:
    r"""Return MEET for two environments where a joint probe gives each actor a noisy sign of its own.

    Under a joint probe actor k sees a plus with probability q in environment 0 and 1 - q in environment 1,
    independently of the others. The observation holds all signs; an actor who is shown only its own has a
    posterior of its own, and the team's posteriors disagree until each of them is sure.

    Parameters
    ----------
    actors : int
        Number K of actors, at least 1; there are 3^K joint subgoals and 2^K joint reports.
    q : float
        Reliability of a sign as planners assume it, in (0, 1) and not 1/2.
    q_hat : float, optional
        Its reliability in truth, in [0, 1]; q where left out.

    Returns
    -------
    HMDP
        With observations START, WIN, LOSE, RESTED, SPLIT and FIRST_REPORT + i, where bit K - 1 - k of i is
        set where actor k saw a minus. Under the joint probe the squared Hellinger distance is
        :math:`1 - (4q(1-q))^{K/2}`.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its range, or q = 1/2, where a probe tells nothing.

    Examples
    --------
    >>> model = private_meet(2, 0.8)
    >>> model.observation[-2, FIRST_REPORT:].round(2).tolist()
    [0.64, 0.16, 0.16, 0.04]
    """
    team = as_integer("actors", actors, least=1)
    reliability = as_interior("q", q)
    if reliability == 0.5:
        raise ValueError("q is 0.5: such a probe tells nothing; give a reliability other than 1/2")
    actual = reliability if q_hat is None else as_probability("q_hat", q_hat)
    # Two states more than the common ones: "probed in environment 0" and "probed in environment 1".
    states, observations = FIRST_REPORT + 2, FIRST_REPORT + 2**team
    move = _gathering(2, states, team)
    for z in range(2):
        move[z, START, together(PROBE, team), FIRST_REPORT + z] = 1.0
    tables = []
    for chance in (reliability, actual):
        table = np.zeros((states, observations))
        table[:FIRST_REPORT, :FIRST_REPORT] = np.eye(FIRST_REPORT)
        table[FIRST_REPORT, FIRST_REPORT:] = _signs(chance, team)
        table[FIRST_REPORT + 1, FIRST_REPORT:] = _signs(1.0 - chance, team)
        tables.append(table)
    reward = last_reward(2, observations, {WIN: 1.0, RESTED: 0.5})
    return HMDP(np.eye(states)[START], move, tables[0], reward, emission=tables[1], actors=(3,) * team)


def together(subgoal: int, actors: int) -> int:
    """Return the joint subgoal in which every actor has the same one.

    Parameters
    ----------
    subgoal : int
        SAFE, TRY or PROBE.
    actors : int
        Number of actors, at least 1.

    Returns
    -------
    int
        Index of the joint subgoal.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its range.

    Examples
    --------
    >>> together(TRY, 3)
    13
    """
    one = as_integer("subgoal", subgoal, least=0, most=2)
    count: int = 3 ** as_integer("actors", actors, least=1)
    return one * (count - 1) // 2


def _gathering(environments: int, states: int, actors: int) -> Array:
    """Return transitions, shape (Z, S, 3^K, S), in which all probes lead nowhere yet."""
    move = resting(environments, states, 3**actors)
    move[:, START] = 0.0
    move[:, START, :, SPLIT] = 1.0
    for subgoal in (SAFE, TRY, PROBE):
        move[:, START, together(subgoal, actors), SPLIT] = 0.0
    move[:, START, together(SAFE, actors), RESTED] = 1.0
    move[0, START, together(TRY, actors), WIN] = 1.0
    move[1:, START, together(TRY, actors), LOSE] = 1.0
    return move


def _signs(plus: float, actors: int) -> Array:
    """Return the law of K independent signs, shape (2^K,), actor 0 in the most significant bit."""
    return np.array(
        [
            np.prod([(plus, 1.0 - plus)[bit] for bit in bits])
            for bits in itertools.product((0, 1), repeat=actors)
        ]
    )
