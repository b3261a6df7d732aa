"""BAIL for several actors that draw their parts of the joint subgoal independently."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tightbound.simulators.planning.planners.base import Aggregate, Planner, Rule
from tightbound.theory.planning.hmdp import HMDP


@dataclass(frozen=True)
class IndependentBAIL(Planner):
    r"""Draw every actor's subgoal from its own marginal of the posterior mixture.

    .. math:: \pi(g^1, \dots, g^K | \tau) = \prod_k \sum_z w(z | \tau)\, \pi^{*,k}_z(g^k | \tau)

    With one actor this is BAIL.

    References
    ----------
    He, Chen, Zhang, Yang, "From Words to Actions", ICML 2024, arXiv:2405.19883: several actors.

    Examples
    --------
    >>> IndependentBAIL()
    IndependentBAIL()
    """

    def rule(self, model: HMDP) -> Rule:
        """Return the product of marginals for the model's actors."""
        return Aggregate(_Product(model.actors))


@dataclass(frozen=True)
class _Product:
    actors: tuple[int, ...]

    def __call__(self, xp: Any, mixture: Any, parameters: tuple[Any, ...]) -> Any:
        lead = mixture.shape[:-1]
        joint = mixture.reshape(*lead, *self.actors)
        axes = range(-len(self.actors), 0)
        product = xp.ones(joint.shape)
        for actor in axes:
            product = product * joint.sum(axis=tuple(a for a in axes if a != actor), keepdims=True)
        return product.reshape(mixture.shape)
