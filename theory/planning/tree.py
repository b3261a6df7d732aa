r"""The tree of reachable histories of one episode.

A node at level h is a history o_1, g_1, ..., o_{h+1} (h = 0, ..., H-1) that some environment can
produce, be it by the reporter that planners assume or by the one that reports. Nodes of a level are ordered
by parent, then subgoal, then observation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.theory._validation import as_floats
from tightbound.theory.planning._validation import ROW_TOLERANCE, Array, Integers, as_integer, as_laws
from tightbound.theory.planning.errors import TreeTooLargeError
from tightbound.theory.planning.filtering import as_history
from tightbound.theory.planning.hmdp import HMDP

Policy = list[Array]
"""A tree policy: for each decision h the laws of the subgoal, shape (W, N_h, G)."""

# Tables over (Z, N, G, O) may be this much larger than the number of histories.
_TABLE = 64


@dataclass(frozen=True, eq=False)
class Level:
    """The N histories of one length.

    Parameters
    ----------
    parent, subgoal, observation : ndarray of int, shape (N,)
        Node of the level above, the subgoal decided there and the observation that followed. The root level
        has parent and subgoal -1.
    child : ndarray of int32, shape (N, G, O)
        Node of the next level; -1 where no environment can produce it. Shape (N, 0, O) on the last level,
        where nothing is decided.
    likelihood : ndarray, shape (Z, N)
        Probability of the observations given the subgoals, with the reporter that planners assume.
    emitted : ndarray, shape (Z, N)
        The same with the reporter that reports; the same array where the two agree.
    predicted, step : ndarray, shape (Z, N, G, O)
        Conditional law of the next observation, as planners assume it and as it happens; the same array
        where the two agree. Rows are zero where the history itself is impossible.
    """

    parent: Integers
    subgoal: Integers
    observation: Integers
    child: NDArray[np.int32]
    likelihood: Array
    emitted: Array
    predicted: Array
    step: Array

    @property
    def size(self) -> int:
        """Number N of histories."""
        return self.parent.size

    @cached_property
    def log_likelihood(self) -> Array:
        """Logarithm of the likelihood, shape (Z, N); -inf where it is zero."""
        some = self.likelihood > 0.0
        return np.log(self.likelihood, out=np.full(self.likelihood.shape, -np.inf), where=some)


@dataclass(frozen=True, eq=False)
class HistoryTree:
    """All histories of one episode that can occur.

    Parameters
    ----------
    model : HMDP
        The process.
    limit : int
        Largest number of histories of one length.

    Raises
    ------
    TreeTooLargeError
        Where a level has more histories than ``limit``, or its tables more than 64 ``limit`` entries.

    Examples
    --------
    >>> stay, flip = np.eye(2), np.eye(2)[::-1]
    >>> model = HMDP([1.0, 0.0], [np.stack([stay, flip], 1)], np.eye(2), np.zeros((3, 2)))
    >>> tree = HistoryTree(model)
    >>> [level.size for level in tree.levels], tree.leaves
    ([1, 2, 4], 4)
    """

    model: HMDP
    levels: tuple[Level, ...]

    def __init__(self, model: HMDP, limit: int = 1_000_000) -> None:
        object.__setattr__(self, "model", model)
        object.__setattr__(self, "levels", _grow(model, as_integer("limit", limit, least=1)))

    @property
    def leaves(self) -> int:
        """Number of whole episodes that can occur."""
        return self.levels[-1].size

    def reward(self, level: int) -> Array:
        """Reward of the last observation of the histories of a level, shape (W, N)."""
        return np.ascontiguousarray(self.model.reward[level, self.levels[level].observation].T)

    def sum_children(self, level: int, values: Array) -> Array:
        """Sum values of the next level, shape (..., N'), over the next observation: shape (..., N, G)."""
        here, below = self.levels[level], self.levels[level + 1]
        total = np.zeros((*values.shape[:-1], here.size * self.model.subgoals))
        # Nodes are ordered by (parent, subgoal), so each sum runs over one block.
        place = below.parent * self.model.subgoals + below.subgoal
        starts = np.flatnonzero(np.diff(place, prepend=-1))
        total[..., place[starts]] = np.add.reduceat(values, starts, axis=-1)
        return total.reshape(*values.shape[:-1], here.size, self.model.subgoals)

    def descend(self, level: int, values: Array) -> Array:
        """Hand values of (node, subgoal), shape (..., N, G), to the nodes below: shape (..., N')."""
        below = self.levels[level + 1]
        return values[..., below.parent, below.subgoal]

    def history(self, level: int, node: int) -> tuple[list[int], list[int]]:
        """Return the observations and subgoals of a node.

        Parameters
        ----------
        level, node : int
            Level from 0 to H-1 and node in it.

        Returns
        -------
        observations, subgoals : list of int
            Of lengths level + 1 and level.
        """
        at = as_integer("level", level, least=0, most=len(self.levels) - 1)
        n = as_integer("node", node, least=0, most=self.levels[at].size - 1)
        observations: list[int] = []
        subgoals: list[int] = []
        for here in reversed(self.levels[: at + 1]):
            observations.append(int(here.observation[n]))
            subgoals.append(int(here.subgoal[n]))
            n = int(here.parent[n])
        return observations[::-1], subgoals[-2::-1]

    def find(self, observations: ArrayLike, subgoals: ArrayLike) -> Integers:
        """Return the nodes of histories of one length.

        Parameters
        ----------
        observations : array_like of int, shape (..., h)
            What was observed.
        subgoals : array_like of int, shape (..., h-1)
            The subgoals between.

        Returns
        -------
        ndarray of int, shape (...)
            Nodes of level h - 1.

        Raises
        ------
        ValueError
            For a history that no environment can produce, or shapes that are none.
        """
        seen, goals = as_history(self.model, observations, subgoals)
        first = np.full(self.model.observations, -1)
        first[self.levels[0].observation] = np.arange(self.levels[0].size)
        node = first[seen[..., 0]]
        for h in range(goals.shape[-1]):
            below = self.levels[h].child[node, goals[..., h], seen[..., h + 1]]
            node = np.where(node >= 0, below, -1)
        if np.any(node < 0):
            lost = seen[node < 0][0].tolist(), goals[node < 0][0].tolist()
            raise ValueError(
                f"observations {lost[0]} after subgoals {lost[1]} cannot occur in any environment: no node "
                "stands for them; check the history"
            )
        return np.asarray(node, dtype=np.int64)


def as_tree(model_or_tree: HMDP | HistoryTree) -> HistoryTree:
    """Return the tree of a model, or the tree that was given.

    Parameters
    ----------
    model_or_tree : HMDP or HistoryTree
        A model is expanded with the default limit.

    Returns
    -------
    HistoryTree
        The tree.

    Raises
    ------
    TypeError
        For anything else.
    """
    if isinstance(model_or_tree, HistoryTree):
        return model_or_tree
    if isinstance(model_or_tree, HMDP):
        return HistoryTree(model_or_tree)
    raise TypeError(f"model_or_tree is a {type(model_or_tree).__name__}: give an HMDP or a HistoryTree")


def as_policy(tree: HistoryTree, policy: ArrayLike | Sequence[ArrayLike]) -> Policy:
    """Check a tree policy, or make one of a law of subgoals that is the same after every history.

    Parameters
    ----------
    tree : HistoryTree
        The histories.
    policy : sequence of H-1 array_like (W, N_h, G), or array_like (G,)
        Laws of the subgoal after each history, or one law for all of them.

    Returns
    -------
    list of H-1 ndarray, shape (W, N_h, G)
        The tree policy.

    Raises
    ------
    ValueError
        For other shapes, negative entries, or rows that do not sum to one within 1e-10.

    Examples
    --------
    >>> model = HMDP([1.0], np.ones((1, 1, 2, 1)), [[1.0]], np.zeros((3, 1)))
    >>> [laws.tolist() for laws in as_policy(HistoryTree(model), [0.5, 0.5])]
    [[[[0.5, 0.5]]], [[[0.5, 0.5], [0.5, 0.5]]]]
    """
    if not isinstance(policy, (Sequence, np.ndarray)):
        raise TypeError(
            f"policy is a {type(policy).__name__}: give one array per decision, or one law over subgoals"
        )
    model = tree.model
    shapes = [(model.tasks, level.size, model.subgoals) for level in tree.levels[:-1]]
    rows = list(policy)
    if all(np.ndim(row) == 0 for row in rows):
        law = as_laws("policy", np.asarray(policy))
        if law.shape != (model.subgoals,):
            raise ValueError(
                f"policy has shape {law.shape}: one law for all histories has shape (G,), "
                f"G = {model.subgoals}"
            )
        return [np.broadcast_to(law, shape) for shape in shapes]
    laws = [as_floats("policy", row) for row in rows]
    if [one.shape for one in laws] != shapes:
        raise ValueError(
            f"policy has shapes {[one.shape for one in laws]}: this tree asks for (W, N_h, G) = {shapes}, "
            "or for one law of shape (G,)"
        )
    for one in laws:
        if one.min() < 0.0 or np.abs(one.sum(axis=-1) - 1.0).max() > ROW_TOLERANCE:
            raise ValueError(
                "policy has a row that is negative somewhere or does not sum to 1 within 1e-10: give laws "
                "over subgoals along the last axis"
            )
    return laws


def _grow(model: HMDP, limit: int) -> tuple[Level, ...]:
    both = [model.observation] + [model.emission] * model.misspecified
    # alpha[i]: (Z, N, S), weights of the state under the assumed and the real reporter.
    starts = [model.initial[:, np.newaxis] * law for law in both]
    seen = np.flatnonzero(np.logical_or.reduce([start.sum(axis=0) > 0.0 for start in starts]))
    alphas = [
        np.broadcast_to(start.T[seen], (model.environments, seen.size, model.states)) for start in starts
    ]
    masses = [alpha.sum(axis=-1) for alpha in alphas]
    parent = subgoal = np.full(seen.size, -1)
    levels: list[Level] = []
    for h in range(model.decisions):
        entries = model.environments * seen.size * model.subgoals * model.observations
        _within("tables of the history tree, entries", entries, _TABLE * limit)
        moved = [_move(model, h, alpha) for alpha in alphas]
        joint = [move @ law for move, law in zip(moved, both, strict=True)]
        possible = np.logical_or.reduce([(like > 0.0).any(axis=0) for like in joint])
        _within(f"histories of {h + 2} observations", int(possible.sum()), limit)
        reached = np.nonzero(possible)
        child = np.full(possible.shape, -1, dtype=np.int32)
        child[reached] = np.arange(reached[0].size)
        laws = [_ratio(like, mass) for like, mass in zip(joint, masses, strict=True)]
        levels.append(
            Level(parent, subgoal, seen, child, masses[0], masses[-1], predicted=laws[0], step=laws[-1])
        )
        parent, subgoal, seen = reached
        masses = [like[:, parent, subgoal, seen] for like in joint]
        if h + 1 < model.decisions:
            alphas = [move[:, parent, subgoal] * law.T[seen] for move, law in zip(moved, both, strict=True)]
    none = np.zeros((model.environments, seen.size, 0, model.observations))
    child = np.zeros(none.shape[1:], dtype=np.int32)
    levels.append(Level(parent, subgoal, seen, child, masses[0], masses[-1], predicted=none, step=none))
    return tuple(levels)


def _move(model: HMDP, step: int, alpha: Array) -> Array:
    """Weights of the next state, shape (Z, N, G, S)."""
    shape = (*alpha.shape[:2], model.subgoals, model.states)
    kernel = model.transition[:, step].reshape(model.environments, model.states, -1)
    return np.asarray(np.matmul(alpha, kernel).reshape(shape))


def _ratio(joint: Array, mass: Array) -> Array:
    whole = mass[:, :, np.newaxis, np.newaxis]
    return np.asarray(np.divide(joint, whole, out=np.zeros_like(joint), where=whole > 0.0))


def _within(what: str, size: int, limit: int) -> None:
    if size > limit:
        raise TreeTooLargeError(
            what,
            size,
            limit,
            "raise limit where memory allows, shorten the episode, or use the belief engine "
            "(simulate_beliefs), which needs no tree",
        )
