"""BAWM: plan against the posterior predictive law of observations, and act on the plan for an episode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tightbound.simulators.planning.planners.base import (
    Node,
    Planner,
    Rule,
    Tables,
    first_maximum,
    one_hot,
    sum_children,
)
from tightbound.theory.planning.hmdp import HMDP


@dataclass(frozen=True)
class WorldModel(Planner):
    r"""Maximise the posterior mean of the values, the plan being made once per episode.

    .. math:: \pi^t \in \arg\max_\pi \sum_z w_t(z) J_z(\pi)

    Backward induction over histories: sums of likelihoods weighted by the posterior at the episode's start
    carry the posterior within the episode with them. Among equal subgoals the lowest index is taken.

    References
    ----------
    He, Chen, Zhang, Yang, "From Words to Actions", ICML 2024, arXiv:2405.19883: the language model as a
    world model.

    Examples
    --------
    >>> WorldModel()
    WorldModel()
    """

    @property
    def whole_tree(self) -> bool:
        """True: a plan has one subgoal per history."""
        return True

    def rule(self, model: HMDP) -> Rule:
        """Return planning by backward induction on the mixture."""
        return _Plan()


@dataclass(frozen=True)
class _Plan:
    def plan(self, xp: Any, tables: Tables, weights: Any, task: Any, parameters: tuple[Any, ...]) -> Any:
        chosen = []
        value = (weights @ tables.likelihood[-1]) * tables.reward[-1][task]
        for level in range(len(tables.child) - 1, -1, -1):
            gains = sum_children(xp, tables.child[level], value)
            best = first_maximum(xp, gains)
            chosen.append(best)
            mass = weights @ tables.likelihood[level]
            value = mass * tables.reward[level][task] + xp.take_along_axis(gains, best[:, None], 1)[:, 0]
        return tuple(reversed(chosen))

    def law(self, xp: Any, node: Node, plan: Any, parameters: tuple[Any, ...]) -> Any:
        return one_hot(xp, plan[node.level][node.index], node.subgoals)
