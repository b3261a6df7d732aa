"""The answer of the Bayesian average over tasks, exactly, and the posterior behind it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._log_space import log_sum
from tightbound.theory._validation import Array, as_indices
from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain
from tightbound.theory.in_context.errors import InconsistentEvidenceError


def normalised(log_weights: Array) -> Array:
    """Return log weights that sum to one along the last axis.

    Raises
    ------
    InconsistentEvidenceError
        Where all weights of a row are zero.
    """
    total = log_sum(log_weights)[..., None]
    if not np.all(total > -np.inf):
        raise InconsistentEvidenceError(
            "the prompt has probability 0 under every task of positive prior probability: check the prompt, "
            "or give the tasks positive entries"
        )
    return np.asarray(log_weights - total)


def log_posterior(chain: DiscreteChain, demonstrations: ArrayLike, query: ArrayLike | None = None) -> Array:
    r"""Return the logarithm of the posterior of the task given a prompt.

    .. math:: \pi_n(\theta) \propto \pi(\theta) \prod_{i=1}^n p_\theta(s^i) \, [f_\theta(z_0)]

    The last factor enters where the query of the test is given: it tells something where its law depends on
    the task.

    Parameters
    ----------
    chain : DiscreteChain
        Tasks and prior.
    demonstrations : array_like of int, shape (..., n, H+1)
        Independent trajectories of one task; n may be 0.
    query : array_like of int, shape (...), optional
        z_0 of the test.

    Returns
    -------
    ndarray, shape (..., M)
        Log weights that sum to one; -inf for tasks excluded by the prior or the prompt.

    Raises
    ------
    InconsistentEvidenceError
        For a prompt that no task of positive prior probability can produce.
    TypeError, ValueError, IndexError
        For entries that are no states, or shapes that do not fit together.

    Examples
    --------
    >>> chain = DiscreteChain([0.5, 0.5], [[[[0.9, 0.1], [0.1, 0.9]]], [[[0.5, 0.5], [0.5, 0.5]]]])
    >>> np.exp(log_posterior(chain, [[0, 0], [1, 1]])).round(3).tolist()
    [0.764, 0.236]
    """
    seen = np.asarray(demonstrations)
    if seen.ndim < 2:
        raise ValueError(
            f"demonstrations has shape {seen.shape}: give (..., n, {chain.steps + 1}), one trajectory per row"
        )
    weights = chain.log_prior + chain.log_likelihood(seen).sum(axis=-2)
    if query is not None:
        weights = weights + chain.log_query.T[as_indices("query", query, chain.states)]
    return normalised(weights)


def answer_law(chain: DiscreteChain, log_weights: ArrayLike, query: ArrayLike) -> Array:
    r"""Return the law of the answer, averaged over tasks.

    .. math:: P(y | S, z_0) = \sum_\theta \pi(\theta | S, z_0) (K_{\theta, 1} \cdots K_{\theta, H})[z_0, y]

    This is what generating z_1, ..., z_H step by step from the averaged step laws gives, summed over the
    steps in between, by the chain rule; here it costs H - 1 matrix products per task instead of m^H paths.

    Parameters
    ----------
    chain : DiscreteChain
        The tasks; their prior is not read.
    log_weights : array_like, shape (..., M)
        Logarithm of the posterior given the prompt *and the query*, as ``log_posterior(..., query)`` returns.
    query : array_like of int, shape (...)
        z_0 of the test; broadcast against the weights.

    Returns
    -------
    ndarray, shape (..., m)
        Probability of each answer.

    Raises
    ------
    TypeError, ValueError, IndexError
        For a query that is no state, weights that do not sum to one, or shapes that do not fit.

    References
    ----------
    Hu, Zhang, Chen, Yang, arXiv:2408.14511, abstract: chain-of-thought prompting is equivalent to a Bayesian
    estimator.

    Examples
    --------
    >>> chain = DiscreteChain([0.5, 0.5], [[[[0.9, 0.1], [0.1, 0.9]]], [[[0.5, 0.5], [0.5, 0.5]]]])
    >>> answer_law(chain, chain.log_prior, 0).tolist()
    [0.7, 0.3]
    """
    weights = np.asarray(log_weights, dtype=np.float64)
    if weights.ndim == 0 or weights.shape[-1] != chain.tasks:
        raise ValueError(
            f"log_weights has shape {weights.shape}: its last axis must hold {chain.tasks} tasks"
        )
    total = log_sum(weights)
    if not np.all(np.abs(total) <= 1e-9):
        raise ValueError(
            "log_weights holds a row that does not sum to one (or holds NaN): give what log_posterior returns"
        )
    asked = as_indices("query", query, chain.states)
    rows = chain.answer_table()[:, asked]
    return np.asarray(np.einsum("...k,k...y->...y", np.exp(weights), rows))
