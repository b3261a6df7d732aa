"""Exploration in the first episodes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tightbound.simulators.planning.planners._checks import as_planner
from tightbound.simulators.planning.planners.base import Array, Planner
from tightbound.simulators.planning.planners.explore import Explorer
from tightbound.theory.planning._validation import as_integer


@dataclass(frozen=True)
class ExploreFirst(Planner):
    """Explore for a number of episodes, then exploit for good.

    Parameters
    ----------
    exploit : Planner
        Acts afterwards.
    explore : Explorer
        Uniform, FixedSubgoal or Explore.
    episodes : int
        How many episodes explore, at least 0.

    Raises
    ------
    TypeError, ValueError
        For parts of another kind, or a number of episodes below 0.

    Examples
    --------
    >>> from tightbound.simulators.planning.planners.bail import BAIL
    >>> from tightbound.simulators.planning.planners.uniform import Uniform
    >>> ExploreFirst(BAIL(), Uniform(), episodes=2).probabilities(4).tolist()
    [1.0, 1.0, 0.0, 0.0]
    """

    exploit: Planner
    explore: Explorer
    episodes: int

    def __post_init__(self) -> None:
        as_planner("exploit", self.exploit, Planner)
        as_planner("explore", self.explore, Explorer)
        as_integer("episodes", self.episodes, least=0)

    @property
    def parts(self) -> tuple[Planner, Planner | None]:
        """The planner that exploits and the one that explores."""
        return self.exploit, self.explore

    def probabilities(self, episodes: int) -> Array:
        """Return the chance of exploration in every episode, shape (T,): 1, then 0."""
        return np.where(np.arange(episodes) < self.episodes, 1.0, 0.0)
