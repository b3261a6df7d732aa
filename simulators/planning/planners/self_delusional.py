"""A posterior that takes the planner's own subgoals for an expert's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tightbound.simulators.planning.planners.base import Evidence
from tightbound.simulators.planning.planners.believing import Believing
from tightbound.theory.planning.expert import Expert
from tightbound.theory.planning.tree import HistoryTree


@dataclass(frozen=True)
class SelfDelusional(Believing):
    r"""Act by another planner on the wrong posterior that counts its own subgoals as evidence.

    .. math:: w(z | \tau) \propto P(z)\, L_z(\tau) \prod_h \pi^*_z(g_h | \tau_h)

    A broken variant for controls: a draw excludes every environment whose expert would have chosen otherwise,
    the true one among them. Subgoals of exploration are known to be nobody's choice and do not count.

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
    >>> SelfDelusional(BAIL())
    SelfDelusional(planner=BAIL(temperature=1.0))
    """

    @property
    def bayesian(self) -> bool:
        """False: subgoals are no evidence."""
        return False

    def evidence(self, tree: HistoryTree, expert: Expert) -> Evidence:
        """Return the planner's evidence, histories excluded where the expert would have chosen otherwise."""
        found = self.planner.evidence(tree, expert)
        follows = [np.ones((tree.model.environments, tree.model.tasks, tree.levels[0].parent.size), bool)]
        for level, chosen in zip(tree.levels[1:], expert.subgoal, strict=True):
            follows.append(follows[-1][..., level.parent] & (chosen[..., level.parent] == level.subgoal))
        logs = [
            np.where(kept, known, -np.inf)
            for kept, known in zip(follows, (*found.within, found.exploited), strict=True)
        ]
        return Evidence(tuple(logs[:-1]), logs[-1], found.explored)
