"""One subgoal, always."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tightbound.simulators.planning.planners.base import Array
from tightbound.simulators.planning.planners.explore import Explorer
from tightbound.theory.planning._validation import as_integer
from tightbound.theory.planning.hmdp import HMDP


@dataclass(frozen=True)
class FixedSubgoal(Explorer):
    """Choose the same subgoal at every decision.

    Parameters
    ----------
    subgoal : int
        Index of the (joint) subgoal, from 0.

    Raises
    ------
    TypeError, ValueError
        For what is not an index; by ``table`` for an index that the model does not have.

    Examples
    --------
    >>> FixedSubgoal(2)
    FixedSubgoal(subgoal=2)
    """

    subgoal: int

    def __post_init__(self) -> None:
        as_integer("subgoal", self.subgoal, least=0)

    def table(self, model: HMDP) -> Array:
        """Return point masses, shape (H-1, G)."""
        as_integer("subgoal", self.subgoal, least=0, most=model.subgoals - 1)
        return np.tile(np.eye(model.subgoals)[self.subgoal], (model.decisions, 1))
