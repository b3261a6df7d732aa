"""BAIL: Bayesian aggregated imitation learning, what a perfectly trained language model does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tightbound.simulators.planning.planners._checks import as_number
from tightbound.simulators.planning.planners.base import Aggregate, Planner, Rule
from tightbound.theory.planning.hmdp import HMDP


@dataclass(frozen=True)
class BAIL(Planner):
    r"""Draw each subgoal from the posterior mixture of the experts, sharpened or flattened by a temperature.

    .. math:: \pi(g | \tau) \propto \Big(\sum_z w(z | \tau)\, \pi^*_z(g | \tau)\Big)^{1 / \theta}

    with theta the temperature.

    Parameters
    ----------
    temperature : float
        Above 0; 1 samples from the mixture itself.

    Raises
    ------
    TypeError, ValueError
        For a temperature that is not a positive number.

    References
    ----------
    He, Chen, Zhang, Yang, "From Words to Actions", ICML 2024, arXiv:2405.19883: the planner of the abstract.

    Examples
    --------
    >>> BAIL(temperature=0.5)
    BAIL(temperature=0.5)
    """

    temperature: float = 1.0

    def __post_init__(self) -> None:
        as_number(
            "temperature",
            self.temperature,
            above=0.0,
            remedy="for temperature 0, the largest probability, use GreedyBAIL()",
        )

    def rule(self, model: HMDP) -> Rule:
        """Return the mixture of experts, tempered."""
        return Aggregate(_temper)

    def parameters(self, model: HMDP) -> tuple[Any, ...]:
        """Return the temperature."""
        return (self.temperature,)


def _temper(xp: Any, mixture: Any, parameters: tuple[Any, ...]) -> Any:
    (temperature,) = parameters
    powers = (mixture / mixture.max(axis=-1, keepdims=True)) ** (1.0 / temperature)
    return powers / powers.sum(axis=-1, keepdims=True)
