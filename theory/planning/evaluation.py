r"""What a policy earns and what it reveals, in every environment at once.

.. math:: J_z(\pi) = E_{z, \pi} \sum_h r_h(o_h), \qquad
    D_H^2(P_z^\pi, P_{z'}^\pi) = 1 - \sum_\tau \sqrt{P_z^\pi(\tau) P_{z'}^\pi(\tau)}
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory.planning._validation import Array
from tightbound.theory.planning.errors import NotDistinguishableError
from tightbound.theory.planning.hmdp import HMDP
from tightbound.theory.planning.tree import HistoryTree, Policy, as_policy, as_tree

# Equal laws computed along different paths differ by rounding, which enters squared.
_EQUAL = 1e-24


def evaluate(model_or_tree: HMDP | HistoryTree, policy: ArrayLike | Policy) -> Array:
    """Return the expected reward of an episode, as the reporter really reports.

    Parameters
    ----------
    model_or_tree : HMDP or HistoryTree
        The process.
    policy : list of H-1 array_like (W, N_h, G), or array_like (G,)
        Laws of the subgoal after each history, or one law for all of them.

    Returns
    -------
    ndarray, shape (Z, W)
        Value in every environment for every task, the first observation's reward included.

    Raises
    ------
    ValueError
        For a policy of another shape or with rows that are no laws.

    Examples
    --------
    >>> stay, flip = np.eye(2), np.eye(2)[::-1]
    >>> transition = np.array([np.stack([stay, flip], 1), np.stack([flip, stay], 1)])
    >>> model = HMDP([1.0, 0.0], transition, np.eye(2), [[0.0, 0.0], [0.0, 1.0]])
    >>> evaluate(model, [0.25, 0.75])
    array([[0.75],
           [0.25]])
    """
    tree = as_tree(model_or_tree)
    laws = as_policy(tree, policy)
    values = _earned(tree, tree.model.decisions)
    for h in reversed(range(tree.model.decisions)):
        values = _earned(tree, h) + (tree.sum_children(h, values) * laws[h]).sum(axis=-1)
    return np.asarray(values.sum(axis=-1))


def path_law(model_or_tree: HMDP | HistoryTree, policy: ArrayLike | Policy) -> Array:
    r"""Probability of the decisions of each whole episode, given its observations.

    .. math:: \prod_h \pi(g_h | o_1, g_1, \dots, o_h)

    Parameters
    ----------
    model_or_tree : HMDP or HistoryTree
        The process.
    policy : list of H-1 array_like (W, N_h, G), or array_like (G,)
        The policy.

    Returns
    -------
    ndarray, shape (W, leaves)
        The factor of the law of episodes that is the same in every environment.

    Raises
    ------
    ValueError
        For a policy of another shape or with rows that are no laws.

    Examples
    --------
    >>> stay, flip = np.eye(2), np.eye(2)[::-1]
    >>> transition = np.array([np.stack([stay, flip], 1), np.stack([flip, stay], 1)])
    >>> model = HMDP([1.0, 0.0], transition, np.eye(2), [[0.0, 0.0], [0.0, 1.0]])
    >>> path_law(model, [0.25, 0.75]).round(2).ravel().tolist()
    [0.25, 0.25, 0.75, 0.75]
    """
    tree = as_tree(model_or_tree)
    law = np.ones((tree.model.tasks, tree.levels[0].size))
    for h, rows in enumerate(as_policy(tree, policy)):
        law = tree.descend(h, law[..., np.newaxis] * rows)
    return law


def leaf_law(model_or_tree: HMDP | HistoryTree, policy: ArrayLike | Policy) -> Array:
    r"""Law of whole episodes, as the reporter really reports.

    Parameters
    ----------
    model_or_tree : HMDP or HistoryTree
        The process.
    policy : list of H-1 array_like (W, N_h, G), or array_like (G,)
        The policy.

    Returns
    -------
    ndarray, shape (Z, W, leaves)
        Rows (last axis) sum to one.

    Raises
    ------
    ValueError
        For a policy of another shape or with rows that are no laws.

    Examples
    --------
    >>> stay, flip = np.eye(2), np.eye(2)[::-1]
    >>> transition = np.array([np.stack([stay, flip], 1), np.stack([flip, stay], 1)])
    >>> model = HMDP([1.0, 0.0], transition, np.eye(2), [[0.0, 0.0], [0.0, 1.0]])
    >>> leaf_law(model, [0.25, 0.75]).shape, float(leaf_law(model, [0.25, 0.75])[0].sum())
    ((2, 1, 4), 1.0)
    """
    tree = as_tree(model_or_tree)
    return np.asarray(tree.levels[-1].emitted[:, np.newaxis, :] * path_law(tree, policy))


def hellinger(model_or_tree: HMDP | HistoryTree, policy: ArrayLike | Policy) -> Array:
    r"""Squared Hellinger distances between the environments' laws of an episode.

    .. math:: D_H^2(P, Q) = 1 - \sum_\tau \sqrt{P(\tau) Q(\tau)}
        = \tfrac12 \sum_\tau (\sqrt{P(\tau)} - \sqrt{Q(\tau)})^2 \in [0, 1]

    computed in the second form, which keeps its accuracy near zero.

    Parameters
    ----------
    model_or_tree : HMDP or HistoryTree
        The process.
    policy : list of H-1 array_like (W, N_h, G), or array_like (G,)
        The policy that produces the episodes.

    Returns
    -------
    ndarray, shape (Z, Z)
        The smallest over tasks, with the reporter that planners assume. Zero on the diagonal and wherever
        two laws agree up to rounding.

    Raises
    ------
    ValueError
        For a policy of another shape or with rows that are no laws.

    Examples
    --------
    >>> transition = np.array([[[[0.5, 0.5]]], [[[1.0, 0.0]]]]).repeat(2, axis=1)
    >>> model = HMDP([1.0, 0.0], transition, np.eye(2), np.zeros((2, 2)))
    >>> hellinger(model, [1.0]).round(6)
    array([[0.      , 0.292893],
           [0.292893, 0.      ]])
    """
    tree = as_tree(model_or_tree)
    root = np.sqrt(tree.levels[-1].likelihood)
    paths = path_law(tree, policy)
    distance = np.stack([0.5 * ((root - one) ** 2 @ paths.T).min(axis=-1) for one in root])
    return np.where(distance < _EQUAL, 0.0, np.minimum(distance, 1.0))


def distinguishability(
    model_or_tree: HMDP | HistoryTree, policy: ArrayLike | Policy, *, required: bool = False
) -> float:
    r"""How well the policy tells the environments apart: eta, the smallest squared Hellinger distance.

    .. math:: \eta = \min_{z \neq z'} D_H^2(P_z^\pi, P_{z'}^\pi)

    Parameters
    ----------
    model_or_tree : HMDP or HistoryTree
        The process.
    policy : list of H-1 array_like (W, N_h, G), or array_like (G,)
        The policy that explores.
    required : bool
        Whether zero is an error.

    Returns
    -------
    float
        In [0, 1]; 1 for a single environment, which needs no telling apart.

    Raises
    ------
    NotDistinguishableError
        If ``required`` and two environments produce the same law of episodes.
    ValueError
        For a policy of another shape or with rows that are no laws.

    Examples
    --------
    >>> transition = np.array([[[[0.5, 0.5]]], [[[1.0, 0.0]]]]).repeat(2, axis=1)
    >>> model = HMDP([1.0, 0.0], transition, np.eye(2), np.zeros((2, 2)))
    >>> round(distinguishability(model, [1.0]), 6)
    0.292893
    """
    distance = hellinger(model_or_tree, policy)
    first, second = np.triu_indices(len(distance), 1)
    pairs = distance[first, second]
    if required and np.any(pairs == 0.0):
        same = pairs == 0.0
        raise NotDistinguishableError(list(zip(first[same], second[same], strict=True)))
    return float(pairs.min(initial=1.0))


def _earned(tree: HistoryTree, level: int) -> Array:
    """Reward of the last observation times the probability of the history, shape (Z, W, N)."""
    return tree.levels[level].emitted[:, np.newaxis, :] * tree.reward(level)
