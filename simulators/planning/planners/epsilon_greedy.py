"""Exploration in episodes drawn by a coin."""

from __future__ import annotations

from dataclasses import dataclass

from tightbound.simulators.planning.planners._checks import as_planner
from tightbound.simulators.planning.planners.base import Array, Planner
from tightbound.simulators.planning.planners.explore import Explorer
from tightbound.simulators.planning.planners.schedules import Schedule


@dataclass(frozen=True)
class EpsilonGreedy(Planner):
    r"""Toss a coin once per episode: explore with chance :math:`\epsilon_t`, else exploit, to its end.

    The episodes of exploration enter the prompt like all others. One coin per decision instead would make
    informative episodes rarer than :math:`\epsilon_t`.

    Parameters
    ----------
    exploit : Planner
        Acts when the coin does not call for exploration.
    explore : Explorer
        Uniform, FixedSubgoal or Explore.
    schedule : Schedule
        Chances by episode: Constant or Inverse.

    Raises
    ------
    TypeError
        For parts of another kind.

    References
    ----------
    He, Chen, Zhang, Yang, "From Words to Actions", ICML 2024, arXiv:2405.19883: epsilon-greedy exploration.

    Examples
    --------
    >>> from tightbound.simulators.planning.planners.bail import BAIL
    >>> from tightbound.simulators.planning.planners.schedules import Constant
    >>> from tightbound.simulators.planning.planners.uniform import Uniform
    >>> EpsilonGreedy(BAIL(), Uniform(), Constant(0.1)).probabilities(2).tolist()
    [0.1, 0.1]
    """

    exploit: Planner
    explore: Explorer
    schedule: Schedule

    def __post_init__(self) -> None:
        as_planner("exploit", self.exploit, Planner)
        as_planner("explore", self.explore, Explorer)
        if not callable(self.schedule):
            raise TypeError(
                f"schedule is {self.schedule!r}: give a function from the number of episodes to their "
                "chances of exploration, e.g. Constant(0.1)"
            )

    @property
    def parts(self) -> tuple[Planner, Planner | None]:
        """The planner that exploits and the one that explores."""
        return self.exploit, self.explore

    def probabilities(self, episodes: int) -> Array:
        """Return the chance of exploration in every episode, shape (T,)."""
        return self.schedule(episodes)
