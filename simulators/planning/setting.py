"""A planner in an environment: the arrays that exact and simulated regret are computed from."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.simulators.planning.planners.base import (
    Evidence,
    Node,
    Planner,
    Rule,
    Tables,
    posterior,
)
from tightbound.simulators.planning.planners.explore import Explorer
from tightbound.theory._validation import as_floats
from tightbound.theory.planning._validation import Array, as_indices, as_integer
from tightbound.theory.planning.errors import UnsupportedTruthWarning
from tightbound.theory.planning.evaluation import evaluate
from tightbound.theory.planning.expert import Expert, expert
from tightbound.theory.planning.hmdp import HMDP
from tightbound.theory.planning.tree import HistoryTree, Policy, as_tree


@dataclass(frozen=True, eq=False)
class Setting:
    """One planner, one true environment, and what the engines read of both.

    Parameters
    ----------
    tree : HistoryTree
        The histories.
    truth : int
        The true environment.
    planner : Planner
        The planner, exploration included.
    expert : Expert
        The experts that are imitated.
    evidence : Evidence
        What histories tell the planner.
    tables : Tables
        What a rule reads to plan a whole episode.
    explore_gap : ndarray, shape (W,)
        Expected regret of an episode of exploration, per task; 0 where nothing explores.
    settled_gap : ndarray, shape (W,)
        Expected regret of an episode without exploration once the posterior is a point mass on the truth.
    """

    tree: HistoryTree
    truth: int
    planner: Planner
    expert: Expert
    evidence: Evidence
    tables: Tables
    explore_gap: Array
    settled_gap: Array

    @property
    def exploit(self) -> Planner:
        """The planner that exploits."""
        return self.planner.parts[0]

    @property
    def rule(self) -> Rule:
        """The rule of the planner that exploits."""
        return self.exploit.rule(self.tree.model)

    @property
    def numbers(self) -> tuple[Any, ...]:
        """What the rule is called with."""
        return self.exploit.parameters(self.tree.model)

    @property
    def settles(self) -> bool:
        """Whether weight on the truth, once close to 1, stays there: see ``simulate``."""
        return self.exploit.bayesian and not self.tree.model.misspecified

    def policy(self, log_weights: Array) -> Policy:
        """Return the tree policy of the planner that exploits, for a posterior at the episode's start."""
        model, found = self.tree.model, []
        rule, numbers = self.rule, self.numbers
        start = posterior(np, log_weights)
        plans = [rule.plan(np, self.tables, start, task, numbers) for task in range(model.tasks)]
        for h, within in enumerate(self.evidence.within):
            index = np.arange(within.shape[-1])
            weights = posterior(np, np.moveaxis(log_weights[:, np.newaxis, np.newaxis] + within, 0, -1))
            laws = [
                rule.law(
                    np,
                    Node(
                        level=h,
                        index=index,
                        weights=weights[min(task, weights.shape[0] - 1)],
                        expert=self.expert.subgoal[h][:, task].T,
                        worth=self.expert.action_value[h][self.truth, task],
                    ),
                    plans[task],
                    numbers,
                )
                for task in range(model.tasks)
            ]
            found.append(np.stack(laws))
        return found

    def exploration(self) -> Policy | None:
        """Return the tree policy of exploration, if anything explores."""
        explorer = self.planner.parts[1]
        if not isinstance(explorer, Explorer):
            return None
        model = self.tree.model
        return [
            np.broadcast_to(law, (model.tasks, level.size, model.subgoals))
            for law, level in zip(explorer.table(model), self.tree.levels, strict=False)
        ]


def as_setting(model_or_tree: HMDP | HistoryTree, truth: int, planner: Planner) -> Setting:
    """Check the arguments that exact and simulated regret share, and compute what both need."""
    if not isinstance(planner, Planner):
        raise TypeError(
            f"planner is {planner!r} ({type(planner).__name__}): give an instance of Planner, e.g. BAIL()"
        )
    tree = as_tree(model_or_tree)
    model = tree.model
    as_integer("truth", truth, least=0, most=model.environments - 1)
    experts = expert(tree)
    tables = Tables(
        child=tuple(level.child for level in tree.levels[:-1]),
        likelihood=tuple(level.likelihood for level in tree.levels),
        reward=tuple(tree.reward(h) for h in range(model.horizon)),
    )
    none = np.zeros(model.tasks)
    evidence = planner.parts[0].evidence(tree, experts)
    found = Setting(tree, int(truth), planner, experts, evidence, tables, none, none)
    sure = np.where(np.arange(model.environments) == truth, 0.0, -np.inf)
    gaps = [
        none if policy is None else experts.value[truth] - evaluate(tree, policy)[truth]
        for policy in (found.exploration(), found.policy(sure))
    ]
    return replace(found, explore_gap=gaps[0], settled_gap=gaps[1])


def warn_of_unsupported(setting: Setting) -> None:
    """Warn where no posterior can find the truth."""
    if setting.tree.model.prior[setting.truth] == 0.0:
        warnings.warn(
            f"truth is {setting.truth}, whose prior is 0: no posterior can find it; give it prior weight",
            UnsupportedTruthWarning,
            stacklevel=4,
        )


def as_tasks(tasks: ArrayLike | None, episodes: int, model: HMDP) -> NDArray[np.int64]:
    """Return the task of every episode, shape (T,): task 0 where none are given."""
    if tasks is None:
        return np.zeros(episodes, dtype=np.int64)
    found = as_indices("tasks", tasks, model.tasks)
    if found.shape != (episodes,):
        raise ValueError(f"tasks has shape {found.shape}: give one task per episode, shape ({episodes},)")
    return found


def as_chances(planner: Planner, episodes: int) -> Array:
    """Return a planner's chances of exploration, shape (T,)."""
    found = as_floats("probabilities", planner.probabilities(episodes))
    if found.shape != (episodes,) or found.min() < 0.0 or found.max() > 1.0:
        raise ValueError(
            f"schedule of {planner!r} gives shape {found.shape} with entries from {found.min()} to "
            f"{found.max()}: give one chance per episode, shape ({episodes},), each in [0, 1]"
        )
    return found


def as_checkpoints(checkpoints: ArrayLike | None, episodes: int) -> NDArray[np.int64]:
    """Return after how many episodes the posterior is kept."""
    if checkpoints is None:
        return np.array([episodes - 1])
    return as_indices("checkpoints", np.atleast_1d(checkpoints), episodes)
