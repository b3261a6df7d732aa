"""Exact regret of a planner, without sampling."""

from __future__ import annotations

from numpy.typing import ArrayLike

from tightbound.simulators.planning.planners.base import Planner
from tightbound.simulators.planning.setting import as_chances, as_setting
from tightbound.theory.planning._validation import Array, as_integer
from tightbound.theory.planning.forward import ForwardResult, forward_regret
from tightbound.theory.planning.hmdp import HMDP
from tightbound.theory.planning.tree import HistoryTree, Policy


def exact_regret(
    model: HMDP | HistoryTree,
    truth: int,
    episodes: int,
    planner: Planner,
    *,
    tasks: ArrayLike | None = None,
    limit: int = 100_000,
) -> ForwardResult:
    """Return the expected regret of a planner by carrying the law of the posterior through the episodes.

    For small models whose episodes move the posterior in few different ways; ``simulate`` does the others.

    Parameters
    ----------
    model, truth, episodes, planner, tasks
        As in ``simulate``.
    limit : int
        Largest number of different posteriors.

    Returns
    -------
    ForwardResult
        Cumulative regret, posterior ratios and doubt, each of shape (T,).

    Raises
    ------
    TreeTooLargeError
        Where the set of posteriors outgrows ``limit``.
    ImpossibleObservationError
        Where something can be observed that every environment in the posterior excludes.
    TypeError, ValueError, IndexError
        For arguments out of range, or a planner on a posterior that is not Bayes'.

    Warns
    -----
    UnsupportedTruthWarning
        Where the truth has prior weight zero.

    References
    ----------
    He, Chen, Zhang, Yang, "From Words to Actions", ICML 2024, arXiv:2405.19883.

    Examples
    --------
    >>> import numpy as np
    >>> from tightbound.simulators.planning.planners.bail import BAIL
    >>> stay, flip = np.eye(2), np.eye(2)[::-1]
    >>> transition = np.array([np.stack([stay, flip], 1), np.stack([flip, stay], 1)])
    >>> model = HMDP([1.0, 0.0], transition, np.eye(2), [[0.0, 0.0], [0.0, 1.0]])
    >>> exact_regret(model, 0, 3, BAIL()).regret.tolist()
    [0.5, 0.5, 0.5]
    """
    length = as_integer("episodes", episodes, least=1)
    setting = as_setting(model, truth, planner)
    if not setting.exploit.bayesian:
        raise TypeError(
            f"planner is {planner!r}: its posterior does not follow Bayes' rule, which exact regret carries "
            "forward; use simulate"
        )
    chances = as_chances(planner, length)
    exploring = setting.exploration()
    # The policies of this episode's posteriors and of the last one's: most posteriors recur.
    recent: tuple[int, dict[bytes, Policy], dict[bytes, Policy]] = (0, {}, {})

    def act(t: int, log_weights: Array) -> list[tuple[float, Policy | Array]]:
        nonlocal recent
        if t != recent[0]:
            recent = (t, {}, recent[1])
        _, now, before = recent
        name = log_weights.tobytes()
        policy = now[name] = before.get(name) or setting.policy(log_weights)
        eps = float(chances[t])
        if exploring is None or eps == 0.0:
            return [(1.0, policy)]
        return [(eps, exploring), (1.0 - eps, policy)]

    return forward_regret(setting.tree, truth, length, act, tasks, limit=limit)
