"""A planner that answers from a count table instead of from the exact posterior mixture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tightbound.simulators.planning.language_models.count_model import CountModel
from tightbound.simulators.planning.language_models.pretraining import PromptContexts
from tightbound.simulators.planning.planners.base import Node, Planner, Rule, Tables
from tightbound.theory.planning._validation import Array
from tightbound.theory.planning.hmdp import HMDP
from tightbound.theory.planning.tree import HistoryTree


@dataclass(frozen=True, eq=False)
class CountPlanner(Planner):
    r"""Draw each subgoal from what followed the prompt's context in pretraining.

    .. math:: \pi(g \mid \mathrm{pt}) = n(c(\mathrm{pt}), g) / n(c(\mathrm{pt}))

    and uniformly where the context was never seen. The context is read off the exact posterior: counting
    replaces the language model's *answers*, not its reading of the prompt.

    Parameters
    ----------
    model : CountModel
        The table, fitted by ``contexts.fit``.
    contexts : PromptContexts
        What the table keeps of a prompt.
    tree : HistoryTree
        The process of the documents, whose nodes the table speaks of.

    Raises
    ------
    ValueError
        For a table over another number of subgoals; by ``parameters`` for a model with other histories.

    References
    ----------
    He, Chen, Zhang, Yang, "From Words to Actions", ICML 2024, arXiv:2405.19883.
    """

    model: CountModel
    contexts: PromptContexts
    tree: HistoryTree

    def __post_init__(self) -> None:
        if self.model.labels != self.tree.model.subgoals:
            raise ValueError(
                f"model has {self.model.labels} labels, tree {self.tree.model.subgoals} subgoals: fit the "
                "table on documents of this tree"
            )

    def rule(self, model: HMDP) -> Rule:
        """Return the look-up; tables over the same contexts share compiled code."""
        return _LookUp(self.contexts)

    def parameters(self, model: HMDP) -> tuple[Any, ...]:
        """Return one table per decision, shape (W, N_h, bins, G)."""
        if model is not self.tree.model:
            _same_histories(self.tree, HistoryTree(model))
        tasks, bins = self.tree.model.tasks, self.contexts.size(self.tree.model.environments)
        found: list[Array] = []
        for h, level in enumerate(self.tree.levels[:-1]):
            shape = (1, tasks, level.size, bins)
            keys = np.indices(shape).reshape(4, -1).T + np.array([h, 0, 0, 0])
            found.append(self.model.laws(keys).reshape(*shape[1:], -1))
        return tuple(found)


@dataclass(frozen=True)
class _LookUp:
    contexts: PromptContexts

    def plan(self, xp: Any, tables: Tables, weights: Any, task: Any, parameters: tuple[Any, ...]) -> Any:
        return task

    def law(self, xp: Any, node: Node, plan: Any, parameters: tuple[Any, ...]) -> Any:
        return parameters[node.level][plan][node.index, self.contexts.bins(node.weights, xp)]


def _same_histories(ours: HistoryTree, theirs: HistoryTree) -> None:
    sizes = [[level.size for level in tree.levels] for tree in (ours, theirs)]
    if sizes[0] != sizes[1] or any(
        not np.array_equal(a.child, b.child) for a, b in zip(ours.levels, theirs.levels, strict=True)
    ):
        raise ValueError(
            f"model has {sizes[1]} histories by level, the documents' tree {sizes[0]}, or others: the table "
            "speaks of nodes of that tree; write documents of a model with the same possible histories"
        )
