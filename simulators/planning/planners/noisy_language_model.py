"""A language model whose law is off by a known amount."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from tightbound.simulators.planning.planners._checks import as_number, as_planner
from tightbound.simulators.planning.planners.base import Evidence, Node, Planner, Rule, Tables, one_hot
from tightbound.theory.planning.expert import Expert
from tightbound.theory.planning.hmdp import HMDP
from tightbound.theory.planning.tree import HistoryTree


@dataclass(frozen=True)
class NoisyLanguageModel(Planner):
    r"""Answer by another planner, except for a share of answers that is noise.

    .. math:: \hat\pi(\cdot | \tau) = (1 - \delta)\, \pi(\cdot | \tau) + \delta\, \nu(\cdot | \tau),
              \qquad TV(\hat\pi, \pi) = \delta\, TV(\nu, \pi) \le \delta

    The noise is drawn anew at every decision; it enters no posterior, since subgoals are no evidence.

    Parameters
    ----------
    planner : Planner
        What the language model should answer.
    error : float
        The share delta in [0, 1].
    kind : {"uniform", "adversarial"}
        Noise that is uniform over subgoals, or the subgoal that is worth least in the true environment.

    Raises
    ------
    TypeError, ValueError
        For a planner that explores or plans whole episodes, an error outside [0, 1] or an unknown kind.

    References
    ----------
    He, Chen, Zhang, Yang, "From Words to Actions", ICML 2024, arXiv:2405.19883: language models with
    pretraining error.

    Examples
    --------
    >>> from tightbound.simulators.planning.planners.bail import BAIL
    >>> NoisyLanguageModel(BAIL(), error=0.1, kind="adversarial").error
    0.1
    """

    planner: Planner
    error: float
    kind: Literal["uniform", "adversarial"] = "uniform"

    def __post_init__(self) -> None:
        as_planner("planner", self.planner, Planner, whole_tree=False)
        as_number("error", self.error, least=0.0, most=1.0, remedy="it is a share of answers")
        if self.kind not in ("uniform", "adversarial"):
            raise ValueError(f"kind is {self.kind!r}: choose 'uniform' or 'adversarial'")

    @property
    def bayesian(self) -> bool:
        """Whether the planner's posterior is."""
        return self.planner.bayesian

    def rule(self, model: HMDP) -> Rule:
        """Return the planner's rule with noise."""
        return _Noisy(self.planner.rule(model), self.kind)

    def parameters(self, model: HMDP) -> tuple[Any, ...]:
        """Return the error, then the planner's numbers."""
        return (self.error, *self.planner.parameters(model))

    def evidence(self, tree: HistoryTree, expert: Expert) -> Evidence:
        """Return what histories tell the planner."""
        return self.planner.evidence(tree, expert)


@dataclass(frozen=True)
class _Noisy:
    rule: Rule
    kind: str

    def plan(self, xp: Any, tables: Tables, weights: Any, task: Any, parameters: tuple[Any, ...]) -> Any:
        return self.rule.plan(xp, tables, weights, task, parameters[1:])

    def law(self, xp: Any, node: Node, plan: Any, parameters: tuple[Any, ...]) -> Any:
        error, *numbers = parameters
        answer = self.rule.law(xp, node, plan, tuple(numbers))
        noise = 1.0 / node.subgoals
        if self.kind == "adversarial":
            noise = one_hot(xp, node.worth.argmin(axis=-1), node.subgoals)
        return (1.0 - error) * answer + error * noise
