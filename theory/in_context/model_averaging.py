r"""Bayesian model averaging over finitely many tasks, in log space.

.. math:: P(r_{t+1} \mid c_{t+1}, S_t) = \sum_z P(r_{t+1} \mid c_{t+1}, S_t, z) P(z \mid S_t, c_{t+1}),
    \qquad S_t = (c_1, r_1, \dots, c_t, r_t)

which is what a perfect model of the sequences predicts. Where the law of covariates is the same in all tasks,
or where they come from outside, :math:`P(z|S_t, c_{t+1}) = P(z|S_t)`, and this is (4.2) of the paper; see
`predictive_before_query` for the other case.

Every function takes a model with ``log_prior``, ``log_likelihoods`` and ``log_covariates`` (`FiniteTasks`,
`HMMConcept`) and sequences of any leading shape. The recursion keeps normalised log weights w and never
leaves log space:

.. math:: \log P(r_t | c_t, S_{t-1}) = \log\sum_z e^{w_z + \ell_z} - \log\sum_z e^{w_z}, \qquad
    w \leftarrow w + \ell - \log\sum_z e^{w_z + \ell_z}
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._log_space import log_sum
from tightbound.theory._validation import Array, Integers, as_indices
from tightbound.theory.in_context._tasks import TaskModel, as_sequences
from tightbound.theory.in_context.errors import InconsistentEvidenceError


def log_posterior(model: TaskModel, covariates: ArrayLike, responses: ArrayLike) -> Array:
    r"""Return the logarithm of the posterior of the task after each demonstration.

    Parameters
    ----------
    model : FiniteTasks, HMMConcept
        Prior and likelihoods.
    covariates, responses : array_like of int, shape (..., T)
        Demonstrations; T may be 0.

    Returns
    -------
    ndarray, shape (..., T+1, M)
        :math:`\log P(z | S_t)`, t = 0, ..., T, in nats; entry 0 is the prior. An excluded task has
        -inf. Logarithms stay exact where the weights are below the smallest double.

    Raises
    ------
    InconsistentEvidenceError
        For a sequence that no task of positive prior probability can produce.
    IndexError, TypeError, ValueError
        For labels out of range, or shapes that differ.

    References
    ----------
    Zhang, Zhang, Yang, Wang, AISTATS 2025, arXiv:2305.19420, Proposition 4.1.

    Examples
    --------
    >>> from tightbound.theory.in_context.finite_tasks import FiniteTasks
    >>> tasks = FiniteTasks([0.5, 0.5], [[[0.9, 0.1]], [[0.1, 0.9]]])
    >>> float(log_posterior(tasks, [0] * 1000, [0] * 1000)[-1, 1].round(6))
    -2197.224577
    """
    c, r = as_sequences(model, covariates, responses)
    found = np.empty((*c.shape[:-1], c.shape[-1] + 1, model.tasks))
    found[..., 0, :] = _start(model, c)
    for t, (weight, _) in enumerate(_recursion(model, c, r)):
        found[..., t + 1, :] = weight
    return found


def posterior(model: TaskModel, covariates: ArrayLike, responses: ArrayLike) -> Array:
    """Return the posterior of the task after each demonstration: the exponential of `log_posterior`.

    Examples
    --------
    >>> from tightbound.theory.in_context.finite_tasks import FiniteTasks
    >>> tasks = FiniteTasks([0.5, 0.5], [[[0.9, 0.1]], [[0.1, 0.9]]])
    >>> posterior(tasks, [0, 0], [0, 1]).round(3).tolist()
    [[0.5, 0.5], [0.9, 0.1], [0.5, 0.5]]
    """
    return np.asarray(np.exp(log_posterior(model, covariates, responses)))


def log_predictive(model: TaskModel, covariates: ArrayLike, responses: ArrayLike) -> Array:
    r"""Return :math:`\log P(r_t | c_t, S_{t-1})` of Bayesian model averaging.

    Parameters
    ----------
    model : FiniteTasks, HMMConcept
        Prior and likelihoods.
    covariates, responses : array_like of int, shape (..., T)
        Demonstrations; T may be 0.

    Returns
    -------
    ndarray, shape (..., T)
        In nats. For covariates from outside its sum over t is the log evidence of the responses.

    Raises
    ------
    InconsistentEvidenceError
        For a sequence that no task of positive prior probability can produce.
    IndexError, TypeError, ValueError
        For labels out of range, or shapes that differ.

    Examples
    --------
    >>> from tightbound.theory.in_context.finite_tasks import FiniteTasks
    >>> tasks = FiniteTasks([0.5, 0.5], [[[0.9, 0.1]], [[0.1, 0.9]]])
    >>> np.exp(log_predictive(tasks, [0, 0], [0, 0])).round(3).tolist()
    [0.5, 0.82]
    """
    c, r = as_sequences(model, covariates, responses)
    found = np.empty(c.shape)
    for t, (_, predicted) in enumerate(_recursion(model, c, r)):
        found[..., t] = predicted
    return found


def log_covariate_predictive(model: TaskModel, covariates: ArrayLike, responses: ArrayLike) -> Array:
    r"""Return :math:`\log P(c_t | S_{t-1})`, how expected each covariate was.

    Parameters
    ----------
    model : FiniteTasks, HMMConcept
        Prior and likelihoods.
    covariates, responses : array_like of int, shape (..., T)
        Demonstrations; T may be 0.

    Returns
    -------
    ndarray, shape (..., T)
        In nats; zeros where covariates come from outside.

    Raises
    ------
    InconsistentEvidenceError
        For a sequence that no task of positive prior probability can produce.
    IndexError, TypeError, ValueError
        For labels out of range, or shapes that differ.

    Examples
    --------
    >>> from tightbound.theory.in_context.finite_tasks import FiniteTasks
    >>> same = [[1.0], [1.0]], [[1.0], [1.0]]
    >>> tasks = FiniteTasks([0.5, 0.5], same, covariate=[[0.9, 0.1], [0.1, 0.9]])
    >>> np.exp(log_covariate_predictive(tasks, [0, 0], [0, 0])).round(3).tolist()
    [0.5, 0.82]
    """
    asked = model.log_covariates(covariates)
    weights = log_posterior(model, covariates, responses)[..., :-1, :]
    return log_sum(weights + asked) if asked.any() else np.zeros(asked.shape[:-1])


def predictive(model: TaskModel, covariates: ArrayLike, responses: ArrayLike, covariate: ArrayLike) -> Array:
    """Return the law of the next response.

    Parameters
    ----------
    model : FiniteTasks, HMMConcept
        Prior and likelihoods.
    covariates, responses : array_like of int, shape (..., T)
        Demonstrations; T may be 0.
    covariate : array_like of int, shape () or (...)
        The query, one for all sequences or one for each.

    Returns
    -------
    ndarray, shape (..., R)
        Rows sum to one.

    Raises
    ------
    InconsistentEvidenceError
        For demonstrations or a query that no task of positive prior probability can produce.
    IndexError, TypeError, ValueError
        For labels out of range, or shapes that differ.

    Examples
    --------
    >>> from tightbound.theory.in_context.finite_tasks import FiniteTasks
    >>> tasks = FiniteTasks([0.5, 0.5], [[[0.9, 0.1]], [[0.1, 0.9]]])
    >>> predictive(tasks, [0], [0], 0).round(3).tolist()
    [0.82, 0.18]
    """
    weights, query, laws = _asked(model, covariates, responses, covariate)
    given = weights + model.log_covariates(query[..., None])[..., 0, :]
    total = log_sum(given)
    _refuse(total, "covariate", query, np.shape(covariates)[-1])
    return np.asarray(np.exp(log_sum(given[..., None, :] + laws) - total[..., None]))


def predictive_before_query(
    model: TaskModel, covariates: ArrayLike, responses: ArrayLike, covariate: ArrayLike
) -> Array:
    r"""Return the average of the tasks' laws by the posterior that has not seen the query.

    .. math:: \sum_z P(r \mid c_{t+1}, S_t, z) P(z \mid S_t)

    This is (4.2) of the paper. It equals `predictive` where :math:`c_{t+1}` is independent of z given
    :math:`S_t`, and is not what a perfect model predicts where the query itself tells about the task.

    Parameters
    ----------
    model, covariates, responses, covariate
        As for `predictive`.

    Returns
    -------
    ndarray, shape (..., R)
        Rows sum to one.

    Raises
    ------
    InconsistentEvidenceError, IndexError, TypeError, ValueError
        As for `predictive`.

    References
    ----------
    Zhang, Zhang, Yang, Wang, AISTATS 2025, arXiv:2305.19420, Proposition 4.1, (4.2).

    Examples
    --------
    >>> from tightbound.theory.in_context.finite_tasks import FiniteTasks
    >>> same = [[1.0, 0.0], [1.0, 0.0]], [[0.0, 1.0], [0.0, 1.0]]
    >>> tasks = FiniteTasks([0.5, 0.5], same, covariate=[[0.9, 0.1], [0.1, 0.9]])
    >>> [f(tasks, [], [], 0).round(3).tolist() for f in (predictive, predictive_before_query)]
    [[0.9, 0.1], [0.5, 0.5]]
    """
    weights, _, laws = _asked(model, covariates, responses, covariate)
    return np.asarray(np.exp(log_sum(weights[..., None, :] + laws)))


def _asked(
    model: TaskModel, covariates: ArrayLike, responses: ArrayLike, covariate: ArrayLike
) -> tuple[Array, Integers, Array]:
    """Return final log weights (..., M), the query (...), and log laws of the next response (..., R, M)."""
    c, r = as_sequences(model, covariates, responses)
    asked = as_indices("covariate", covariate, model.covariates)
    if asked.shape not in ((), c.shape[:-1]):
        raise ValueError(
            f"covariate has shape {asked.shape}: give one query, or one for each sequence, shape "
            f"{c.shape[:-1]}"
        )
    query = np.broadcast_to(asked, c.shape[:-1])
    shape = (model.responses, *c.shape[:-1], c.shape[-1] + 1)
    longer, answered = np.empty(shape, dtype=np.int64), np.empty(shape, dtype=np.int64)
    longer[..., :-1], longer[..., -1] = c, query
    answered[..., :-1] = r
    answered[..., -1] = np.arange(model.responses).reshape(-1, *[1] * query.ndim)
    laws = model.log_likelihoods(longer, answered)[..., -1, :]
    return log_posterior(model, c, r)[..., -1, :], query, np.moveaxis(laws, 0, -2)


def _recursion(model: TaskModel, c: Integers, r: Integers) -> Iterator[tuple[Array, Array]]:
    """Yield, step by step, log weights (..., M) and the log predictive probability (...) that led to them."""
    told, asked = model.log_likelihoods(c, r), model.log_covariates(np.arange(model.covariates))
    informative = bool(asked.any())
    weight = _start(model, c)
    for t in range(c.shape[-1]):
        before: Array | float = 0.0  # weights are normalised
        if informative:
            weight = weight + asked[c[..., t]]
            before = log_sum(weight)
            _refuse(before, "covariate", c[..., t], t)
        joint = weight + told[..., t, :]
        total = log_sum(joint)
        _refuse(total, "response", r[..., t], t)
        weight = joint - total[..., None]
        yield weight, total - before


def _start(model: TaskModel, c: Integers) -> Array:
    prior = model.log_prior
    return np.broadcast_to(prior - log_sum(prior), (*c.shape[:-1], model.tasks))


def _refuse(total: Array, what: str, labels: Integers, step: int) -> None:
    """Raise where no task is left; ``labels`` (...) is what was observed at ``step``."""
    if np.all(total > -np.inf):
        return
    at = tuple(int(i) for i in np.argwhere(total == -np.inf)[0])
    name = at if len(at) > 1 else sum(at)
    raise InconsistentEvidenceError(
        f"{what} {labels[at]} at step {step} of sequence {name} has probability 0 under every task that "
        "explains what came before: check the sequence, or give the tasks positive probabilities"
    )
