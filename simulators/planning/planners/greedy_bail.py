"""Greedy BAIL: the subgoal that the posterior mixture of experts finds most probable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tightbound.simulators.planning.planners.base import Aggregate, Planner, Rule, first_maximum, one_hot
from tightbound.theory.planning.hmdp import HMDP


@dataclass(frozen=True)
class GreedyBAIL(Planner):
    r"""Choose the subgoal of the largest mixture probability, the lowest index among equals.

    .. math:: g = \arg\max_g \sum_z w(z | \tau)\, \pi^*_z(g | \tau)

    References
    ----------
    He, Chen, Zhang, Yang, "From Words to Actions", ICML 2024, arXiv:2405.19883: the planner that is decoded.

    Examples
    --------
    >>> GreedyBAIL()
    GreedyBAIL()
    """

    def rule(self, model: HMDP) -> Rule:
        """Return the mixture of experts, decoded at temperature 0."""
        return Aggregate(_greedy)


def _greedy(xp: Any, mixture: Any, parameters: tuple[Any, ...]) -> Any:
    return one_hot(xp, first_maximum(xp, mixture), mixture.shape[-1])
