r"""Experts of models that are too large for a history tree.

Many histories leave the same belief about the hidden state, and what is still to be earned depends on the
belief alone. So each environment gets a graph of its reachable beliefs, level by level, and the expert is
found by dynamic programming over it,

.. math:: Q_h(b, g) = \sum_o P(o | b, g) \, [\, r_{h+1}(o) + \max_{g'} Q_{h+1}(b_{g,o}, g') \,] .

Two beliefs are one node when they agree after rounding to 1e-12 and have the same support.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tightbound.theory.planning._validation import Array, Integers, as_integer
from tightbound.theory.planning.errors import TreeTooLargeError
from tightbound.theory.planning.expert import best
from tightbound.theory.planning.hmdp import HMDP

ROUNDING = 12

_CHUNK = 4_000_000


@dataclass(frozen=True, eq=False)
class BeliefLevel:
    """The N beliefs that can be held when one decision is due.

    Parameters
    ----------
    beliefs : ndarray, shape (N, S)
        Laws of the hidden state.
    step : ndarray, shape (N, G, O)
        Law of the next observation after each subgoal.
    child : ndarray of int32, shape (N, G, O)
        Belief of the next level; -1 where the observation is impossible, and everywhere on the last level.
    """

    beliefs: Array
    step: Array
    child: NDArray[np.int32]

    @property
    def size(self) -> int:
        """Number N of beliefs."""
        return int(self.beliefs.shape[0])


@dataclass(frozen=True, eq=False)
class BeliefGraph:
    """The beliefs that can be reached in one environment.

    Parameters
    ----------
    start : ndarray, shape (O,)
        Law of the first observation.
    root : ndarray of int32, shape (O,)
        Belief of the first level after it; -1 where it is impossible.
    levels : tuple of H-1 BeliefLevel
        One for each decision.
    """

    start: Array
    root: NDArray[np.int32]
    levels: tuple[BeliefLevel, ...]

    @property
    def size(self) -> int:
        """Number of beliefs on all levels."""
        return sum(level.size for level in self.levels)


@dataclass(frozen=True, eq=False)
class BeliefExpert:
    """Experts of all environments as functions of the belief.

    Parameters
    ----------
    graphs : tuple of Z BeliefGraph
        Reachable beliefs under the reporter that planners assume.
    subgoal : tuple of Z tuples of H-1 ndarray of int, shape (W, N)
        The expert's subgoal at each belief, the lowest of several that tie.
    action_value : tuple of Z tuples of H-1 ndarray, shape (W, N, G)
        Expected reward still to come.
    value : ndarray, shape (Z, W)
        Expected reward of an episode, the first observation's included, where the reporter is as assumed.
    """

    graphs: tuple[BeliefGraph, ...]
    subgoal: tuple[tuple[Integers, ...], ...]
    action_value: tuple[tuple[Array, ...], ...]
    value: Array


def belief_expert(model: HMDP, *, limit: int = 1_000_000) -> BeliefExpert:
    """Find the best policy of every environment by dynamic programming over reachable beliefs.

    Exact: it agrees with `tightbound.theory.planning.expert.expert` wherever a history tree fits. It is
    worth its while where histories share beliefs: where observations reset the belief, or tell the state.

    Parameters
    ----------
    model : HMDP
        The process; the experts plan with ``model.observation``.
    limit : int
        Largest number of beliefs of one environment on one level.

    Returns
    -------
    BeliefExpert
        Graphs, subgoals and values.

    Raises
    ------
    TreeTooLargeError
        Where an environment has more reachable beliefs than ``limit``.

    Examples
    --------
    >>> cycle = np.roll(np.eye(3), 1, axis=1)[:, np.newaxis]
    >>> stay = np.eye(3)[:, np.newaxis]
    >>> model = HMDP([1, 0, 0], [np.concatenate([cycle, stay], 1)], np.eye(3), np.tile([0, 0, 0.1], (10, 1)))
    >>> found = belief_expert(model)
    >>> [level.size for level in found.graphs[0].levels], found.value.round(12).tolist()
    ([1, 2, 3, 3, 3, 3, 3, 3, 3], [[0.8]])
    """
    most = as_integer("limit", limit, least=1)
    graphs = tuple(belief_graph(model, z, model.observation, most) for z in range(model.environments))
    found = [_solve(model, graph) for graph in graphs]
    return BeliefExpert(
        graphs,
        tuple(subgoal for subgoal, _, _ in found),
        tuple(action_value for _, action_value, _ in found),
        np.stack([value for _, _, value in found]),
    )


def belief_graph(model: HMDP, environment: int, channel: Array, limit: int) -> BeliefGraph:
    """Expand the beliefs of one environment under a reporter.

    Parameters
    ----------
    model : HMDP
        The process.
    environment : int
        Index z.
    channel : ndarray, shape (S, O)
        The reporter's law: ``model.observation`` or ``model.emission``.
    limit : int
        Largest number of beliefs on one level.

    Returns
    -------
    BeliefGraph
        Its levels.

    Raises
    ------
    TreeTooLargeError
        Where a level has more beliefs than ``limit``.
    """
    joint = model.initial[:, np.newaxis] * channel  # (S, O)
    start = joint.sum(axis=0)
    possible = start > 0.0
    beliefs, place = _distinct((joint[:, possible] / start[possible]).T)
    root = np.full(start.shape, -1, dtype=np.int32)
    root[possible] = place
    levels: list[BeliefLevel] = []
    for h in range(model.decisions):
        level, beliefs = _expand(model, environment, channel, h, beliefs, limit)
        levels.append(level)
    return BeliefGraph(start, root, tuple(levels))


def _expand(
    model: HMDP, environment: int, channel: Array, step: int, beliefs: Array, limit: int
) -> tuple[BeliefLevel, Array]:
    kernel = model.transition[environment, step]
    last = step == model.decisions - 1
    law = np.empty((beliefs.shape[0], model.subgoals, model.observations))
    child = np.full(law.shape, -1, dtype=np.int32)
    known = np.empty((0, model.states))
    width = max(1, _CHUNK // (model.subgoals * model.observations * model.states))
    for first in range(0, beliefs.shape[0], width):
        rows = slice(first, first + width)
        moved = np.einsum("ns,sgt->ngt", beliefs[rows], kernel)
        law[rows] = moved @ channel
        if last:
            continue
        node, goal, seen = np.nonzero(law[rows] > 0.0)
        mass = law[rows][node, goal, seen][:, np.newaxis]
        reached = moved[node, goal] * channel.T[seen] / mass
        known, place = _distinct(np.concatenate([known, reached]))
        # Earlier beliefs may have moved in the sorted list.
        before = child[:first]
        before[before >= 0] = place[: place.size - node.size][before[before >= 0]]
        child[rows][node, goal, seen] = place[place.size - node.size :]
        if known.shape[0] > limit:
            raise TreeTooLargeError(
                f"beliefs before decision {step + 2} in environment {environment}",
                known.shape[0],
                limit,
                "raise limit where memory allows, shorten the episode, or give a model whose observations "
                "tell more of the state",
            )
    return BeliefLevel(beliefs, law, child), known


def _distinct(beliefs: Array) -> tuple[Array, Integers]:
    """Return one of each kind of beliefs, and where each one went."""
    rounded = np.round(beliefs, ROUNDING)
    # A state that is possible stays so in the key: merged beliefs allow the same observations.
    key = np.where((rounded == 0.0) & (beliefs > 0.0), 0.5 * 10.0**-ROUNDING, rounded)
    rows = np.ascontiguousarray(key).view(np.dtype((np.void, key.dtype.itemsize * key.shape[1]))).ravel()
    _, first, place = np.unique(rows, return_index=True, return_inverse=True)
    return beliefs[first], place


def _solve(model: HMDP, graph: BeliefGraph) -> tuple[tuple[Integers, ...], tuple[Array, ...], Array]:
    subgoal: list[Integers] = []
    action_value: list[Array] = []
    ahead = np.zeros((model.tasks, 1))
    for h in reversed(range(model.decisions)):
        level = graph.levels[h]
        worth = np.einsum("ngo,ow->wng", level.step, model.reward[h + 1])
        worth += np.einsum("ngo,wngo->wng", level.step, _below(ahead, level.child))
        chosen = best(worth)
        ahead = np.take_along_axis(worth, chosen[..., np.newaxis], axis=-1)[..., 0]
        subgoal.append(chosen)
        action_value.append(worth)
    value = (graph.start @ model.reward[0]) + _below(ahead, graph.root) @ graph.start
    return tuple(subgoal[::-1]), tuple(action_value[::-1]), value


def _below(values: Array, child: NDArray[np.int32]) -> Array:
    """Return values of the next level at the children, zero where there is none: shape (W, *child.shape)."""
    return np.where(child >= 0, values[:, child], 0.0)
