"""PLN-4: the expert is the best of all policies of histories, and what lies on either side of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.papers.bail_planner.checks._random_tables import TASKS, random_tables, sizes
from tightbound.theory.planning.brute_force import plan_values
from tightbound.theory.planning.evaluation import evaluate
from tightbound.theory.planning.expert import expert
from tightbound.theory.planning.hidden_state import most_likely_state, qmdp, state_values
from tightbound.theory.planning.hmdp import HMDP
from tightbound.theory.planning.tree import HistoryTree
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Equality, Order

PAPER = "bail_planner"
TABLES = "tables in place of a reporter and an actor; no language model is involved"

Arrays = dict[str, Any]


def _instances(count: int, shapes: tuple[tuple[int, ...], ...]) -> list[dict[str, Any]]:
    return [sizes(*shape, keep=keep, instances=count) for shape in shapes for keep in (1.0, 0.6)]


TINY = ((2, 3, 2, 2, 2), (2, 3, 2, 2, 3), (1, 3, 3, 2, 3), (2, 2, 4, 3, 2))
ENUMERABLE = (*TINY, (2, 4, 2, 3, 3), (1, 3, 2, 2, 4))
LARGEST = (*ENUMERABLE, (1, 3, 3, 3, 3))


def _best_of_all(model: HMDP) -> np.ndarray:
    """Value of the best plan in every environment for every task, shape (Z, W)."""
    return np.array(
        [[plan_values(model, z, w).max() for w in range(TASKS)] for z in range(model.environments)]
    )


def expert_values(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Value of the expert beside the best of all plans, each evaluated alone."""
    models = [random_tables(cell, rng) for _ in range(cell["instances"])]
    return {
        "value": np.array([expert(model).value for model in models]).ravel(),
        "reference": np.array([_best_of_all(model) for model in models]).ravel(),
    }


def _policy_values(tree: HistoryTree, policies: list[Any]) -> np.ndarray:
    """Value of each environment's own policy, shape (Z, W)."""
    return np.array([evaluate(tree, policy)[z] for z, policy in enumerate(policies)])


