r"""The expert: the best policy for each known environment, by dynamic programming over histories.

With L the likelihood of a history under the reporter that planners assume,

.. math:: V_H = L_z r_H, \qquad N_h(\tau, g) = \sum_o V_{h+1}(\tau, g, o), \qquad
    V_h = L_z r_h + \max_g N_h(\tau, g)

carries values times likelihoods, so histories that cannot occur count as 0 and nothing is divided by it.
The subgoal depends on the history, not on the hidden state: no policy of histories does better.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tightbound.theory.planning._validation import Array, Integers, as_integer
from tightbound.theory.planning.hmdp import HMDP
from tightbound.theory.planning.tree import HistoryTree, Policy, as_tree

TIE_TOLERANCE = 1e-12


@dataclass(frozen=True, eq=False)
class Expert:
    """Subgoals of the experts of all environments, and what they earn.

    Parameters
    ----------
    subgoal : tuple of H-1 ndarray of int, shape (Z, W, N_h)
        The expert's subgoal after each history.
    value : ndarray, shape (Z, W)
        Expected reward of an episode, the first observation's included, as the reporter really reports.
    action_value : tuple of H-1 ndarray, shape (Z, W, N_h, G)
        Expected reward of the observations still to come, after a history and one subgoal, when the expert
        goes on. Where the reporter is as assumed these are optimal values. Zero where the history cannot
        occur.
    subgoals : int
        Number G of subgoals.
    """

    subgoal: tuple[Integers, ...]
    value: Array
    action_value: tuple[Array, ...]
    subgoals: int

    def policy(self, environment: int) -> Policy:
        """Return the tree policy of one environment's expert.

        Parameters
        ----------
        environment : int
            Index z.

        Returns
        -------
        list of H-1 ndarray, shape (W, N_h, G)
            Rows with a single one.
        """
        z = as_integer("environment", environment, least=0, most=self.value.shape[0] - 1)
        return [np.eye(self.subgoals)[chosen[z]] for chosen in self.subgoal]


def expert(model_or_tree: HMDP | HistoryTree, *, ties: Literal["lowest", "highest"] = "lowest") -> Expert:
    """Best history-dependent policy of every environment, for every task.

    Parameters
    ----------
    model_or_tree : HMDP or HistoryTree
        The process.
    ties : {"lowest", "highest"}
        Which of several best subgoals is taken; values within a relative 1e-12 count as tied. The rule
        matters: what a language model imitates after a tie decides what it learns.

    Returns
    -------
    Expert
        Subgoals and values. The expert plans with the reporter that planners assume.

    Raises
    ------
    ValueError
        For an unknown rule.

    References
    ----------
    He, Chen, Zhang, Yang, "From Words to Actions", ICML 2024, arXiv:2405.19883: the expert that is imitated.

    Examples
    --------
    >>> stay, flip = np.eye(2), np.eye(2)[::-1]
    >>> transition = np.array([np.stack([stay, flip], 1), np.stack([flip, stay], 1)])
    >>> model = HMDP([1.0, 0.0], transition, np.eye(2), [[0.0, 0.0], [0.0, 1.0]])
    >>> found = expert(model)
    >>> found.subgoal[0].ravel().tolist(), found.value.ravel().tolist()
    ([1, 0], [1.0, 1.0])
    """
    if ties not in ("lowest", "highest"):
        raise ValueError(f"ties is {ties!r}: choose 'lowest' or 'highest'")
    tree = as_tree(model_or_tree)
    model = tree.model
    subgoal: list[Integers] = []
    action_value: list[Array] = []
    planned = _earned(tree, model.decisions, tree.levels[-1].likelihood)
    actual = _earned(tree, model.decisions, tree.levels[-1].emitted) if model.misspecified else planned
    for h in reversed(range(model.decisions)):
        level = tree.levels[h]
        ahead = tree.sum_children(h, planned)
        chosen = best(ahead, ties)
        happens = tree.sum_children(h, actual) if model.misspecified else ahead
        mass = level.emitted[:, np.newaxis, :, np.newaxis]
        subgoal.append(chosen)
        action_value.append(np.divide(happens, mass, out=np.zeros_like(happens), where=mass > 0.0))
        planned = _earned(tree, h, level.likelihood) + _pick(ahead, chosen)
        actual = _earned(tree, h, level.emitted) + _pick(happens, chosen) if model.misspecified else planned
    value = actual.sum(axis=-1)
    return Expert(tuple(subgoal[::-1]), value, tuple(action_value[::-1]), model.subgoals)


def best(values: Array, ties: Literal["lowest", "highest"] = "lowest") -> Integers:
    """Index of the largest of nonnegative values along the last axis, within a relative 1e-12.

    Parameters
    ----------
    values : ndarray, shape (..., G)
        Nonnegative numbers.
    ties : {"lowest", "highest"}
        Which of the tied.

    Returns
    -------
    ndarray of int, shape (...)
        Indices.

    Examples
    --------
    >>> values = np.array([[0.2, 0.3, 0.1 + 0.2]])
    >>> best(values), best(values, "highest")
    (array([1]), array([2]))
    """
    tied = values >= values.max(axis=-1, keepdims=True) * (1.0 - TIE_TOLERANCE)
    if ties == "highest":
        return np.asarray(values.shape[-1] - 1 - tied[..., ::-1].argmax(axis=-1))
    return np.asarray(tied.argmax(axis=-1))


def _earned(tree: HistoryTree, level: int, mass: Array) -> Array:
    """Reward of the last observation times the probability of the history, shape (Z, W, N)."""
    return mass[:, np.newaxis, :] * tree.reward(level)


def _pick(values: Array, chosen: Integers) -> Array:
    return np.take_along_axis(values, chosen[..., np.newaxis], axis=-1)[..., 0]
