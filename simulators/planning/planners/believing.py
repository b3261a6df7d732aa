"""What planners that act on a wrong posterior have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tightbound.simulators.planning.planners._checks import as_planner
from tightbound.simulators.planning.planners.base import Planner, Rule
from tightbound.theory.planning.hmdp import HMDP


@dataclass(frozen=True)
class Believing(Planner):
    """A planner with evidence of its own: subclasses override ``evidence``."""

    planner: Planner

    def __post_init__(self) -> None:
        as_planner("planner", self.planner, Planner, whole_tree=False)

    @property
    def bayesian(self) -> bool:
        """Whether the planner's posterior is."""
        return self.planner.bayesian

    def rule(self, model: HMDP) -> Rule:
        """Return the planner's rule."""
        return self.planner.rule(model)

    def parameters(self, model: HMDP) -> tuple[Any, ...]:
        """Return the planner's numbers."""
        return self.planner.parameters(model)
