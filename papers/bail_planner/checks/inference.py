"""PLN-1, PLN-2, PLN-3 and PLN-17: what a perfect language model computes, against enumeration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tightbound.papers.bail_planner.checks._random_tables import PERFECT, laws, random_tables, sizes
from tightbound.papers.bail_planner.checks.mixture_predictions import PLN_17A, PLN_17B, PLN_17C
from tightbound.theory.planning.bail import bail
from tightbound.theory.planning.brute_force import path_kernel, path_weights
from tightbound.theory.planning.expert import Expert, expert
from tightbound.theory.planning.filtering import filter_start, filter_step, log_likelihood
from tightbound.theory.planning.hmdp import HMDP, high_level_kernel
from tightbound.theory.planning.pretraining_joint import Behaviour, PretrainingJoint, pretraining_joint
from tightbound.theory.planning.tree import HistoryTree
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid
from tightbound.verification.statistics import Equality

PAPER = "bail_planner"
TABLES = "random tables in place of a reporter and an actor; no language model is involved"

Arrays = dict[str, Any]
Array = NDArray[np.float64]
Integers = NDArray[np.int64]


# --- PLN-1: the filter --------------------------------------------------------------------------------------

Step = Callable[[HMDP, int, Array, Any, Any], Array]


def _report_first(model: HMDP, step: int, alpha: Array, subgoal: int, observation: int) -> Array:
    """One step that weights by the report before the state moves."""
    seen = alpha * model.observation[:, observation]
    return np.asarray(np.einsum("zs,zst->zt", seen, model.transition[:, step, :, subgoal]))


def _transposed(model: HMDP, step: int, alpha: Array, subgoal: int, observation: int) -> Array:
    """One step that moves the state against the kernel."""
    moved = np.einsum("zt,zst->zs", alpha, model.transition[:, step, :, subgoal])
    return np.asarray(moved * model.observation[:, observation])


STEPS: dict[str, Step] = {"right": filter_step, "report first": _report_first, "transposed": _transposed}


def filtered_weights(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Filter of random histories beside the sum over all paths of hidden states."""
    step = STEPS[cell["step"]]
    value, reference = [], []
    for _ in range(cell["instances"]):
        model = random_tables(cell, rng)
        seen = rng.integers(0, model.observations, model.horizon)
        goals = rng.integers(0, model.subgoals, model.decisions)
        alpha = filter_start(model, seen[0])
        for h in range(model.decisions):
            alpha = step(model, h, alpha, goals[h], seen[h + 1])
        value.append(alpha)
        reference.append(path_weights(model, seen, goals))
    return {"value": np.concatenate(value).ravel(), "reference": np.concatenate(reference).ravel()}


def _filters(instances: int, horizons: tuple[int, ...], step: str = "right") -> list[dict[str, Any]]:
    return [
        sizes(z, s, 2, o, horizon, keep=keep, instances=instances, step=step)
        for horizon in horizons
        for z, s, o, keep in ((1, 2, 2, 1.0), (2, 3, 3, 1.0), (4, 4, 4, 1.0), (3, 4, 2, 0.6))
    ]


PLN_1 = Claim(
    id="PLN-1",
    paper=PAPER,
    title="The filter sums over all paths of hidden states",
    statement=r"\alpha_{h+1}(s') = O(o_{h+1} | s') \sum_s \alpha_h(s) P_{z,h}(s' | s, g_h) equals the sum "
    "of the probabilities of all paths that end in s'",
    source="derived; the inference behind the planner's posterior, cf. He et al. 2024",
    provenance="derived",
    statistic=Equality(atol=1e-13),
    grid=Grid(quick=_filters(10, (2, 4)), standard=_filters(50, (2, 3, 4)), full=_filters(200, (2, 3, 4, 5))),
    measure=filtered_weights,
    control=NegativeControl(
        grid=Grid(quick=[cell for step in list(STEPS)[1:] for cell in _filters(10, (3,), step)]),
        because="weighting by the report before the state moves, or moving it backwards, is no filter",
    ),
    substitutes=TABLES,
    seconds={"quick": 0.2, "standard": 1.0},
)


# --- PLN-2: the kernel between decisions --------------------------------------------------------------------


def _physics(cell: Cell, rng: np.random.Generator) -> tuple[Array, Array]:
    steps, states, actions, goals = (cell[name] for name in ("steps", "states", "actions", "subgoals"))
    low = laws(rng, (2, steps, states, actions, states), cell["keep"])
    return low, laws(rng, (steps, states, goals, actions), cell["keep"])


