r"""The variational formula behind the regret bound.

.. math:: -\sum_t \log P(r_t | c_t, S_{t-1}) = \min_q \Big\{
    E_{z \sim q} \sum_t -\log P(r_t | c_t, S_{t-1}, z) + KL(q \| \pi) \Big\}
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import rel_entr

from tightbound.theory._validation import Array, as_laws
from tightbound.theory.in_context._tasks import TaskModel, as_sequences
from tightbound.theory.in_context.model_averaging import log_predictive


def variational_objective(
    model: TaskModel, covariates: ArrayLike, responses: ArrayLike, law: ArrayLike
) -> Array:
    r"""Return the right side of the formula: expected loss under q, plus how far q is from the prior.

    .. math:: E_{z \sim q} \sum_{t \le T} -\log P(r_t | c_t, S_{t-1}, z) + KL(q \| \pi)

    Parameters
    ----------
    model : FiniteTasks, HMMConcept
        Prior and likelihoods. A law of covariates is not looked at: they are taken as given.
    covariates, responses : array_like of int, shape (..., T)
        Demonstrations; T may be 0.
    law : array_like, shape (..., M)
        q, laws of the task; their leading axes broadcast against those of the sequences.

    Returns
    -------
    ndarray, shape (...)
        In nats; +inf where q has weight on a task that the prior or the sequence excludes.

    Raises
    ------
    IndexError, TypeError, ValueError
        For labels out of range, shapes that do not fit, or a q that is no law.

    Examples
    --------
    >>> from tightbound.theory.in_context.finite_tasks import FiniteTasks
    >>> tasks = FiniteTasks([0.5, 0.5], [[[0.9, 0.1]], [[0.1, 0.9]]])
    >>> float(variational_objective(tasks, [0, 0], [0, 0], [0.5, 0.5]).round(4))
    2.4079
    """
    c, r = as_sequences(model, covariates, responses)
    q = as_laws("law", law)
    try:
        fits = q.shape[-1] == model.tasks and np.broadcast_shapes(q.shape[:-1], c.shape[:-1]) is not None
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(
            f"law has shape {q.shape}: give laws of the {model.tasks} tasks whose leading axes broadcast "
            f"against {c.shape[:-1]}, e.g. one law, shape ({model.tasks},)"
        )
    total = model.log_likelihoods(c, r).sum(axis=-2)
    loss = np.where(q > 0.0, -total, 0.0)  # 0 times infinity is 0 here
    return np.asarray((q * loss).sum(axis=-1) + rel_entr(q, np.exp(model.log_prior)).sum(axis=-1))


def variational_gap(model: TaskModel, covariates: ArrayLike, responses: ArrayLike, law: ArrayLike) -> Array:
    r"""Return how much the right side of the formula exceeds the left.

    Parameters
    ----------
    model : FiniteTasks, HMMConcept
        Prior and likelihoods. Covariates have to come from outside, or to have one law for all tasks.
    covariates, responses, law
        As for `variational_objective`.

    Returns
    -------
    ndarray, shape (...)
        In nats. Never negative beyond rounding; 0 where q is the posterior.

    Raises
    ------
    InconsistentEvidenceError
        For a sequence that no task of positive prior probability can produce.
    IndexError, TypeError, ValueError
        As `variational_objective`, and for covariates whose law differs between tasks.

    Notes
    -----
    *Proof.* With :math:`L_z = \sum_t \log P(r_t|c_t,S_{t-1},z)` the posterior is
    :math:`\rho(z) = \pi(z)e^{L_z}/Z`, where :math:`\log Z = \sum_t \log P(r_t|c_t,S_{t-1})` by the chain
    rule. Then for every law q

    .. math:: E_q[-L_z] + KL(q\|\pi) = E_q\Big[\log\frac{q(z)}{\pi(z)e^{L_z}}\Big]
        = E_q\Big[\log\frac{q(z)}{\rho(z)}\Big] - \log Z = KL(q\|\rho) - \log Z ,

    so the gap is :math:`KL(q\|\rho) \ge 0`, with equality at :math:`q = \rho` alone. A law q that sits on one
    task z turns the formula into :math:`-\log Z \le -L_z + \log(1/\pi(z))`: this is the regret bound, and it
    is void for a prior without atoms, where no single z has positive probability.

    References
    ----------
    Zhang, Zhang, Yang, Wang, AISTATS 2025, arXiv:2305.19420, Appendix E.3 uses the formula. It is Donsker and
    Varadhan's, known as Gibbs' variational principle.

    Examples
    --------
    >>> from tightbound.theory.in_context.finite_tasks import FiniteTasks
    >>> from tightbound.theory.in_context.model_averaging import posterior
    >>> tasks = FiniteTasks([0.5, 0.5], [[[0.9, 0.1]], [[0.1, 0.9]]])
    >>> best = posterior(tasks, [0, 0], [0, 0])[-1]
    >>> [abs(float(variational_gap(tasks, [0, 0], [0, 0], q).round(4))) for q in (best, [1.0, 0.0])]
    [0.0, 0.0123]
    """
    c, r = as_sequences(model, covariates, responses)
    asked = model.log_covariates(np.arange(model.covariates))
    if np.any(asked != asked[:, :1]):
        raise ValueError(
            "model has covariates whose law differs between tasks, so the posterior also rests on them: "
            "leave covariate out, or give one law for all tasks"
        )
    return np.asarray(variational_objective(model, c, r, law) + log_predictive(model, c, r).sum(axis=-1))
