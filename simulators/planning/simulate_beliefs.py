"""Play many episodes on graphs of beliefs, for models that are too large for a history tree."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.simulators.planning.belief_expert import BeliefExpert, belief_expert, belief_graph
from tightbound.simulators.planning.planners.bail import BAIL
from tightbound.simulators.planning.planners.base import Planner
from tightbound.simulators.planning.planners.greedy_bail import GreedyBAIL
from tightbound.simulators.planning.result import PlanningResult
from tightbound.simulators.planning.setting import as_chances, as_tasks
from tightbound.theory.planning._validation import Array, Integers, as_indices, as_integer
from tightbound.theory.planning.errors import ImpossibleObservationError, UnsupportedTruthWarning
from tightbound.theory.planning.hmdp import HMDP

_BLOCK = 4_000_000


def simulate_beliefs(
    model: HMDP,
    truth: int,
    episodes: int,
    planner: Planner,
    *,
    tasks: ArrayLike | None = None,
    replications: int,
    rng: int | np.random.Generator | None = None,
    checkpoints: ArrayLike | None = None,
    expert: BeliefExpert | None = None,
    limit: int = 1_000_000,
) -> PlanningResult:
    r"""Play T episodes R times and measure regret, with beliefs in the place of histories.

    .. math:: \mathrm{Reg}_z(T) = \sum_{t \le T} E[J_z(\pi^*_z, \omega^t) - J_z(\pi^t, \omega^t)]

    The same law as with `simulate`, without a tree: a run remembers one node per environment in the graph of
    its reachable beliefs, and the logarithm of its likelihood. Exploration enters through its exact cost;
    episodes that exploit through performance differences along their path. As with `simulate`, a posterior
    with less than 1e-12 of doubt is held from then on, unless the reporter is misspecified.

    Parameters
    ----------
    model : HMDP
        The process. Where ``emission`` differs from ``observation``, planners filter with the latter, and
        the expert they are compared with does so too.
    truth : int
        The true environment.
    episodes : int
        T, at least 1.
    planner : Planner
        BAIL or GreedyBAIL, by itself or inside EpsilonGreedy or ExploreFirst.
    tasks : array_like of int, shape (T,), optional
        The task of every episode; the tasks in turn where left out.
    replications : int
        Independent runs R, at least 1.
    rng : None, int or numpy.random.Generator
        Replication r has a stream of its own, so it does not depend on how many others run, nor on threads.
    checkpoints : array_like of int, optional
        After how many episodes, from 0 to T - 1, the log posterior is kept; T - 1 where left out.
    expert : BeliefExpert, optional
        The model's, if it was found before.
    limit : int
        Largest number of beliefs of one environment on one level.

    Returns
    -------
    PlanningResult
        Cumulative regret, doubt and log posterior.

    Raises
    ------
    TypeError
        For another planner; `simulate` takes every one.
    ValueError, IndexError
        For arguments out of range.
    TreeTooLargeError
        Where even the beliefs are too many.
    ImpossibleObservationError
        Where a run observes what is impossible in every environment.

    References
    ----------
    He, Chen, Zhang, Yang, "From Words to Actions", ICML 2024, arXiv:2405.19883.

    Examples
    --------
    >>> stay, flip = np.eye(2), np.eye(2)[::-1]
    >>> transition = np.array([np.stack([stay, flip], 1), np.stack([flip, stay], 1)])
    >>> model = HMDP([1.0, 0.0], transition, np.eye(2), [[0.0, 0.0], [0.0, 1.0]])
    >>> result = simulate_beliefs(model, 0, 3, BAIL(), replications=4, rng=1)
    >>> result.value.tolist()  # half a chance in the first episode, which reveals the environment
    [0.5, 0.5, 0.5]
    """
    from tightbound.simulators.planning import _kernel_belief_episodes as kernel

    total = as_integer("episodes", episodes, least=1)
    count = as_integer("replications", replications, least=1)
    z = as_integer("truth", truth, least=0, most=model.environments - 1)
    todo = as_tasks(tasks, total, model)
    kept = np.unique(as_indices("checkpoints", [total - 1] if checkpoints is None else checkpoints, total))
    temperature = _temperature(planner)
    if model.prior[z] == 0.0:
        warnings.warn(
            f"truth is {z}, whose prior is 0: no posterior can find it; give it prior weight in the model",
            UnsupportedTruthWarning,
            stacklevel=2,
        )
    found = belief_expert(model, limit=limit) if expert is None else expert
    world = _world(model, found, z, limit)
    explorer: Any = planner.parts[1]
    law = np.zeros((model.decisions, model.subgoals)) if explorer is None else explorer.table(model)
    chances = as_chances(planner, total)
    # One memory layout for all models, so that one compiled program serves them.
    law, chances = np.ascontiguousarray(law), np.ascontiguousarray(chances)
    believed = tuple(map(np.ascontiguousarray, _believed(found)))
    tables = (world.root, world.start, world.child, world.step, world.gap)
    arena = tuple(map(np.ascontiguousarray, tables))
    seed = int(np.random.default_rng(rng).integers(2**63))
    settles = not model.misspecified
    driver: Any = kernel.run
    parts = []
    width = max(1, _BLOCK // (total * 2 * model.horizon))
    for first in range(0, count, width):
        uniforms = np.stack(
            [
                np.random.default_rng([seed, r]).random((total, 2 * model.horizon))
                for r in range(first, min(first + width, count))
            ]
        )
        parts.append(
            driver(
                uniforms,
                todo,
                chances,
                law,
                temperature,
                np.array(model.log_prior),
                z,
                settles,
                kept,
                believed,
                arena,
            )
        )
    loss, doubt, weights, lost = (np.concatenate(blocks) for blocks in zip(*parts, strict=True))
    if lost.any():
        r = int(np.flatnonzero(lost)[0])
        raise ImpossibleObservationError(
            f"replication {r} observed in episode {lost[r]} what has probability zero in every environment "
            "of positive prior weight: give the truth prior weight, or planners a wider reporter"
        )
    cost = chances * world.loss(law)[todo]
    return PlanningResult(
        regret=np.cumsum(loss + cost, axis=1),
        doubt=doubt,
        checkpoints=kept,
        log_weights=weights,
    )


def _temperature(planner: Planner) -> float:
    exploit = planner.parts[0] if isinstance(planner, Planner) else planner
    if isinstance(exploit, GreedyBAIL):
        return 0.0
    if isinstance(exploit, BAIL):
        return float(exploit.temperature)
    raise TypeError(
        f"planner is {planner!r}: beliefs carry BAIL() and GreedyBAIL(), alone or inside EpsilonGreedy or "
        "ExploreFirst; give one of these, or call simulate, which takes every planner"
    )


@dataclass(frozen=True, eq=False)
class _World:
    """The true environment: pairs of a belief with the assumed and with the real reporter, numbered through.

    ``step``, ``child`` (N, G, O); ``gap`` (N, W, G), what a subgoal loses against the expert's.
    """

    root: Integers
    start: Array
    step: Array
    child: Integers
    gap: Array
    offsets: Integers

    def loss(self, law: Array) -> Array:
        """Return the expected loss of an episode with given laws (H-1, G) of subgoals, shape (W,)."""
        ahead = np.zeros((self.gap.shape[0], self.gap.shape[1]))
        for h in reversed(range(law.shape[0])):
            rows = slice(self.offsets[h], self.offsets[h + 1])
            below = np.einsum("ngo,ngow->nwg", self.step[rows], ahead[self.child[rows]])
            ahead[rows] = (self.gap[rows] + below) @ law[h]
        return np.asarray(self.start @ ahead[self.root])


def _world(model: HMDP, expert: BeliefExpert, truth: int, limit: int) -> _World:
    assumed = expert.graphs[truth]
    real = belief_graph(model, truth, model.emission, limit) if model.misspecified else assumed
    pairs, root = _pairs(assumed.root, real.root, real.start > 0.0)
    steps, children, chosen = [], [], []
    for h, (imagined, level) in enumerate(zip(assumed.levels, real.levels, strict=True)):
        a, b = pairs.T
        # After a history that the assumed reporter excludes, all subgoals tie and the lowest is taken.
        chosen.append(np.where(a >= 0, expert.subgoal[truth][h][:, a], 0))
        steps.append(level.step[b])
        after = np.where((a >= 0)[:, np.newaxis, np.newaxis], imagined.child[a], -1)
        last = h == model.decisions - 1
        pairs, child = _pairs(
            after, level.child[b], np.zeros_like(after, dtype=bool) if last else steps[-1] > 0.0
        )
        children.append(child)
    gaps: list[Array] = []
    ahead = np.zeros((model.tasks, 1))
    for h in reversed(range(model.decisions)):
        worth = np.einsum("ngo,ow->wng", steps[h], model.reward[h + 1])
        worth += np.einsum("ngo,wngo->wng", steps[h], ahead[:, children[h]])
        ahead = np.take_along_axis(worth, chosen[h][..., np.newaxis], axis=-1)
        gaps.insert(0, np.moveaxis(ahead - worth, 0, 1))
        ahead = ahead[..., 0]
    offsets = np.cumsum([0] + [step.shape[0] for step in steps])
    moved = [child + offset for child, offset in zip(children, offsets[1:], strict=True)]
    moved[-1][:] = 0
    return _World(
        root, real.start, np.concatenate(steps), np.concatenate(moved), np.concatenate(gaps), offsets
    )


def _pairs(a: NDArray[Any], b: NDArray[Any], where: NDArray[np.bool_]) -> tuple[Integers, Integers]:
    """Return the distinct pairs of (a, b) among the entries asked for, and each one's pair (0 elsewhere)."""
    place = np.zeros(where.shape, dtype=np.int64)
    pairs, found = np.unique(np.stack([a[where], b[where]], axis=1), axis=0, return_inverse=True)
    place[where] = found.ravel()
    return pairs.astype(np.int64), place


def _believed(expert: BeliefExpert) -> tuple[Integers, Array, Integers, Array, Integers]:
    """Return roots and first log likelihoods (Z, O), and what belongs to nodes, numbered through."""
    offset, roots, children, steps, goals = 0, [], [], [], []
    for graph, chosen in zip(expert.graphs, expert.subgoal, strict=True):
        roots.append(graph.root + offset)
        for level, best in zip(graph.levels, chosen, strict=True):
            offset += level.size
            children.append(level.child + offset)
            steps.append(level.step)
            goals.append(best.T)
    return (
        np.stack(roots).astype(np.int64),
        _log(np.stack([graph.start for graph in expert.graphs])),
        np.concatenate(children).astype(np.int64),
        _log(np.concatenate(steps)),
        np.concatenate(goals),
    )


def _log(law: Array) -> Array:
    return np.log(law, out=np.full(law.shape, -np.inf), where=law > 0.0)
