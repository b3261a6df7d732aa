"""Subgoals from a given law, whatever was observed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tightbound.simulators.planning.planners.base import Array, Planner, Rule, Stationary
from tightbound.theory.planning._validation import as_laws
from tightbound.theory.planning.hmdp import HMDP


class Explorer(Planner):
    """A planner whose subgoals never depend on what was observed: a policy for exploration."""

    def table(self, model: HMDP) -> Array:
        """Return laws of subgoals by decision, shape (H-1, G)."""
        raise NotImplementedError(f"{type(self).__name__} must say its laws: define table(model)")

    def rule(self, model: HMDP) -> Rule:
        """Return the law by decision."""
        return Stationary()

    def parameters(self, model: HMDP) -> tuple[Any, ...]:
        """Return the laws."""
        return (self.table(model),)


@dataclass(frozen=True, init=False)
class Explore(Explorer):
    """Draw subgoals from given laws.

    Parameters
    ----------
    law : array_like, shape (G,) or (H-1, G)
        Law of the subgoal, the same at every decision or one for each.

    Raises
    ------
    ValueError
        For what is no law; by ``table`` for one that does not fit the model.

    Examples
    --------
    >>> Explore([0.5, 0.5])
    Explore(law=((0.5, 0.5),))
    """

    law: tuple[tuple[float, ...], ...]

    def __init__(self, law: ArrayLike) -> None:
        rows = np.atleast_2d(as_laws("law", law))
        if rows.ndim != 2:
            raise ValueError(f"law has shape {rows.shape}: give shape (G,) or (H-1, G)")
        object.__setattr__(self, "law", tuple(map(tuple, rows.tolist())))

    def table(self, model: HMDP) -> Array:
        """Return the laws, shape (H-1, G)."""
        rows, shape = np.array(self.law), (model.decisions, model.subgoals)
        if rows.shape[1] != shape[1] or rows.shape[0] not in (1, shape[0]):
            raise ValueError(
                f"law has shape {rows.shape}: the model has H-1 = {shape[0]} decisions and G = {shape[1]} "
                f"subgoals; give shape ({shape[1]},) or {shape}"
            )
        return np.array(np.broadcast_to(rows, shape))
