r"""Planning in the world model that a language model amounts to when it predicts observations.

A language model that predicts the next observation perfectly says

.. math:: \hat P(o | \tau, g) = \sum_z w(z | \tau) P_z(o | \tau, g).

By the chain rule the product over an episode is the mixture of whole episodes, \sum_z w(z) L_z(\tau): one
factor is \sum_z w(z) L_z(\tau, g, o) / \sum_z w(z) L_z(\tau), and the product telescopes. So the value
predicted for a policy is \hat J(\pi) = \sum_z w(z) J_z(\pi), and dynamic programming finds the best policy.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory.planning._validation import Array, as_log_weights
from tightbound.theory.planning.bail import node_posterior
from tightbound.theory.planning.expert import best
from tightbound.theory.planning.filtering import normalised
from tightbound.theory.planning.hmdp import HMDP
from tightbound.theory.planning.tree import HistoryTree, Policy, as_policy, as_tree


def predictive(model_or_tree: HMDP | HistoryTree, log_weights: ArrayLike) -> list[Array]:
    r"""Law of the next observation, averaged over the posterior of the environment.

    .. math:: \hat P(o | \tau, g) = \sum_z w(z | \tau) P_z(o | \tau, g)

    Parameters
    ----------
    model_or_tree : HMDP or HistoryTree
        The process.
    log_weights : array_like, shape (Z,)
        Logarithms of the weights at the start of the episode, up to a constant; -inf excludes.

    Returns
    -------
    list of H-1 ndarray, shape (N_h, G, O)
        Rows sum to one; a row of zeros belongs to a history that is impossible in every environment not
        excluded.

    Raises
    ------
    ValueError
        For log weights that are NaN, +inf or all -inf, or of another shape.

    Examples
    --------
    >>> stay, flip = np.eye(2), np.eye(2)[::-1]
    >>> transition = np.stack([stay, flip])[:, :, np.newaxis]
    >>> model = HMDP([1.0, 0.0], transition, np.eye(2), [[0.0, 0.0], [0.0, 1.0]])
    >>> predictive(model, np.log([0.25, 0.75]))[0].round(12)
    array([[[0.25, 0.75]]])
    """
    tree = as_tree(model_or_tree)
    return [
        np.einsum("zn,zngo->ngo", weights, level.predicted)
        for weights, level in zip(node_posterior(tree, log_weights), tree.levels[:-1], strict=False)
    ]


def predicted_value(
    model_or_tree: HMDP | HistoryTree, log_weights: ArrayLike, policy: ArrayLike | Policy
) -> Array:
    """Value of a policy as the world model predicts it, step by step.

    Parameters
    ----------
    model_or_tree : HMDP or HistoryTree
        The process.
    log_weights : array_like, shape (Z,)
        Logarithms of the weights at the start of the episode, up to a constant; -inf excludes.
    policy : list of H-1 array_like (W, N_h, G), or array_like (G,)
        The policy.

    Returns
    -------
    ndarray, shape (W,)
        Expected reward of an episode for each task.

    Raises
    ------
    ValueError
        For log weights or a policy that are none.

    Examples
    --------
    >>> stay, flip = np.eye(2), np.eye(2)[::-1]
    >>> transition = np.array([np.stack([stay, flip], 1), np.stack([flip, stay], 1)])
    >>> model = HMDP([1.0, 0.0], transition, np.eye(2), [[0.0, 0.0], [0.0, 1.0]])
    >>> predicted_value(model, np.log([0.25, 0.75]), [0.0, 1.0]).round(12).tolist()
    [0.25]
    """
    tree = as_tree(model_or_tree)
    value, _ = _backward(tree, log_weights, as_policy(tree, policy))
    return value


def world_model(model_or_tree: HMDP | HistoryTree, log_weights: ArrayLike) -> Policy:
    r"""Best policy in the predicted world.

    .. math:: \pi \in \arg\max_\pi \hat J(\pi) = \arg\max_\pi \sum_z w(z) J_z(\pi)

    Parameters
    ----------
    model_or_tree : HMDP or HistoryTree
        The process.
    log_weights : array_like, shape (Z,)
        Logarithms of the weights at the start of the episode, up to a constant; -inf excludes.

    Returns
    -------
    list of H-1 ndarray, shape (W, N_h, G)
        The tree policy, rows with a single one; the lowest of several best subgoals (within a relative
        1e-12), and subgoal 0 after a history that the world model holds to be impossible.

    Raises
    ------
    ValueError
        For log weights that are NaN, +inf or all -inf, or of another shape.

    References
    ----------
    He, Chen, Zhang, Yang, "From Words to Actions", ICML 2024, arXiv:2405.19883 (abstract).

    Examples
    --------
    >>> stay, flip = np.eye(2), np.eye(2)[::-1]
    >>> transition = np.array([np.stack([stay, flip], 1), np.stack([flip, stay], 1)])
    >>> model = HMDP([1.0, 0.0], transition, np.eye(2), [[0.0, 0.0], [0.0, 1.0]])
    >>> world_model(model, np.log([0.25, 0.75]))
    [array([[[1., 0.]]])]
    """
    _, policy = _backward(as_tree(model_or_tree), log_weights, None)
    return policy


def _backward(tree: HistoryTree, log_weights: ArrayLike, policy: Policy | None) -> tuple[Array, Policy]:
    """Value and policy in the predicted world; the best policy where none is given."""
    model = tree.model
    laws = predictive(tree, log_weights)
    followed: Policy = []
    values = tree.reward(model.decisions)
    for h in reversed(range(model.decisions)):
        below = tree.levels[h + 1]
        chance = laws[h][below.parent, below.subgoal, below.observation]
        ahead = tree.sum_children(h, chance * values)
        rows = np.eye(model.subgoals)[best(ahead)] if policy is None else policy[h]
        followed.append(rows)
        values = tree.reward(h) + (rows * ahead).sum(axis=-1)
    weights = normalised(as_log_weights(log_weights, model.environments))
    return values @ (weights @ tree.levels[0].likelihood), followed[::-1]
