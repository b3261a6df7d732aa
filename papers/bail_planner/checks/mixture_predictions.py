"""PLN-17: predicting observation by observation is planning in the mixture of the environments."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tightbound.papers.bail_planner.checks._random_tables import PERFECT, TASKS, random_tables, sizes
from tightbound.theory.planning.brute_force import plan_values
from tightbound.theory.planning.evaluation import evaluate
from tightbound.theory.planning.expert import expert
from tightbound.theory.planning.filtering import normalised
from tightbound.theory.planning.tree import HistoryTree, Policy
from tightbound.theory.planning.world_model import predicted_value, predictive, world_model
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid
from tightbound.verification.statistics import Equality

PAPER = "bail_planner"

Arrays = dict[str, Any]
Array = NDArray[np.float64]


def _frozen(tree: HistoryTree, log_weights: Array) -> list[Array]:
    """Predictions with the weights of the episode's start at every step."""
    weights = normalised(log_weights)
    return [np.einsum("z,zngo->ngo", weights, level.predicted) for level in tree.levels[:-1]]


def _world(cell: Cell, rng: np.random.Generator) -> tuple[HistoryTree, Array, Policy]:
    """Draw a tree, log weights of the environments and a policy of histories."""
    tree = HistoryTree(random_tables(cell, rng))
    goals = np.ones(tree.model.subgoals)
    policy = [rng.dirichlet(goals, (TASKS, level.size)) for level in tree.levels[:-1]]
    return tree, rng.normal(size=tree.model.environments), policy


def predicted_episodes(cell: Cell, rng: np.random.Generator, predict: Any = predictive) -> Arrays:
    """Product of the predictions over an episode beside the mixture of the environments."""
    value, reference = [], []
    for _ in range(cell["instances"]):
        tree, logs, _ = _world(cell, rng)
        weights = normalised(logs)
        law = weights @ tree.levels[0].likelihood
        for below, step in zip(tree.levels[1:], predict(tree, logs), strict=True):
            law = law[below.parent] * step[below.parent, below.subgoal, below.observation]
        value.append(law)
        reference.append(weights @ tree.levels[-1].likelihood)
    return {"value": np.concatenate(value), "reference": np.concatenate(reference)}


def frozen_episodes(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with weights that do not learn within the episode."""
    return predicted_episodes(cell, rng, _frozen)


def _worlds(instances: int, shapes: tuple[tuple[int, ...], ...]) -> list[dict[str, Any]]:
    return [sizes(*shape, keep=keep, instances=instances) for shape in shapes for keep in (1.0, 0.6)]


WORLDS = ((1, 2, 2, 2, 2), (3, 3, 2, 3, 3), (2, 4, 3, 2, 4))
MORE_WORLDS = (*WORLDS, (6, 4, 2, 3, 4), (3, 3, 2, 2, 6))

PLN_17A = Claim(
    id="PLN-17a",
    paper=PAPER,
    title="Predicting observation by observation is predicting whole episodes by the mixture",
    statement=r"\prod_h \sum_z w(z | \tau_h) P_z(o_{h+1} | \tau_h, g_h) = \sum_z w(z) L_z(\tau_H)",
    source="derived (chain rule); cf. He et al. 2024 on language models as world models",
    provenance="derived",
    statistic=Equality(atol=1e-12),
    grid=Grid(quick=_worlds(5, WORLDS), standard=_worlds(20, MORE_WORLDS), full=_worlds(100, MORE_WORLDS)),
    measure=predicted_episodes,
    control=NegativeControl(
        measure=frozen_episodes,
        because="a model that keeps the weights of the episode's start does not learn within the episode",
    ),
    substitutes=PERFECT,
    seconds={"quick": 0.3, "standard": 2.0},
)


def predicted_values(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Value that the world model predicts for a random policy beside the average value."""
    value, reference = [], []
    for _ in range(cell["instances"]):
        tree, logs, policy = _world(cell, rng)
        value.append(predicted_value(tree, logs, policy))
        reference.append(normalised(logs) @ evaluate(tree, policy))
    return {"value": np.concatenate(value), "reference": np.concatenate(reference)}


def frozen_values(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with weights that do not learn within the episode."""
    value, reference = [], []
    for _ in range(cell["instances"]):
        tree, logs, policy = _world(cell, rng)
        weights, steps = normalised(logs), _frozen(tree, logs)
        ahead = tree.reward(tree.model.decisions)
        for h in reversed(range(tree.model.decisions)):
            below = tree.levels[h + 1]
            chance = steps[h][below.parent, below.subgoal, below.observation]
            ahead = tree.reward(h) + (policy[h] * tree.sum_children(h, chance * ahead)).sum(axis=-1)
        value.append(ahead @ (weights @ tree.levels[0].likelihood))
        reference.append(weights @ evaluate(tree, policy))
    return {"value": np.concatenate(value), "reference": np.concatenate(reference)}


PLN_17B = Claim(
    id="PLN-17b",
    paper=PAPER,
    title="The value that the world model predicts is the average of the environments' values",
    statement=r"\hat J(\pi) = \sum_z w(z) J_z(\pi) for every policy of histories",
    source="derived; cf. He et al. 2024 on language models as world models",
    provenance="derived",
    statistic=Equality(atol=1e-12),
    grid=Grid(quick=_worlds(5, WORLDS), standard=_worlds(20, MORE_WORLDS), full=_worlds(100, MORE_WORLDS)),
    measure=predicted_values,
    control=NegativeControl(
        measure=frozen_values,
        because="a model that keeps the weights of the episode's start predicts later rewards wrongly",
    ),
    substitutes=PERFECT,
    seconds={"quick": 0.3, "standard": 2.0},
)


def planned_values(cell: Cell, rng: np.random.Generator, likeliest: bool = False) -> Arrays:
    """Average value of the world model's plan beside the best of all plans, each evaluated alone."""
    value, reference = [], []
    for _ in range(cell["instances"]):
        tree, logs, _ = _world(cell, rng)
        weights = normalised(logs)
        plan = expert(tree).policy(int(weights.argmax())) if likeliest else world_model(tree, logs)
        value.append(weights @ evaluate(tree, plan))
        for task in range(TASKS):
            plans = [plan_values(tree.model, z, task) for z in range(weights.size)]
            reference.append((weights @ np.array(plans)).max())
    return {"value": np.concatenate(value), "reference": np.array(reference)}


def plans_for_the_likeliest(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for the expert of the likeliest environment."""
    return planned_values(cell, rng, likeliest=True)


PLANNED = ((2, 3, 2, 2, 3), (3, 2, 3, 2, 3), (3, 3, 2, 3, 2))

PLN_17C = Claim(
    id="PLN-17c",
    paper=PAPER,
    title="The world model's plan is the best of all plans on average",
    statement=r"\sum_z w(z) J_z(\hat\pi) = \max_\pi \sum_z w(z) J_z(\pi) over all deterministic plans",
    source="derived; cf. He et al. 2024 on language models as world models",
    provenance="derived",
    statistic=Equality(atol=1e-12),
    grid=Grid(
        quick=_worlds(2, PLANNED),
        standard=_worlds(10, (*PLANNED, (2, 2, 2, 2, 4))),
        full=_worlds(50, (*PLANNED, (2, 2, 2, 2, 4), (2, 2, 2, 3, 3))),
    ),
    measure=planned_values,
    control=NegativeControl(
        measure=plans_for_the_likeliest,
        because="the best plan for the likeliest environment ignores the others",
    ),
    substitutes=PERFECT,
    seconds={"quick": 1.0, "standard": 8.0},
)
