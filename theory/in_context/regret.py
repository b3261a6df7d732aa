r"""Regret of Bayesian model averaging, and what it is at most.

.. math:: \mathrm{regret}_T = \frac1T \max_z \sum_{t \le T} \log P(r_t | c_t, S_{t-1}, z)
    - \frac1T \sum_{t \le T} \log P(r_t | c_t, S_{t-1})

The maximum runs over the tasks of positive prior probability.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, Integers, as_indices, as_integer
from tightbound.theory.in_context._tasks import TaskModel, as_sequences
from tightbound.theory.in_context.model_averaging import log_covariate_predictive, log_predictive

Comparator = Literal["hindsight", "truth"]


def regret(
    model: TaskModel,
    covariates: ArrayLike,
    responses: ArrayLike,
    *,
    versus: Comparator = "hindsight",
    truth: ArrayLike | None = None,
) -> Array:
    r"""Return the average regret of Bayesian model averaging after each demonstration.

    Parameters
    ----------
    model : FiniteTasks, HMMConcept
        Prior and likelihoods.
    covariates, responses : array_like of int, shape (..., T)
        Demonstrations; T may be 0.
    versus : {"hindsight", "truth"}
        Compare with the best task in hindsight, of those with positive prior probability, or with a
        given one.
    truth : array_like of int, shape () or (...)
        The task compared with, for ``versus="truth"``; one for all sequences or one for each.

    Returns
    -------
    ndarray, shape (..., T)
        Entry t is the average over the first t+1 demonstrations, in nats; -inf where ``truth`` excludes one
        of them. Never NaN.

    Raises
    ------
    InconsistentEvidenceError
        For a sequence that no task of positive prior probability can produce.
    IndexError, TypeError, ValueError
        For labels out of range, shapes that differ, or a truth that is missing or not asked for.

    See Also
    --------
    regret_bound : what the regret is at most on every sequence.

    References
    ----------
    Zhang, Zhang, Yang, Wang, AISTATS 2025, arXiv:2305.19420, Section 4 (its display is lost in the copy
    read).

    Examples
    --------
    >>> from tightbound.theory.in_context.finite_tasks import FiniteTasks
    >>> tasks = FiniteTasks([0.5, 0.5], [[[0.9, 0.1]], [[0.1, 0.9]]])
    >>> regret(tasks, [0] * 4, [0] * 4).round(4).tolist()
    [0.5878, 0.3404, 0.2306, 0.1732]
    """
    c, r = as_sequences(model, covariates, responses)
    found = log_predictive(model, c, r)
    chosen = _compared(model, c, r, versus, truth)[0]
    return np.asarray((chosen - np.cumsum(found, axis=-1)) / np.arange(1, c.shape[-1] + 1))


def regret_bound(
    model: TaskModel,
    covariates: ArrayLike,
    responses: ArrayLike,
    *,
    versus: Comparator = "hindsight",
    truth: ArrayLike | None = None,
) -> Array:
    r"""Return what the average regret is at most on these very sequences.

    .. math:: T\,\mathrm{regret}_T \le \log\frac{1}{\pi(\hat z)}
        + \sum_{t \le T} \log\frac{P(c_t | S_{t-1})}{P(c_t | \hat z)}

    with :math:`\hat z` the task compared with. The sum is 0 where covariates come from outside or have the
    same law in all tasks.

    Parameters
    ----------
    model, covariates, responses, versus, truth
        As for `regret`.

    Returns
    -------
    ndarray, shape (..., T)
        In nats; +inf where the truth compared with has prior probability 0 or excludes a covariate.

    Raises
    ------
    InconsistentEvidenceError, IndexError, TypeError, ValueError
        As for `regret`.

    Notes
    -----
    *Proof.* Let :math:`L_z = \sum_t \log P(r_t | c_t, S_{t-1}, z)` and :math:`C_z = \sum_t \log P(c_t | z)`.
    By the chain rule the predictive probabilities of covariates and responses multiply to the evidence, so

    .. math:: \sum_t \log P(r_t | c_t, S_{t-1}) + \sum_t \log P(c_t | S_{t-1})
        = \log \sum_z \pi(z) e^{L_z + C_z} \ge \log \pi(\hat z) + L_{\hat z} + C_{\hat z}

    for every task, since a sum is at least each of its terms. Move terms. Nothing was assumed about where the
    sequence comes from, so the bound holds for an adversary's as well. For covariates without a law of their
    own both sums over :math:`c_t` are absent.

    *Uniform prior on M tasks* (`uniform_regret_bound`): :math:`\pi(\hat z) = 1/M` whatever :math:`\hat z` is.

    *Sharpness.* The bound falls short of the regret by
    :math:`\log\sum_z \pi(z) e^{L_z} - \log\pi(\hat z) - L_{\hat z}`, which is minus the log posterior of
    :math:`\hat z`. It tends to 0 along a sequence on which the posterior concentrates, so for tasks that can
    be told apart the supremum over sequences of T regret tends to :math:`\log(1/\min_z \pi(z))`. For
    covariates from outside this supremum never falls in T: given any sequence and z, the average of
    :math:`P(r|S,z)/P(r|S)` under P(r|S) is 1, so after some response z is ahead of the average by no less
    than before.

    *On average.* For covariates from outside, the prior average of T regret against the truth is the mutual
    information of task and responses: at most the entropy of the prior, which is at most log M.

    References
    ----------
    Zhang, Zhang, Yang, Wang, AISTATS 2025, arXiv:2305.19420, Corollary 4.2: log M / t for a uniform prior on
    M concepts, and :math:`\log(1/\pi(z^*))/t` where z* is best in hindsight at every t.

    Examples
    --------
    >>> from tightbound.theory.in_context.finite_tasks import FiniteTasks
    >>> tasks = FiniteTasks([0.8, 0.2], [[[0.9, 0.1]], [[0.1, 0.9]]])
    >>> regret_bound(tasks, [0, 0], [0, 1]).round(4).tolist()
    [0.2231, 0.1116]
    """
    c, r = as_sequences(model, covariates, responses)
    best = _compared(model, c, r, versus, truth)[1]
    bound = -model.log_prior[best]
    asked = model.log_covariates(c)
    if asked.any():
        bound = bound + _surprise(model, c, r, asked, best)
    return np.asarray(bound / np.arange(1, c.shape[-1] + 1))


def uniform_regret_bound(tasks: int, length: ArrayLike) -> Array:
    r"""Return log M / T, the bound of Corollary 4.2 for a uniform prior on M tasks.

    Parameters
    ----------
    tasks : int
        M, at least 1.
    length : array_like of int
        T, at least 1 each.

    Returns
    -------
    ndarray
        In nats per demonstration; shape of ``length``.

    Raises
    ------
    TypeError, ValueError
        For numbers below 1.

    Notes
    -----
    The prior has to be uniform. Under a prior that is not, :math:`\log(1/\pi(\hat z))` may be more than
    log M, and the regret does exceed log M / T where the sequence comes from a rare task: see `regret_bound`.

    References
    ----------
    Zhang, Zhang, Yang, Wang, AISTATS 2025, arXiv:2305.19420, Corollary 4.2.

    Examples
    --------
    >>> uniform_regret_bound(4, [1, 10]).round(4).tolist()
    [1.3863, 0.1386]
    """
    steps = np.asarray(length)
    if steps.dtype.kind not in "iu":
        raise TypeError(f"length has dtype {steps.dtype}: give integers of at least 1")
    if steps.size and steps.min() < 1:
        raise ValueError(f"length contains {steps.min()}: give integers of at least 1")
    return np.asarray(np.log(as_integer("tasks", tasks, least=1)) / steps)


def _compared(
    model: TaskModel, c: Integers, r: Integers, versus: str, truth: ArrayLike | None
) -> tuple[Array, Integers]:
    """Return the cumulative log likelihood of the task compared with, and which task, both (..., T)."""
    total = np.cumsum(model.log_likelihoods(c, r), axis=-2)
    if versus == "hindsight":
        if truth is not None:
            raise ValueError("truth is given beside versus='hindsight': leave it out, or use versus='truth'")
        supported = np.where(model.log_prior > -np.inf, total, -np.inf)
        best = supported.max(axis=-1)
        # of equally good tasks the likeliest a priori gives the smallest bound
        rank = np.where(supported == best[..., None], model.log_prior, -np.inf)
        return best, rank.argmax(axis=-1)
    if versus != "truth":
        raise ValueError(f"versus is {versus!r}: choose 'hindsight' or 'truth'")
    if truth is None:
        raise ValueError("truth is missing: versus='truth' needs the task that produced each sequence")
    z = as_indices("truth", truth, model.tasks)
    if z.shape not in ((), c.shape[:-1]):
        raise ValueError(
            f"truth has shape {z.shape}: give one task, or one for each sequence, shape {c.shape[:-1]}"
        )
    which = np.array(np.broadcast_to(z[..., None], c.shape))
    return np.take_along_axis(total, which[..., None], axis=-1)[..., 0], which


def _surprise(model: TaskModel, c: Integers, r: Integers, asked: Array, best: Integers) -> Array:
    """Return the sum over t of log P(c_t | S_{t-1}) - log P(c_t | z) for the task compared with."""
    predicted = np.cumsum(log_covariate_predictive(model, c, r), axis=-1)
    told = np.take_along_axis(np.cumsum(asked, axis=-2), best[..., None], axis=-1)[..., 0]
    return np.asarray(predicted - told)
