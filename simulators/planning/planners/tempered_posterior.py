"""A posterior that counts every observation several times, or a fraction of a time."""

from __future__ import annotations

from dataclasses import dataclass

from tightbound.simulators.planning.planners._checks import as_number
from tightbound.simulators.planning.planners.base import Evidence
from tightbound.simulators.planning.planners.believing import Believing
from tightbound.theory.planning.expert import Expert
from tightbound.theory.planning.tree import HistoryTree


@dataclass(frozen=True)
class TemperedPosterior(Believing):
    r"""Act by another planner on the wrong posterior that raises likelihoods to a power.

    .. math:: w(z | \tau) \propto P(z)\, L_z(\tau)^{\mathrm{power}}

    A broken variant for controls: with a power of 2 the expected root of the posterior ratio no longer
    contracts.

    Parameters
    ----------
    planner : Planner
        Acts on the posterior.
    power : float
        Above 0; 1 is Bayes' rule.

    Raises
    ------
    TypeError, ValueError
        For a planner that explores, or a power that is not a positive number.

    Examples
    --------
    >>> from tightbound.simulators.planning.planners.bail import BAIL
    >>> TemperedPosterior(BAIL(), power=2.0).power
    2.0
    """

    power: float = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        as_number("power", self.power, above=0.0, remedy="a power of 1 is Bayes' rule")

    @property
    def bayesian(self) -> bool:
        """False: ratios of such weights are no martingale."""
        return False

    def evidence(self, tree: HistoryTree, expert: Expert) -> Evidence:
        """Return the planner's evidence times the power."""
        found = self.planner.evidence(tree, expert)
        return Evidence(
            tuple(self.power * logs for logs in found.within),
            self.power * found.exploited,
            self.power * found.explored,
        )