def qmdp_values(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for QMDP, which plans as if the state were about to be seen."""
    models = [random_tables(cell, rng) for _ in range(cell["instances"])]
    trees = [HistoryTree(model) for model in models]
    return {
        "value": np.array([_policy_values(tree, qmdp(tree)) for tree in trees]).ravel(),
        "reference": np.array([_best_of_all(model) for model in models]).ravel(),
    }


PLN_4A = Claim(
    id="PLN-4a",
    paper=PAPER,
    title="The expert is the best of all policies of histories",
    statement=r"dynamic programming over histories gives \max_\pi J_z(\pi) over all deterministic plans, for "
    "every environment and task",
    source="derived; the expert that is imitated, cf. He et al. 2024",
    provenance="derived",
    statistic=Equality(atol=1e-12),
    grid=Grid(quick=_instances(2, TINY), standard=_instances(10, ENUMERABLE), full=_instances(20, LARGEST)),
    measure=expert_values,
    control=NegativeControl(
        measure=qmdp_values,
        grid=Grid(quick=_instances(10, ((2, 3, 2, 2, 3), (1, 3, 3, 2, 3)))),
        because="a policy that plans as if the state were about to be seen misses the best somewhere",
    ),
    substitutes=TABLES,
    seconds={"quick": 1.0, "standard": 10.0},
)


def myopic_about_information(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Values of QMDP and of acting on the likeliest state, the expert's, and that of seeing the state."""
    below, above = [], []
    for _ in range(cell["instances"]):
        tree = HistoryTree(random_tables(cell, rng))
        best = expert(tree).value
        below += [_policy_values(tree, qmdp(tree)), _policy_values(tree, most_likely_state(tree)), best]
        above += [best, best, state_values(tree.model)[0]]
    return {"value": np.array(below).ravel(), "bound": np.array(above).ravel()}


def seeing_the_state(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Value of an observer of the state, held against the expert's."""
    trees = [HistoryTree(random_tables(cell, rng)) for _ in range(cell["instances"])]
    return {
        "value": np.array([state_values(tree.model)[0] for tree in trees]).ravel(),
        "bound": np.array([expert(tree).value for tree in trees]).ravel(),
    }


MEDIUM = ((3, 3, 3, 2, 4), (2, 4, 2, 3, 3), (2, 6, 3, 3, 4))
LONG = (*MEDIUM, (3, 8, 2, 3, 6), (2, 4, 4, 4, 4))

PLN_4B = Claim(
    id="PLN-4b",
    paper=PAPER,
    title="The expert earns at least what QMDP and the likeliest state do, at most what an observer does",
    statement=r"J_z(\pi_{QMDP}), J_z(\pi_{MLS}) <= J_z^* <= \sum_s \rho(s) V_z(s), V_z of an observer",
    source="derived",
    provenance="derived",
    statistic=BoundHolds(method="exact", side="upper", slack=1e-12),
    grid=Grid(quick=_instances(5, MEDIUM), standard=_instances(20, LONG), full=_instances(100, LONG)),
    measure=myopic_about_information,
    control=NegativeControl(
        measure=seeing_the_state,
        because="an agent that sees the hidden state earns more than any policy of histories",
    ),
    substitutes=TABLES,
    seconds={"quick": 1.0, "standard": 15.0},
)


def two_doors(delay: float, shown: bool) -> HMDP:
    """One of two doors is right, each as likely; a step's delay costs ``delay`` of a prize of 1.

    Subgoals: open door 0, open door 1, wait, listen. Listening tells which door is right, waiting does not;
    where the reporter shows the door anyway there is nothing to learn.
    """
    unheard, heard, won, lost = 0, 2, 4, 5
    kernel = np.zeros((1, 6, 4, 6))
    for door in range(2):
        for state in (unheard + door, heard + door):
            kernel[0, state, door, won] = kernel[0, state, 1 - door, lost] = 1.0
            kernel[0, state, 2, state] = kernel[0, state, 3, heard + door] = 1.0
    kernel[0, won, :, won] = kernel[0, lost, :, lost] = 1.0
    report = np.zeros((6, 5))
    report[[heard, heard + 1, won, lost], [1, 2, 3, 4]] = 1.0
    report[[unheard, unheard + 1], [1, 2] if shown else [0, 0]] = 1.0
    reward = np.zeros((3, 5))
    reward[1, 3], reward[2, 3] = delay, 1.0 - delay
    return HMDP([0.5, 0.5, 0, 0, 0, 0], kernel, report, reward)


def price_of_information(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Values of the expert, and of QMDP and of acting on the likeliest state."""
    tree = HistoryTree(two_doors(cell["delay"], cell["shown"]))
    others = [evaluate(tree, policies[0]).item() for policies in (qmdp(tree), most_likely_state(tree))]
    return {"greater": expert(tree).value.repeat(2), "smaller": np.array(others)}


PLN_4C = Claim(
    id="PLN-4c",
    paper=PAPER,
    title="Where information has a price the expert earns strictly more",
    statement=r"J^* = 1 - c > (1 - c) / 2 = J(\pi_{QMDP}) and J^* > 1/2 = J(\pi_{MLS}), listening at c < 1/2",
    source="derived",
    provenance="derived",
    statistic=Order(margin=1e-9, method="exact"),
    grid=Grid(
        quick=cells(delay=[0.05, 0.25, 0.45], shown=[False]),
        standard=cells(delay=[0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.45, 0.49], shown=[False]),
    ),
    measure=price_of_information,
    control=NegativeControl(
        grid=Grid(quick=cells(delay=[0.05, 0.25, 0.45], shown=[True])),
        because="where the door is shown there is nothing to learn, and all three open it at once",
    ),
    substitutes=TABLES,
    seconds={"quick": 0.1, "standard": 0.1},
)

OPTIMALITY = (PLN_4A, PLN_4B, PLN_4C)
