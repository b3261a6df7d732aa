r"""Exact regret over episodes, by carrying the law of the posterior forward.

A planner that looks at past episodes only through the posterior of the environment turns it into a Markov
chain. Each episode multiplies its weights by the likelihoods of what was observed, so posteriors that agree
in their log weights are one state; the law on these states gives the regret without sampling.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory.planning._validation import Array, Integers, as_indices, as_integer
from tightbound.theory.planning.errors import (
    ImpossibleObservationError,
    TreeTooLargeError,
    UnsupportedTruthWarning,
)
from tightbound.theory.planning.evaluation import evaluate, path_law
from tightbound.theory.planning.expert import expert
from tightbound.theory.planning.hmdp import HMDP
from tightbound.theory.planning.tree import HistoryTree, Policy, as_policy, as_tree

Act = Callable[[int, Array], Sequence[tuple[float, Policy | Array]]]
"""``(episode from 0, log weights (Z,)) -> [(probability, policy), ...]``, drawn once per episode."""

Outcome = tuple[Array, Array]

_DIGITS = 9


@dataclass(frozen=True, eq=False)
class ForwardResult:
    """Exact expectations over T episodes.

    Parameters
    ----------
    regret : ndarray, shape (T,)
        Expected regret of the first t episodes, t = 1..T, against the true environment's expert.
    root_ratio : ndarray, shape (T,)
        Largest over z' of E sqrt(w(z') / w(z)) at the start of episode t, with z the truth; infinite where
        the truth is excluded with positive probability. Zero for a single environment.
    doubt : ndarray, shape (T,)
        E[1 - w(z)] at the start of episode t.
    posteriors : int
        Number of different posteriors after the last episode.
    """

    regret: Array
    root_ratio: Array
    doubt: Array
    posteriors: int


def forward_regret(
    model_or_tree: HMDP | HistoryTree,
    truth: int,
    episodes: int,
    act: Act,
    tasks: ArrayLike | None = None,
    *,
    limit: int = 100_000,
) -> ForwardResult:
    r"""Exact expected regret of a planner that acts on the posterior.

    .. math:: Reg_z(T) = \sum_{t \le T} E[J_z(\pi^*_z, w_t) - J_z(\pi_t, w_t)]

    Parameters
    ----------
    model_or_tree : HMDP or HistoryTree
        The process.
    truth : int
        The true environment z.
    episodes : int
        T, at least 1.
    act : callable ``(episode, log_weights) -> [(probability, policy), ...]``
        The planner: one of the policies is drawn for the whole episode. Log weights have their largest at 0.
        A policy object that was returned in the last episode too is not evaluated again.
    tasks : array_like of int, shape (T,), optional
        Task of every episode; task 0 where left out.
    limit : int
        Largest number of different posteriors.

    Returns
    -------
    ForwardResult
        Regret, and how far the posterior is from the truth.

    Raises
    ------
    TreeTooLargeError
        Where the set of posteriors outgrows ``limit``.
    ImpossibleObservationError
        Where something can be observed that every environment in the posterior excludes.
    ValueError
        For probabilities that do not sum to one, or tasks of another shape.

    Warns
    -----
    UnsupportedTruthWarning
        For a truth of prior weight zero.

    Notes
    -----
    Log weights that differ by less than 1e-9 may be merged, so results are exact to about 1e-9 times T.

    Examples
    --------
    >>> stay, flip = np.eye(2), np.eye(2)[::-1]
    >>> transition = np.array([np.stack([stay, flip], 1), np.stack([flip, stay], 1)])
    >>> model = HMDP([1.0, 0.0], transition, np.eye(2), [[0.0, 0.0], [0.0, 1.0]])
    >>> forward_regret(model, 0, 3, lambda t, log_weights: [(1.0, [0.5, 0.5])]).regret.tolist()
    [0.5, 1.0, 1.5]
    """
    tree = as_tree(model_or_tree)
    model = tree.model
    z = as_integer("truth", truth, least=0, most=model.environments - 1)
    length = as_integer("episodes", episodes, least=1)
    most = as_integer("limit", limit, least=1)
    order = np.zeros(length, dtype=np.int64) if tasks is None else as_indices("tasks", tasks, model.tasks)
    if order.shape != (length,):
        raise ValueError(f"tasks has shape {order.shape}: give one task per episode, shape ({length},)")
    if model.prior[z] == 0.0:
        warnings.warn(
            f"truth is {z}: its prior weight is zero, so no posterior can find it; give it prior weight",
            UnsupportedTruthWarning,
            stacklevel=2,
        )
    messages, kind = _messages(tree)
    best = expert(tree).value[z]
    before: dict[int, tuple[Policy | Array, Outcome]] = {}
    now: dict[int, tuple[Policy | Array, Outcome]] = {}

    def outcome(policy: Policy | Array) -> Outcome:
        """Loss per task, shape (W,), and law of the message, shape (W, M)."""
        name = id(policy)  # the object is kept beside its outcome, so its id is not given to another
        if name not in now:
            now[name] = before.get(name) or (policy, _outcome(tree, z, policy, best, messages, kind))
        return now[name][1]

    states, mass = _top(model.log_prior[np.newaxis]), np.ones(1)
    regret, root_ratio, doubt = np.zeros(length), np.zeros(length), np.zeros(length)
    for t in range(length):
        before, now = now, {}
        root_ratio[t], doubt[t] = _distance(states, mass, z)
        laws = np.empty((len(states), len(messages)))
        for i, state in enumerate(states):
            loss, laws[i] = _episode(act(t, state), outcome, int(order[t]))
            regret[t] += mass[i] * loss
        states, mass = _advance(states, mass, laws, messages, most)
    return ForwardResult(np.cumsum(regret), root_ratio, doubt, len(states))


def _outcome(
    tree: HistoryTree, truth: int, policy: Policy | Array, best: Array, messages: Array, kind: Integers
) -> Outcome:
    laws = as_policy(tree, policy)
    chance = tree.levels[-1].emitted[truth] * path_law(tree, laws)
    told = [np.bincount(kind, weights=row, minlength=len(messages)) for row in chance]
    return best - evaluate(tree, laws)[truth], np.array(told, dtype=np.float64)


def _messages(tree: HistoryTree) -> tuple[Array, Integers]:
    """Different log likelihoods of an episode up to a constant, shape (M, Z), and which each leaf has."""
    logs = tree.levels[-1].log_likelihood.T
    top = logs.max(axis=1, keepdims=True)
    relative = logs - np.where(top > -np.inf, top, 0.0)
    _, first, kind = np.unique(_key(relative), axis=0, return_index=True, return_inverse=True)
    return relative[first], kind.ravel()


def _key(states: Array) -> Array:
    return np.asarray(np.round(states, _DIGITS) + 0.0)


def _top(states: Array) -> Array:
    return np.asarray(states - states.max(axis=1, keepdims=True))


def _distance(states: Array, mass: Array, truth: int) -> tuple[float, float]:
    others = np.delete(states, truth, axis=1)
    here = states[:, truth]
    weights = np.exp(states)
    doubt = mass @ (np.delete(weights, truth, axis=1).sum(axis=1) / weights.sum(axis=1))
    excluded = np.any(here == -np.inf)
    if excluded:
        return np.inf, float(doubt)
    ratios = mass @ np.exp(0.5 * (others - here[:, np.newaxis]))
    return float(ratios.max(initial=0.0)), float(doubt)


def _episode(
    choices: Sequence[tuple[float, Policy | Array]],
    outcome: Callable[[Policy | Array], Outcome],
    task: int,
) -> tuple[float, Array]:
    chances = np.array([chance for chance, _ in choices], dtype=np.float64)
    if not chances.size or not np.all(chances >= 0.0) or not abs(chances.sum() - 1.0) <= 1e-9:
        raise ValueError(
            f"act returned probabilities {chances.tolist()}: they must sum to 1 and not be negative"
        )
    found = [outcome(policy) for _, policy in choices]
    loss = sum(chance * lost[task] for chance, (lost, _) in zip(chances, found, strict=True))
    told = np.sum([chance * law[task] for chance, (_, law) in zip(chances, found, strict=True)], axis=0)
    return float(loss), told


def _advance(states: Array, mass: Array, laws: Array, messages: Array, limit: int) -> tuple[Array, Array]:
    source, message = np.nonzero(laws > 0.0)
    reached = states[source] + messages[message]
    if np.any(reached.max(axis=1) == -np.inf):
        raise ImpossibleObservationError(
            "an episode can occur that every environment in the posterior excludes: give the true "
            "environment prior weight, or planners a reporter that can emit what is seen"
        )
    reached = _top(reached)
    _, first, place = np.unique(_key(reached), axis=0, return_index=True, return_inverse=True)
    if first.size > limit:
        raise TreeTooLargeError(
            "different posteriors",
            first.size,
            limit,
            "raise limit, take fewer episodes, or simulate instead",
        )
    carried = np.bincount(place.ravel(), weights=mass[source] * laws[source, message], minlength=first.size)
    return reached[first], np.asarray(carried, dtype=np.float64)
