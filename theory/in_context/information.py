r"""What demonstrations tell about the task: the prior average of the regret against the truth.

.. math:: E \sum_{t \le T} \log\frac{P(r_t | c_t, S_{t-1}, z)}{P(r_t | c_t, S_{t-1})} = I(z; r_1, \dots, r_T)
    = H(\pi) - H(z | S_T)

with z drawn from the prior and covariates from outside. By the chain rule the left side is
:math:`E \log P(S_T|z)/P(S_T)`, which is the definition of the mutual information.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._log_space import log_sum, log_sum_of_others, safe_log
from tightbound.theory._validation import Array, Integers, as_indices
from tightbound.theory.in_context._tasks import TaskModel, as_covariates
from tightbound.theory.in_context.finite_tasks import FiniteTasks

LARGEST_ENUMERATION = 2_000_000


@dataclass(frozen=True, eq=False)
class TaskInformation:
    """What is known, and what is not, after 1, ..., T demonstrations.

    Parameters
    ----------
    information : ndarray, shape (T,)
        Mutual information of the task and the first t responses, in nats.
    equivocation : ndarray, shape (T,)
        Expected entropy of the posterior, in nats. The two are computed apart, and sum to the entropy of the
        prior. The equivocation keeps its relative accuracy where it is tiny.
    """

    information: Array
    equivocation: Array


def task_information(
    tasks: FiniteTasks, covariates: ArrayLike, *, at: ArrayLike | None = None
) -> TaskInformation:
    """Return information and equivocation along a sequence of covariates, from counts.

    Independent demonstrations matter only through how often each response followed each covariate. The counts
    that can occur are followed step by step, with the number of orders in which each can.

    Parameters
    ----------
    tasks : FiniteTasks
        Prior and tables. A law of covariates is not looked at: they are taken as given.
    covariates : array_like of int, shape (T,)
        What is asked.
    at : array_like of int, shape (K,), optional
        Increasing numbers of demonstrations, 1 to T, after which both are wanted; all of them if left out.

    Returns
    -------
    TaskInformation
        After each demonstration, or after those in ``at``.

    Raises
    ------
    IndexError, TypeError, ValueError
        For labels out of range, another shape, or more than 2 million counts times tasks.

    Examples
    --------
    >>> tasks = FiniteTasks([0.5, 0.5], [[[0.9, 0.1]], [[0.1, 0.9]]])
    >>> found = task_information(tasks, [0, 0, 0])
    >>> found.information.round(4).tolist()
    [0.3681, 0.5144, 0.5978]
    >>> (found.information + found.equivocation).round(12).tolist() == [round(float(np.log(2)), 12)] * 3
    True
    """
    asked = _one_sequence(tasks, covariates)
    wanted = (
        np.arange(1, asked.size + 1)
        if at is None
        else 1 + as_indices("at - 1", np.asarray(at) - 1, asked.size)
    )
    if wanted.ndim != 1 or np.any(np.diff(wanted) <= 0):
        raise ValueError(f"at is {wanted.tolist()}: give increasing numbers of demonstrations")
    found = [
        _split(tasks.prior, orders[:, None] + likelihood)
        for length, (orders, likelihood) in enumerate(_counts(tasks, asked), start=1)
        if length in wanted
    ]
    known, doubt = np.array(found).reshape(-1, 2).T
    return TaskInformation(known, doubt)


def information(model: TaskModel, covariates: ArrayLike) -> Array:
    """Return the mutual information of the task and the first t responses, over all sequences of responses.

    Parameters
    ----------
    model : FiniteTasks, HMMConcept
        Prior and likelihoods. A law of covariates is not looked at: they are taken as given.
    covariates : array_like of int, shape (T,)
        What is asked.

    Returns
    -------
    ndarray, shape (T,)
        In nats.

    Raises
    ------
    IndexError, TypeError, ValueError
        For labels out of range, another shape, or more than 2 million sequences times tasks.

    Examples
    --------
    >>> tasks = FiniteTasks([0.5, 0.5], [[[0.9, 0.1]], [[0.1, 0.9]]])
    >>> information(tasks, [0, 0, 0]).round(4).tolist()
    [0.3681, 0.5144, 0.5978]
    """
    asked = _one_sequence(model, covariates)
    found = np.empty(asked.size)
    prior = np.exp(model.log_prior)
    _refuse(model.responses**asked.size * model.tasks, "sequences", asked.size)
    for t in range(asked.size):
        length = t + 1
        sequences = np.indices((model.responses,) * length).reshape(length, -1).T
        told = model.log_likelihoods(np.broadcast_to(asked[:length], sequences.shape), sequences)
        found[t] = _split(prior, told.sum(axis=-2))[0]
    return found


def equivocation_bound(tasks: FiniteTasks, covariates: ArrayLike) -> Array:
    r"""Return a bound on the equivocation that falls exponentially where tasks can be told apart.

    .. math:: H(\pi) - I(z; S_T) = H(z | S_T) \le \sum_{z \ne z'} \sqrt{\pi(z) \pi(z')}
        \prod_{t \le T} \sum_r \sqrt{P_z(r | c_t) P_{z'}(r | c_t)}

    Parameters
    ----------
    tasks : FiniteTasks
        Prior and tables. A law of covariates is not looked at: they are taken as given.
    covariates : array_like of int, shape (T,)
        What is asked.

    Returns
    -------
    ndarray, shape (T,)
        In nats. The sum runs over ordered pairs.

    Raises
    ------
    IndexError, TypeError, ValueError
        For labels out of range, or another shape.

    Notes
    -----
    *Proof.* The equivocation is :math:`E[-\log P(z | S_T)]` with z drawn from the prior, and
    :math:`1/P(z|S) = 1 + \sum_{z' \ne z} \rho_{z'}` with
    :math:`\rho_{z'} = \pi(z')P(S|z')/(\pi(z)P(S|z))`. Since :math:`\log(1+x) \le \sqrt x` for x >= 0 (both
    are 0 at 0, and :math:`1/(2\sqrt x) \ge 1/(1+x)`) and a root of a sum is at most the sum of roots,

    .. math:: H(z|S_T) \le \sum_z \pi(z) \sum_{z' \ne z} E_z \sqrt{\rho_{z'}}
        = \sum_{z \ne z'} \sqrt{\pi(z)\pi(z')} \sum_S \sqrt{P(S|z) P(S|z')} ,

    and the last sum is a product over independent demonstrations.

    Examples
    --------
    >>> tasks = FiniteTasks([0.5, 0.5], [[[0.9, 0.1]], [[0.1, 0.9]]])
    >>> equivocation_bound(tasks, [0, 0, 0]).round(4).tolist()
    [0.6, 0.36, 0.216]
    """
    asked = _one_sequence(tasks, covariates)
    root = np.sqrt(tasks.likelihood)
    overlap = np.einsum("zcr,ycr->czy", root, root)
    weight = np.sqrt(np.outer(tasks.prior, tasks.prior))
    np.fill_diagonal(weight, 0.0)
    logs = np.cumsum(safe_log(np.minimum(overlap, 1.0))[asked], axis=0)
    return np.asarray((weight * np.exp(logs)).sum(axis=(1, 2)))


def _counts(tasks: FiniteTasks, asked: Integers) -> Iterator[tuple[Array, Array]]:
    """Yield, after each demonstration, log numbers of orders (K,) and log likelihoods of one (K, M)."""
    table = np.moveaxis(safe_log(tasks.likelihood), 0, -1)  # (C, R, M)
    asked_total = np.bincount(asked, minlength=tasks.covariates)
    steps = np.arange(tasks.responses)
    # a count vector is one integer; the last response's count follows from the others
    radix = np.cumprod([1.0, *np.repeat(asked_total + 1.0, tasks.responses - 1)])
    if radix[-1] >= 2.0**53:
        _refuse(LARGEST_ENUMERATION + 1, "counts", asked.size)
    place = np.zeros((tasks.covariates, tasks.responses), dtype=np.int64)
    place[:, :-1] = radix[:-1].astype(np.int64).reshape(tasks.covariates, -1)
    keys, orders = np.zeros(1, dtype=np.int64), np.zeros(1)
    likelihood = np.zeros((1, tasks.tasks))
    for length, c in enumerate(asked, start=1):
        _refuse(keys.size * tasks.responses * tasks.tasks, "counts", length)
        more = (keys[:, None] + place[c, steps]).ravel()
        order = np.argsort(more, kind="stable")
        first = np.flatnonzero(np.diff(more[order], prepend=-1))
        grown = (likelihood[:, None, :] + table[c]).reshape(more.size, -1)
        orders = np.logaddexp.reduceat(np.repeat(orders, tasks.responses)[order], first)
        keys, likelihood = more[order][first], grown[order[first]]
        yield orders, likelihood


def _split(prior: Array, logs: Array) -> tuple[float, float]:
    """Return information and equivocation from log P(s | z), shape (K, M), over all outcomes s."""
    kept = prior > 0.0
    believed, told = np.log(prior[kept]), logs[:, kept]
    joint = believed + told
    mass = np.exp(joint)
    total = log_sum(joint)
    possible = np.isfinite(joint)
    with np.errstate(invalid="ignore"):
        gain = np.where(possible, told - total[:, None], 0.0)
    others = log_sum_of_others(joint)
    # -log P(z | s) = log(1 + odds of the others), exact where z is all but certain
    with np.errstate(invalid="ignore"):
        odds = np.where(possible, others - joint, -np.inf)
    return float((mass * gain).sum()), float((mass * np.logaddexp(0.0, odds)).sum())


def _one_sequence(model: TaskModel, covariates: ArrayLike) -> Integers:
    asked = as_covariates(model, covariates)
    if asked.ndim != 1:
        raise ValueError(f"covariates has shape {asked.shape}: give one sequence, shape (T,)")
    return asked


def _refuse(size: int, what: str, length: int) -> None:
    if size > LARGEST_ENUMERATION:
        raise ValueError(
            f"covariates has at least {length} steps, so there are too many {what}: {size} with the "
            f"tasks, more than {LARGEST_ENUMERATION}; take fewer demonstrations or responses"
        )
