"""LOCK: a combination that must be entered to its end before it shows whether it was right."""

from __future__ import annotations

import numpy as np

from tightbound.theory.planning._validation import as_integer
from tightbound.theory.planning.hmdp import HMDP
from tightbound.theory.planning.instances._tables import as_interior, last_reward, resting

EXIT, ADVANCE = 0, 1


def lock(depth: int, weight: float = 0.5) -> HMDP:
    r"""Return the instance that stays hidden from naive execution although it has two environments only.

    There are d decisions and visible positions 0, ..., d - 1. ADVANCE moves on; the d-th advance in a row
    wins (1) in environment 0 and loses (0) in environment 1. EXIT ends the attempt: at position 0 safely
    (1/2), later with a drop (1/4). Rewards are paid at the end. The expert of environment 0 always advances,
    that of environment 1 exits at once and, where it ties, exits too. Sampling anew at every step, naive
    execution needs d coherent draws.

    Parameters
    ----------
    depth : int
        Number d of decisions, at least 1.
    weight : float, default 1/2
        Prior weight of environment 0, in (0, 1).

    Returns
    -------
    HMDP
        With horizon d + 1, subgoals EXIT and ADVANCE, and observations 0, ..., d - 1 for the positions
        followed by safe, dropped, won and lost, which are also its states. Its history tree has about 2^d
        leaves.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its range.

    See Also
    --------
    tightbound.theory.planning.closed_forms.lock_regret : its regret.

    Examples
    --------
    >>> lock(3).reward[-1, :, 0].tolist()
    [0.0, 0.0, 0.0, 0.5, 0.25, 1.0, 0.0]
    """
    steps = as_integer("depth", depth, least=1)
    prior = as_interior("weight", weight)
    safe, dropped, won, lost = steps, steps + 1, steps + 2, steps + 3
    move = resting(2, steps + 4, 2)
    places = np.arange(steps)
    move[:, places] = 0.0
    move[:, 0, EXIT, safe] = 1.0
    move[:, places[1:], EXIT, dropped] = 1.0
    move[:, places[:-1], ADVANCE, places[1:]] = 1.0
    move[0, steps - 1, ADVANCE, won] = 1.0
    move[1, steps - 1, ADVANCE, lost] = 1.0
    reward = last_reward(steps + 1, steps + 4, {safe: 0.5, dropped: 0.25, won: 1.0})
    return HMDP(np.eye(steps + 4)[0], move, np.eye(steps + 4), reward, [prior, 1.0 - prior])
