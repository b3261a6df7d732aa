"""What remains of the error where the prior excludes the true task."""

from __future__ import annotations

import numpy as np

from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain
from tightbound.theory.chain_of_thought.equivalence import as_truth

ROUNDS = 5000
ENOUGH = 1e-9


def misspecified_floor(chain: DiscreteChain, truth: int) -> float:
    r"""Return a lower bound on the prompting error for every prompt, where the prior excludes the truth.

    .. math:: \min_w E_{z_0} KL\Big(P_{\theta^*}(y | z_0) \Big\| \sum_{\theta : \pi(\theta) > 0} w(\theta)
        P_\theta(y | z_0)\Big)

    Whatever the prompt, the averaged answer law is such a mixture, with weights that do not depend on the
    query if its law is the same for all tasks. So no number of demonstrations brings the error below this.

    Parameters
    ----------
    chain : DiscreteChain
        Tasks and prior, with one law of the query.
    truth : int
        The task that is demonstrated and asked; its own prior probability is taken to be 0.

    Returns
    -------
    float
        The bound, in nats, at least 0; within 1e-9 of the minimum unless 5000 rounds do not reach it.

    Raises
    ------
    ValueError
        Where the law of the query depends on the task, or no other task has positive prior probability.

    Notes
    -----
    The weights follow the multiplicative update w <- w D(w), D_theta = E sum_y P* P_theta / P_w, which raises
    E log P_w. Certificate: for all weights v, E log(P_v / P_w) <= log E[P_v / P_w] = log(v D) <= log max D,
    so the minimum is at least the divergence at w less log max D, which is what is returned.

    Examples
    --------
    >>> rows = [[[[p, 1 - p], [1 - p, p]]] for p in (0.9, 0.6, 0.5)]
    >>> round(misspecified_floor(DiscreteChain([0.4, 0.3, 0.3], rows), 0), 4)
    0.2263
    """
    true = as_truth(chain, truth, allow_misspecified=True)
    others = (chain.prior > 0.0) & (np.arange(chain.tasks) != true)
    if np.any(chain.query != chain.query[true]):
        raise ValueError("the law of the query depends on the task: give one law for all tasks")
    if not others.any():
        raise ValueError("no task but the truth has positive prior probability: there is nothing to mix")
    answers = chain.answer_table()
    mass = (chain.query[true][:, None] * answers[true]).ravel()
    on = mass > 0.0
    mass = mass[on]
    goal, table = answers[true].ravel()[on], answers[others].reshape(int(others.sum()), -1)[:, on]
    if not np.all(table.any(axis=0)):
        return float(np.inf)
    weights = np.full(table.shape[0], 1.0 / table.shape[0])
    best = 0.0
    for _ in range(ROUNDS):
        mixture = weights @ table
        gain = table @ (mass / mixture)
        value = float(mass @ np.log(goal / mixture))
        best = max(best, value - float(np.log(gain.max())))
        if value - best < ENOUGH:
            break
        weights = weights * gain
        weights /= weights.sum()
    return best
