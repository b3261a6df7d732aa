r"""Policies that plan as if the hidden state were about to be seen: bounds on the expert, not experts.

With Q the optimal action values of an agent that sees the state in environment z, and b the belief,

.. math:: \text{QMDP:} \quad \arg\max_g \sum_s b(s) Q_h(s, g), \qquad
    \text{most likely state:} \quad \arg\max_g Q_h(\arg\max_s b(s), g).

Neither ever acts to learn the state, so both earn at most what the expert earns; and an agent that sees the
state earns at least that.
"""

from __future__ import annotations

import numpy as np

from tightbound.theory.planning._validation import Array
from tightbound.theory.planning.expert import best
from tightbound.theory.planning.hmdp import HMDP
from tightbound.theory.planning.tree import HistoryTree, Policy, as_tree


def state_values(model: HMDP) -> tuple[Array, list[Array]]:
    r"""Optimal values of an agent that sees the hidden state.

    .. math:: Q_h(s, g) = \sum_{s'} P_{z,h}(s' | s, g)
        \Big[\sum_o O(o | s') r_{h+1}(o) + \max_{g'} Q_{h+1}(s', g')\Big]

    Parameters
    ----------
    model : HMDP
        The process.

    Returns
    -------
    value : ndarray, shape (Z, W)
        Expected reward of an episode, at least the expert's.
    action_value : list of H-1 ndarray, shape (Z, W, S, G)
        Expected reward still to come.

    Examples
    --------
    >>> stay, flip = np.eye(2), np.eye(2)[::-1]
    >>> blind = HMDP([0.5, 0.5], [np.stack([stay, flip], 1)], np.ones((2, 1)), [[0.0], [1.0]])
    >>> state_values(blind)[0]
    array([[1.]])
    """
    gain = np.einsum("so,how->hws", model.observation, model.reward)
    values = np.broadcast_to(gain[-1], (model.environments, *gain.shape[1:]))
    action_values: list[Array] = []
    for h in reversed(range(model.decisions)):
        action_values.append(np.einsum("zsgt,zwt->zwsg", model.transition[:, h], values))
        values = gain[h] + action_values[-1].max(axis=-1)
    return np.asarray(values @ model.initial), action_values[::-1]


def qmdp(model_or_tree: HMDP | HistoryTree) -> list[Policy]:
    """QMDP policy of every environment, ties to the lowest subgoal.

    Parameters
    ----------
    model_or_tree : HMDP or HistoryTree
        The process.

    Returns
    -------
    list of Z tree policies
        Each a list of H-1 ndarray, shape (W, N_h, G).

    References
    ----------
    Littman, Cassandra, Kaelbling, "Learning policies for partially observable environments", ICML 1995.

    Examples
    --------
    >>> stay, flip = np.eye(2), np.eye(2)[::-1]
    >>> transition = np.array([np.stack([stay, flip], 1), np.stack([flip, stay], 1)])
    >>> model = HMDP([1.0, 0.0], transition, np.eye(2), [[0.0, 0.0], [0.0, 1.0]])
    >>> [policy[0].ravel().tolist() for policy in qmdp(model)]
    [[0.0, 1.0], [1.0, 0.0]]
    """
    tree = as_tree(model_or_tree)
    return _decide(tree, _weights(tree))


def most_likely_state(model_or_tree: HMDP | HistoryTree) -> list[Policy]:
    """Policy of every environment that is best for the likeliest state, ties to the lowest.

    Parameters
    ----------
    model_or_tree : HMDP or HistoryTree
        The process.

    Returns
    -------
    list of Z tree policies
        Each a list of H-1 ndarray, shape (W, N_h, G).

    Examples
    --------
    >>> stay, flip = np.eye(2), np.eye(2)[::-1]
    >>> transition = np.array([np.stack([stay, flip], 1), np.stack([flip, stay], 1)])
    >>> model = HMDP([1.0, 0.0], transition, np.eye(2), [[0.0, 0.0], [0.0, 1.0]])
    >>> [policy[0].ravel().tolist() for policy in most_likely_state(model)]
    [[0.0, 1.0], [1.0, 0.0]]
    """
    tree = as_tree(model_or_tree)
    return _decide(tree, [np.eye(tree.model.states)[best(alpha)] for alpha in _weights(tree)])


def _decide(tree: HistoryTree, beliefs: list[Array]) -> list[Policy]:
    _, action_values = state_values(tree.model)
    chosen = [
        best(np.einsum("zns,zwsg->zwng", belief, values))
        for belief, values in zip(beliefs, action_values, strict=True)
    ]
    rows = np.eye(tree.model.subgoals)
    return [[rows[one[z]] for one in chosen] for z in range(tree.model.environments)]


def _weights(tree: HistoryTree) -> list[Array]:
    """Weight of the state after each history, shape (Z, N_h, S); zero where the history cannot occur."""
    model = tree.model
    alpha = (model.initial[:, np.newaxis] * model.observation).T[tree.levels[0].observation]
    weights = [np.broadcast_to(alpha, (model.environments, *alpha.shape))]
    for h, level in enumerate(tree.levels[1:-1]):
        kernel = model.transition[:, h, :, level.subgoal].swapaxes(0, 1)  # (Z, N, S, S)
        moved = np.einsum("zns,znst->znt", weights[-1][:, level.parent], kernel)
        weights.append(moved * model.observation.T[level.observation])
    return weights
