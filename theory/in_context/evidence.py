r"""The evidence of whole sequences, without a recursion over demonstrations.

.. math:: P(S_T) = \sum_z \pi(z) P(S_T | z)

Nothing here is shared with `model_averaging` beyond the tables, so that the two check each other.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._log_space import log_sum, safe_log
from tightbound.theory._validation import Array, Integers
from tightbound.theory.in_context._tasks import as_sequences
from tightbound.theory.in_context.finite_tasks import FiniteTasks
from tightbound.theory.in_context.hmm_concept import HMMConcept

LARGEST_ENUMERATION = 100_000


def log_evidence(model: FiniteTasks | HMMConcept, covariates: ArrayLike, responses: ArrayLike) -> Array:
    r"""Return the log probability of whole sequences.

    For independent demonstrations a sum over how often each response followed each covariate; for a hidden
    Markov model a sum over all paths of hidden states.

    Parameters
    ----------
    model : FiniteTasks, HMMConcept
        Prior and tables.
    covariates, responses : array_like of int, shape (..., T)
        Demonstrations; T may be 0.

    Returns
    -------
    ndarray, shape (...)
        :math:`\log P(S_T)` in nats, -inf for an impossible sequence. Where covariates come from outside, the
        probability of the responses given the covariates.

    Raises
    ------
    IndexError, TypeError, ValueError
        For labels out of range, shapes that differ, or more than 100 000 paths of hidden states.

    Examples
    --------
    >>> tasks = FiniteTasks([0.5, 0.5], [[[0.9, 0.1]], [[0.1, 0.9]]])
    >>> float(np.exp(log_evidence(tasks, [0, 0], [0, 0])).round(6))
    0.41
    """
    c, r = as_sequences(model, covariates, responses)
    if isinstance(model, FiniteTasks):
        joint = model.likelihood if model.covariate is None else model.likelihood * model.covariate[..., None]
        told = _by_counts(joint, c, r)
    else:
        told = _by_paths(model, c, r)
        if model.covariate is not None:
            told = told + _by_counts(model.covariate[..., None], c, np.zeros_like(c))
    return log_sum(model.log_prior + told)


def _by_counts(joint: Array, c: Integers, r: Integers) -> Array:
    """Return log likelihoods (..., M) from how often each cell of the tables (M, C, R) was seen."""
    cells = joint.shape[1] * joint.shape[2]
    seen = (c * joint.shape[2] + r).reshape(math.prod(c.shape[:-1]), c.shape[-1])
    rows = np.repeat(np.arange(len(seen)), c.shape[-1])
    counts = np.zeros((len(seen), cells))
    np.add.at(counts, (rows, seen.ravel()), 1.0)
    logs = safe_log(joint.reshape(len(joint), cells))
    impossible = np.isneginf(logs)
    found = counts @ np.where(impossible, 0.0, logs).T
    found[counts @ impossible.T.astype(float) > 0.0] = -np.inf
    return np.asarray(found.reshape(*c.shape[:-1], len(joint)))


def _by_paths(model: HMMConcept, c: Integers, r: Integers) -> Array:
    """Return log likelihoods (..., M) as sums over all paths of hidden states."""
    states, steps = model.hidden_states, c.shape[-1]
    count = states**steps
    if count > LARGEST_ENUMERATION:
        raise ValueError(
            f"responses has {steps} steps, so {states} hidden states make {count} paths, more than "
            f"{LARGEST_ENUMERATION}: take shorter sequences, or the sum of log_predictive"
        )
    paths = np.indices((states,) * steps).reshape(steps, count)  # without steps: the one empty path
    walked = np.zeros((model.tasks, count))
    for t in range(steps):
        one = model.initial[:, paths[0]] if t == 0 else model.transition[:, paths[t - 1], paths[t]]
        walked = walked + safe_log(one)
    shown = safe_log(model.emission)
    rows = math.prod(c.shape[:-1])
    found = np.empty((rows, model.tasks))
    flat = zip(c.reshape(rows, steps), r.reshape(rows, steps), strict=True)
    for row, (asked, answered) in enumerate(flat):
        total = walked.copy()
        for t in range(steps):
            total += shown[:, paths[t], asked[t], answered[t]]
        found[row] = log_sum(total)
    return found.reshape(*c.shape[:-1], model.tasks)
