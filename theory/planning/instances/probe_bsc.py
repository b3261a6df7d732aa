"""PROBE-BSC: two environments, and a probe whose report passes a binary symmetric channel."""

from __future__ import annotations

import numpy as np

from tightbound.theory.planning.hmdp import HMDP
from tightbound.theory.planning.instances._tables import as_interior, as_probability, last_reward, resting

SAFE, TRY, PROBE = 0, 1, 2
START, WIN, LOSE, RESTED, PLUS, MINUS = 0, 1, 2, 3, 4, 5


def probe_bsc(q: float, q_hat: float | None = None, *, weight: float = 0.5) -> HMDP:
    r"""Return the two-environment instance with a noisy probe, and a reporter that may be misspecified.

    As in REVEAL, SAFE earns 1/2 and shows nothing, and TRY earns 1 in environment 0, 0 in environment 1, and
    shows which. PROBE earns nothing and is reported as PLUS with probability q in environment 0 and 1 - q in
    environment 1. In truth the reporter says so with probability ``q_hat`` and 1 - ``q_hat``.

    Parameters
    ----------
    q : float
        Reliability of the probe as planners assume it, in (0, 1) and not 1/2.
    q_hat : float, optional
        Its reliability in truth, in [0, 1]; q where left out.
    weight : float, default 1/2
        Prior weight of environment 0, in (0, 1).

    Returns
    -------
    HMDP
        With subgoals SAFE, TRY, PROBE and observations START, WIN, LOSE, RESTED, PLUS, MINUS. Under PROBE the
        squared Hellinger distance is :math:`1 - 2\sqrt{q(1-q)}`.

    Raises
    ------
    ValueError
        For an argument outside its range, or q = 1/2, where a probe tells nothing.

    See Also
    --------
    tightbound.theory.planning.exact_dp.probe_bsc_forward : its regret.

    Examples
    --------
    >>> probe_bsc(0.8).misspecified, probe_bsc(0.8, 0.6).misspecified
    (False, True)
    """
    reliability = as_interior("q", q)
    if reliability == 0.5:
        raise ValueError("q is 0.5: such a probe tells nothing; give a reliability other than 1/2")
    actual = reliability if q_hat is None else as_probability("q_hat", q_hat)
    prior = as_interior("weight", weight)
    move = resting(2, 6, 3)
    move[:, START] = 0.0
    move[:, START, SAFE, RESTED] = 1.0
    # The last two states are "probed in environment 0" and "probed in environment 1".
    for z, outcome, probed in ((0, WIN, 4), (1, LOSE, 5)):
        move[z, START, TRY, outcome] = 1.0
        move[z, START, PROBE, probed] = 1.0
    tables = np.eye(6)[np.newaxis].repeat(2, axis=0)
    for table, chance in zip(tables, (reliability, actual), strict=True):
        table[4, [PLUS, MINUS]] = chance, 1.0 - chance
        table[5, [PLUS, MINUS]] = 1.0 - chance, chance
    reward = last_reward(2, 6, {WIN: 1.0, RESTED: 0.5})
    assumed, emitted = tables
    return HMDP(np.eye(6)[START], move, assumed, reward, [prior, 1.0 - prior], emission=emitted)
