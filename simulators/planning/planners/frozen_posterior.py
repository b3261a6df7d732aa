"""A posterior that does not move within an episode."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tightbound.simulators.planning.planners.base import Evidence
from tightbound.simulators.planning.planners.believing import Believing
from tightbound.theory.planning.expert import Expert
from tightbound.theory.planning.tree import HistoryTree


@dataclass(frozen=True)
class FrozenPosterior(Believing):
    r"""Act by another planner on the posterior at the episode's start, :math:`w_{t,h} = w_{t,1}`.

    A broken variant for controls: finished episodes count, the current one does not.

    Parameters
    ----------
    planner : Planner
        Acts on the posterior.

    Raises
    ------
    TypeError
        For what is not a planner, or one that explores.

    Examples
    --------
    >>> from tightbound.simulators.planning.planners.bail import BAIL
    >>> FrozenPosterior(BAIL())
    FrozenPosterior(planner=BAIL(temperature=1.0))
    """

    def evidence(self, tree: HistoryTree, expert: Expert) -> Evidence:
        """Return the planner's evidence, none of it within the episode."""
        found = self.planner.evidence(tree, expert)
        return found._replace(within=tuple(np.zeros_like(logs) for logs in found.within))
