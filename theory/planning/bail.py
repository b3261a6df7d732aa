r"""Bayesian aggregated imitation learning (BAIL): what a language model trained on experts' subgoals says.

Trained on episodes of many environments, in which an expert who knew the environment labelled every history
with its subgoal, a language model that predicts labels perfectly says

.. math:: LLM(g | \text{past episodes}, \tau) = \sum_z w(z | \text{past episodes}, \tau) \, \pi^*_z(g | \tau).

Proof. Environment z, what was seen and label have the joint law P(z) b L_z(past) L_z(\tau) \pi^*_z(g | \tau),
with b the probability with which the recorded subgoals were chosen. They were chosen by histories only, so b
does not depend on z; conditioning on all but z and g and summing over z cancels it.

`bail` itself is the decoder that samples; `greedy` and `temper` are the others.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import as_floats
from tightbound.theory.planning._validation import Array, as_log_weights
from tightbound.theory.planning.expert import Expert, best
from tightbound.theory.planning.hmdp import HMDP
from tightbound.theory.planning.tree import HistoryTree, Policy, as_tree


def node_posterior(model_or_tree: HMDP | HistoryTree, log_weights: ArrayLike) -> list[Array]:
    r"""Law of the environment after every history of the episode under way.

    .. math:: w(z | \tau) \propto w(z) L_z(\tau)

    Parameters
    ----------
    model_or_tree : HMDP or HistoryTree
        The process.
    log_weights : array_like, shape (Z,)
        Logarithms of the weights at the start of the episode, up to a constant; -inf excludes.

    Returns
    -------
    list of H ndarray, shape (Z, N_h)
        Columns sum to one; a column of zeros belongs to a history that is impossible in every environment
        not excluded.

    Raises
    ------
    ValueError
        For log weights that are NaN, +inf or all -inf, or of another shape.

    Examples
    --------
    >>> stay, flip = np.eye(2), np.eye(2)[::-1]
    >>> transition = np.array([np.stack([stay, flip], 1), np.stack([flip, stay], 1)])
    >>> model = HMDP([1.0, 0.0], transition, np.eye(2), [[0.0, 0.0], [0.0, 1.0]])
    >>> [level.round(2).ravel().tolist() for level in node_posterior(model, np.log([0.25, 0.75]))]
    [[0.25, 0.75], [1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0]]
    """
    tree = as_tree(model_or_tree)
    start = as_log_weights(log_weights, tree.model.environments)[:, np.newaxis]
    laws = []
    for level in tree.levels:
        logs = start + level.log_likelihood
        top = logs.max(axis=0)
        weights = np.exp(logs - np.where(top > -np.inf, top, 0.0))
        laws.append(weights / np.maximum(weights.sum(axis=0), np.finfo(np.float64).tiny))
    return laws


def bail(model_or_tree: HMDP | HistoryTree, expert: Expert, log_weights: ArrayLike) -> Policy:
    r"""Experts' subgoals averaged over the posterior of the environment.

    .. math:: \pi(g | \tau) = \sum_z w(z | \tau) \pi^*_z(g | \tau)

    Parameters
    ----------
    model_or_tree : HMDP or HistoryTree
        The process.
    expert : Expert
        Its experts.
    log_weights : array_like, shape (Z,)
        Logarithms of the weights at the start of the episode, up to a constant; -inf excludes.

    Returns
    -------
    list of H-1 ndarray, shape (W, N_h, G)
        The tree policy. After a history that is impossible in every environment not excluded, where nothing
        can be imitated, it is uniform.

    Raises
    ------
    ValueError
        For log weights that are NaN, +inf or all -inf, or of another shape.

    References
    ----------
    He, Chen, Zhang, Yang, "From Words to Actions", ICML 2024, arXiv:2405.19883 (abstract).

    Examples
    --------
    >>> from tightbound.theory.planning.expert import expert
    >>> stay, flip = np.eye(2), np.eye(2)[::-1]
    >>> transition = np.array([np.stack([stay, flip], 1), np.stack([flip, stay], 1)])
    >>> model = HMDP([1.0, 0.0], transition, np.eye(2), [[0.0, 0.0], [0.0, 1.0]])
    >>> bail(model, expert(model), np.log([0.25, 0.75]))[0].round(12)
    array([[[0.75, 0.25]]])
    """
    tree = as_tree(model_or_tree)
    policy = []
    for weights, chosen in zip(node_posterior(tree, log_weights), expert.subgoal, strict=False):
        laws = np.stack(
            [np.einsum("zn,zwn->wn", weights, chosen == goal) for goal in range(tree.model.subgoals)], axis=-1
        )
        nothing = ~weights.any(axis=0)
        laws[:, nothing] = 1.0 / tree.model.subgoals
        policy.append(laws)
    return policy


def independent_bail(model_or_tree: HMDP | HistoryTree, expert: Expert, log_weights: ArrayLike) -> Policy:
    r"""Each actor prompted by itself: the product of the actors' marginals of `bail`.

    .. math:: \pi(g^1, \dots, g^K | \tau) = \prod_k \sum_z w(z | \tau) \pi^*_{z,k}(g^k | \tau)

    Parameters
    ----------
    model_or_tree, expert, log_weights
        As for `bail`.

    Returns
    -------
    list of H-1 ndarray, shape (W, N_h, G)
        The tree policy over joint subgoals; that of `bail` where the model has one actor.

    Raises
    ------
    ValueError
        As `bail`.

    Examples
    --------
    >>> from tightbound.theory.planning.expert import expert
    >>> joint = np.eye(2)[[[1, 0, 0, 0], [0, 0, 0, 1]]][:, np.newaxis]  # both 0, or both 1, win
    >>> transition = np.concatenate([joint, joint], axis=1)
    >>> model = HMDP([1.0, 0.0], transition, np.eye(2), [[0, 0], [0, 1]], actors=(2, 2))
    >>> independent_bail(model, expert(model), np.log([0.5, 0.5]))[0].round(12)
    array([[[0.25, 0.25, 0.25, 0.25]]])
    """
    tree = as_tree(model_or_tree)
    counts = tree.model.actors
    axes = range(2, 2 + len(counts))
    policy = []
    for laws in bail(tree, expert, log_weights):
        joint = laws.reshape(*laws.shape[:2], *counts)
        product = np.ones_like(joint)
        for own in axes:
            product = product * joint.sum(axis=tuple(axis for axis in axes if axis != own), keepdims=True)
        policy.append(product.reshape(laws.shape))
    return policy


def greedy(policy: Policy) -> Policy:
    """Decode the most likely subgoal, the lowest of several (within a relative 1e-12).

    Parameters
    ----------
    policy : list of ndarray, shape (..., G)
        A tree policy.

    Returns
    -------
    list of ndarray, shape (..., G)
        Rows with a single one.

    Examples
    --------
    >>> greedy([np.array([[[0.2, 0.4, 0.4]]])])
    [array([[[0., 1., 0.]]])]
    """
    return [np.eye(laws.shape[-1])[best(laws)] for laws in policy]


def temper(policy: Policy, temperature: float) -> Policy:
    r"""Decode at a temperature.

    .. math:: \pi_\theta(g) \propto \pi(g)^{1 / \theta}

    Parameters
    ----------
    policy : list of ndarray, shape (..., G)
        A tree policy.
    temperature : float
        Positive; 1 leaves the policy as it is.

    Returns
    -------
    list of ndarray, shape (..., G)
        The tempered tree policy.

    Raises
    ------
    ValueError
        For a temperature that is not positive.

    Examples
    --------
    >>> temper([np.array([[[0.25, 0.75]]])], 0.5)[0].round(12)
    array([[[0.1, 0.9]]])
    """
    heat = as_floats("temperature", temperature)
    if heat.ndim != 0 or heat <= 0.0:
        raise ValueError(
            f"temperature is {temperature!r}: it must be one positive number; for temperature 0 use greedy"
        )
    tempered = []
    for laws in policy:
        relative = (laws / laws.max(axis=-1, keepdims=True)) ** (1.0 / float(heat))
        tempered.append(relative / relative.sum(axis=-1, keepdims=True))
    return tempered