def composed_kernel(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Product of the physical steps beside the sum over all paths of states and actions."""
    pairs = [_physics(cell, rng) for _ in range(cell["instances"])]
    value = [high_level_kernel(low, actor) for low, actor in pairs]
    reference = [path_kernel(low, actor) for low, actor in pairs]
    return {"value": np.array(value).ravel(), "reference": np.array(reference).ravel()}


def first_step_only(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with the actor's first step in place of all."""
    pairs = [_physics(cell, rng) for _ in range(cell["instances"])]
    value = [high_level_kernel(low[:, :1], actor[:1]) for low, actor in pairs]
    reference = [path_kernel(low, actor) for low, actor in pairs]
    return {"value": np.array(value).ravel(), "reference": np.array(reference).ravel()}


def _actors(instances: int, steps: tuple[int, ...]) -> list[dict[str, Any]]:
    return [
        {"steps": k, "states": s, "actions": 2, "subgoals": 2, "keep": keep, "instances": instances}
        for k in steps
        for s, keep in ((2, 1.0), (3, 0.6))
    ]


PLN_2 = Claim(
    id="PLN-2",
    paper=PAPER,
    title="An actor's physical steps make one transition: the product of its kernels",
    statement=r"P_z(\cdot | \cdot, g) = \prod_k M^g_k, M^g_k(s, s') = \sum_a \mu_k(a | s, g) T_k(s' | s, a), "
    "equals the sum over all paths of states and actions",
    source="derived; the hierarchical process, cf. He et al. 2024",
    provenance="derived",
    statistic=Equality(atol=1e-13),
    grid=Grid(quick=_actors(2, (1, 2, 3)), standard=_actors(5, (1, 2, 3, 4)), full=_actors(20, (1, 2, 3, 4))),
    measure=composed_kernel,
    control=NegativeControl(
        measure=first_step_only,
        grid=Grid(quick=_actors(2, (2, 3))),
        because="one physical step is not what the actor makes of a subgoal in several",
    ),
    substitutes=TABLES,
    seconds={"quick": 0.5, "standard": 5.0},
)


# --- PLN-3: labels of experts, averaged over the posterior --------------------------------------------------

Weigh = Callable[[HistoryTree, Expert, Integers], Array]


_TASK = 1


def _split(model: HMDP, pasts: Integers) -> list[tuple[Integers, Integers]]:
    """Observations, shape (P, H), and subgoals, shape (P, H-1), of every past episode."""
    length = 2 * model.horizon - 1
    parts = [pasts[:, i : i + length] for i in range(0, pasts.shape[1], length)]
    return [(part[:, ::2], part[:, 1::2]) for part in parts]


def _by_observations(tree: HistoryTree, known: Expert, pasts: Integers) -> Array:
    """Log weights of the environments, shape (P, Z): prior times likelihoods of the observations."""
    logs = np.tile(tree.model.log_prior, (len(pasts), 1))
    for seen, goals in _split(tree.model, pasts):
        logs += log_likelihood(tree.model, seen, goals)
    return logs


def _by_own_subgoals_too(tree: HistoryTree, known: Expert, pasts: Integers) -> Array:
    """Log weights that also take the recorded subgoals for the expert's: the model believes its own acts."""
    logs = _by_observations(tree, known, pasts)
    for seen, goals in _split(tree.model, pasts):
        for h in range(tree.model.decisions):
            chosen = known.subgoal[h][:, _TASK, tree.find(seen[:, : h + 1], goals[:, :h])]
            logs[(chosen != goals[:, h]).T] = -np.inf
    return logs


def _imitated(tree: HistoryTree, known: Expert, documents: Integers, weigh: Weigh) -> tuple[Array, Any]:
    """BAIL's law after each document, shape (D, G), and where the weights exclude every environment."""
    whole = 2 * tree.model.horizon - 1
    done = documents.shape[1] // whole * whole
    prefix = documents[:, done:]
    nodes = tree.find(prefix[:, ::2], prefix[:, 1::2])
    pasts, which = np.unique(documents[:, :done], axis=0, return_inverse=True)
    logs = weigh(tree, known, pasts)
    lost = np.all(logs == -np.inf, axis=1)
    level = prefix.shape[1] // 2
    laws = np.zeros((len(pasts), tree.levels[level].size, tree.model.subgoals))
    for i in np.flatnonzero(~lost):
        laws[i] = bail(tree, known, logs[i])[level][_TASK]
    return laws[which.ravel(), nodes], lost[which.ravel()]


def _compared(
    tree: HistoryTree, known: Expert, behaviour: Behaviour, cell: Cell, weigh: Weigh
) -> list[Array]:
    """Law of labels by enumeration, BAIL's law, and their total variation, for all documents."""
    found: PretrainingJoint = pretraining_joint(
        tree.model, behaviour, past=cell["past"], started=cell["started"]
    )
    label = found.label_law(tree, known, _TASK)
    rows, lost = _imitated(tree, known, found.documents, weigh)
    apart = 0.5 * np.abs(label - rows).sum(axis=1)
    return [label[~lost].ravel(), rows[~lost].ravel(), apart[~lost]]


def _joined(parts: list[list[Array]]) -> Arrays:
    value, reference, apart = (np.concatenate(column) for column in zip(*parts, strict=True))
    return {"value": value, "reference": reference, "largest_total_variation": apart.max()}


def _behaviour(rng: np.random.Generator, model: HMDP, *, informed: bool) -> Behaviour:
    """Random laws of the subgoal after every document; of its own in every environment if ``informed``."""
    table: dict[tuple[int, ...], Array] = {}

    def choose(environment: int, episode: int, documents: Integers) -> Array:
        key = (environment if informed else 0, *documents.shape)
        if key not in table:
            table[key] = rng.dirichlet(np.ones(model.subgoals), len(documents))
        return table[key]

    return choose


def labels(cell: Cell, rng: np.random.Generator, informed: bool = False) -> Arrays:
    """Law of the expert's label given all that is written, beside BAIL."""
    parts = []
    for _ in range(cell["instances"]):
        tree = HistoryTree(random_tables(cell, rng))
        known = expert(tree)
        choose = _behaviour(rng, tree.model, informed=informed)
        parts.append(_compared(tree, known, choose, cell, _by_observations))
    return _joined(parts)


def labels_after_informed_behaviour(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where the recorded subgoals were chosen by someone who knew the environment."""
    return labels(cell, rng, informed=True)


def _documents(instances: int, shapes: tuple[tuple[int, ...], ...], past: int = 2) -> list[dict[str, Any]]:
    return [
        sizes(*shape, keep=keep, instances=instances, past=past, started=shape[-1] - 1)
        for shape in shapes
        for keep in (1.0, 0.6)
    ]


SMALL = ((2, 2, 2, 2, 2), (3, 3, 3, 2, 2), (2, 2, 2, 2, 3))
LARGER = (*SMALL, (3, 3, 2, 3, 2), (4, 3, 2, 2, 3))

PLN_3A = Claim(
    id="PLN-3a",
    paper=PAPER,
    title="Predicting experts' labels is averaging the experts over the posterior",
    statement=r"P(g^* | H_t, \tau) = \sum_z w(z | H_t, \tau) \pi^*_z(g^* | \tau) for documents of two past "
    "episodes and the start of a third, whatever the behaviour that does not depend on z",
    source="abstract (Bayesian aggregated imitation learning); the identity is derived",
    provenance="derived",
    statistic=Equality(atol=1e-12),
    grid=Grid(quick=_documents(1, SMALL), standard=_documents(5, LARGER), full=_documents(20, LARGER)),
    measure=labels,
    control=NegativeControl(
        measure=labels_after_informed_behaviour,
        because="subgoals chosen with knowledge of the environment are evidence that BAIL leaves out",
    ),
    substitutes=PERFECT,
    seconds={"quick": 1.5, "standard": 10.0},
)


def labels_after_own_subgoals(
    cell: Cell, rng: np.random.Generator, weigh: Weigh = _by_observations
) -> Arrays:
    """Law of the label where BAIL itself chose the recorded subgoals, beside BAIL."""
    parts = []
    for _ in range(cell["instances"]):
        tree = HistoryTree(random_tables(cell, rng))
        known = expert(tree)

        def choose(
            environment: int,
            episode: int,
            documents: Integers,
            tree: HistoryTree = tree,
            known: Expert = known,
        ) -> Array:
            return _imitated(tree, known, documents, _by_observations)[0]

        parts.append(_compared(tree, known, choose, cell, weigh))
    return _joined(parts)


def labels_by_self_delusion(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same beside a posterior that takes the model's own subgoals for the expert's."""
    return labels_after_own_subgoals(cell, rng, _by_own_subgoals_too)


PLN_3B = Claim(
    id="PLN-3b",
    paper=PAPER,
    title="A planner's own subgoals are no evidence: the posterior is the same online",
    statement=r"P(g^* | H_t, \tau) = \sum_z w(z | H_t, \tau) \pi^*_z(g^* | \tau) with w from the "
    "observations alone, where BAIL sampled the recorded subgoals itself",
    source="derived; cf. He et al. 2024",
    provenance="derived",
    statistic=Equality(atol=1e-12),
    grid=Grid(quick=_documents(1, SMALL), standard=_documents(5, LARGER), full=_documents(20, LARGER)),
    measure=labels_after_own_subgoals,
    control=NegativeControl(
        measure=labels_by_self_delusion,
        because="counting its own subgoals as the expert's, the model believes what it happened to do",
    ),
    substitutes=PERFECT,
    seconds={"quick": 1.0, "standard": 20.0},
)


INFERENCE = (PLN_1, PLN_2, PLN_3A, PLN_3B, PLN_17A, PLN_17B, PLN_17C)
