"""Sampling of demonstrations from finitely many tasks."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.theory._validation import Array, Integers, as_indices, as_integer
from tightbound.theory.in_context.finite_tasks import FiniteTasks
from tightbound.theory.in_context.hmm_concept import HMMConcept


def sample(
    model: FiniteTasks | HMMConcept,
    length: int,
    replications: int,
    *,
    rng: int | np.random.Generator | None = None,
    truth: ArrayLike | None = None,
    allow_misspecified: bool = False,
) -> tuple[Integers, Integers, Integers]:
    """Draw tasks from the prior, and demonstrations of each.

    Parameters
    ----------
    model : FiniteTasks, HMMConcept
        The law of tasks, covariates and responses. Covariates that come from outside are drawn uniformly.
    length, replications : int
        T >= 0 demonstrations in each of B >= 1 sequences.
    rng : None, int or Generator
        Source of randomness.
    truth : array_like of int, shape () or (B,), optional
        Fixed tasks in place of draws from the prior.
    allow_misspecified : bool, default False
        Whether a truth of prior probability zero is wanted; no posterior can find it.

    Returns
    -------
    truth : ndarray of int, shape (B,)
        The task of each sequence.
    covariates, responses : ndarrays of int, shape (B, T)
        The demonstrations.

    Raises
    ------
    IndexError, TypeError, ValueError
        For sizes below their least value, another shape, or a truth that the prior excludes, unless allowed.

    Examples
    --------
    >>> tasks = FiniteTasks([0.5, 0.5], [[[1.0, 0.0]], [[0.0, 1.0]]])
    >>> truth, _, responses = sample(tasks, 3, 2, rng=0, truth=[0, 1])
    >>> responses.tolist()
    [[0, 0, 0], [1, 1, 1]]
    """
    steps, count = as_integer("length", length, least=0), as_integer("replications", replications, least=1)
    generator = np.random.default_rng(rng)
    z = _truth(model, count, truth, generator, allow_misspecified)
    if model.covariate is None:
        covariates = generator.integers(model.covariates, size=(count, steps))
    else:
        covariates = _draw(model.covariate[z][:, None], generator.random((count, steps)))
    chance = generator.random((count, steps))
    if isinstance(model, FiniteTasks):
        return z, covariates, _draw(model.likelihood[z[:, None], covariates], chance)
    moves = generator.random((count, steps))
    responses = np.empty((count, steps), dtype=np.int64)
    state = np.zeros(count, dtype=np.int64)
    for t in range(steps):
        state = _draw(model.initial[z] if t == 0 else model.transition[z, state], moves[:, t])
        responses[:, t] = _draw(model.emission[z, state, covariates[:, t]], chance[:, t])
    return z, covariates, responses


def _truth(
    model: FiniteTasks | HMMConcept,
    count: int,
    truth: ArrayLike | None,
    generator: np.random.Generator,
    allow_misspecified: bool,
) -> Integers:
    if truth is None:
        return _draw(np.asarray(model.prior), generator.random(count))
    given = as_indices("truth", truth, model.tasks)
    if given.shape not in ((), (count,)):
        raise ValueError(
            f"truth has shape {given.shape}: give one task, or one for each sequence, shape ({count},)"
        )
    excluded = np.unique(given[model.prior[given] == 0.0])
    if excluded.size and not allow_misspecified:
        raise ValueError(
            f"truth contains task {excluded[0]}, whose prior probability is 0, so no posterior can find it: "
            "give it prior probability, or set allow_misspecified=True where this is meant"
        )
    return np.array(np.broadcast_to(given, (count,)))


def _draw(laws: Array, uniforms: NDArray[np.float64]) -> Integers:
    """Invert the distribution functions of ``laws`` (..., K), one for each uniform; never draws a zero."""
    heights = np.cumsum(laws, axis=-1)
    heights = heights / heights[..., -1:]
    return np.asarray((heights <= uniforms[..., None]).sum(axis=-1), dtype=np.int64)
