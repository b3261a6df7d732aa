"""Demonstrations chosen against Bayesian model averaging."""

from __future__ import annotations

import numpy as np

from tightbound.theory._validation import Array, Integers, as_integer
from tightbound.theory.in_context.finite_tasks import FiniteTasks


def greedy_adversary(
    tasks: FiniteTasks, length: int, *, rng: int | np.random.Generator | None = None
) -> tuple[Integers, Integers]:
    """Return demonstrations, each chosen so that the cumulative regret after it is as large as can be.

    Parameters
    ----------
    tasks : FiniteTasks
        The model that predicts. A law of covariates is not looked at: the adversary chooses them.
    length : int
        T >= 0.
    rng : None, int or Generator
        Breaks ties.

    Returns
    -------
    covariates, responses : ndarrays of int, shape (T,)
        The demonstrations.

    Raises
    ------
    TypeError, ValueError
        For a length below 0.

    Examples
    --------
    >>> tasks = FiniteTasks([0.9, 0.1], [[[0.9, 0.1]], [[0.1, 0.9]]])
    >>> greedy_adversary(tasks, 3, rng=0)[1].tolist()
    [1, 1, 1]
    """
    steps = as_integer("length", length, least=0)
    generator = np.random.default_rng(rng)
    with np.errstate(divide="ignore"):
        prior = np.log(tasks.prior)
        table = np.log(tasks.likelihood).reshape(tasks.tasks, -1).T  # (C R, M)
    total = np.where(prior > -np.inf, 0.0, -np.inf)
    chosen = np.empty(steps, dtype=np.int64)
    for t in range(steps):
        chosen[t] = _worst(total + table, prior, generator)
        total = total + table[chosen[t]]
    return chosen // tasks.responses, chosen % tasks.responses


def _worst(totals: Array, prior: Array, generator: np.random.Generator) -> int:
    """Return the row of log likelihoods (K, M) with the largest regret, ties broken at random."""
    best = totals.max(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        lost = -np.log(np.exp(totals - best[:, None] + prior).sum(axis=1))
    lost = np.where(best > -np.inf, lost, -np.inf)
    return int(generator.choice(np.flatnonzero(lost >= lost.max() - 1e-12)))
