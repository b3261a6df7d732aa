"""Uniform subgoals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tightbound.simulators.planning.planners.base import Array
from tightbound.simulators.planning.planners.explore import Explorer
from tightbound.theory.planning.hmdp import HMDP


@dataclass(frozen=True)
class Uniform(Explorer):
    """Draw every subgoal uniformly.

    Examples
    --------
    >>> Uniform()
    Uniform()
    """

    def table(self, model: HMDP) -> Array:
        """Return uniform laws, shape (H-1, G)."""
        return np.full((model.decisions, model.subgoals), 1.0 / model.subgoals)
