"""PLN-1, PLN-2, PLN-3 and PLN-17: what a perfect language model computes, against enumeration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tightbound.papers.bail_planner.checks._random_tables import TASKS, laws, random_tables
from tightbound.theory.planning.bail import bail
from tightbound.theory.planning.brute_force import path_kernel, path_weights, plan_values
from tightbound.theory.planning.evaluation import evaluate
from tightbound.theory.planning.expert import Expert, expert
from tightbound.theory.planning.filtering import filter_start, filter_step, log_likelihood, normalised
from tightbound.theory.planning.hmdp import HMDP, high_level_kernel
from tightbound.theory.planning.pretraining_joint import Behaviour, PretrainingJoint, pretraining_joint
from tightbound.theory.planning.tree import HistoryTree, Policy
from tightbound.theory.planning.world_model import predicted_value, predictive, world_model
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid
from tightbound.verification.statistics import Equality

PAPER = "bail_planner"
TABLES = "random tables in place of a reporter and an actor; no language model is involved"
PERFECT = (
    "the exact conditional law in place of a trained language model; random tables for reporter and actor"
)

Arrays = dict[str, Any]
Array = NDArray[np.float64]
Integers = NDArray[np.int64]


def _sizes(
    environments: int, states: int, subgoals: int, observations: int, horizon: int, **more: Any
) -> dict[str, Any]:
    return {
        "environments": environments,
        "states": states,
        "subgoals": subgoals,
        "observations": observations,
        "horizon": horizon,
        "keep": 1.0,
        **more,
    }


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
        _sizes(z, s, 2, o, horizon, keep=keep, instances=instances, step=step)
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


def _documents(instances: int, sizes: tuple[tuple[int, ...], ...], past: int = 2) -> list[dict[str, Any]]:
    return [
        _sizes(*shape, keep=keep, instances=instances, past=past, started=shape[-1] - 1)
        for shape in sizes
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


# --- PLN-17: the world model --------------------------------------------------------------------------------


def _frozen(tree: HistoryTree, log_weights: Array) -> list[Array]:
    """Predictions with the weights of the episode's start at every step."""
    weights = normalised(log_weights)
    return [np.einsum("z,zngo->ngo", weights, level.predicted) for level in tree.levels[:-1]]


def _world(cell: Cell, rng: np.random.Generator) -> tuple[HistoryTree, Array, Policy]:
    """Draw a tree, log weights of the environments and a policy of histories."""
    tree = HistoryTree(random_tables(cell, rng))
    sizes = [level.size for level in tree.levels[:-1]]
    policy = [rng.dirichlet(np.ones(tree.model.subgoals), (TASKS, size)) for size in sizes]
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


def _worlds(instances: int, sizes: tuple[tuple[int, ...], ...]) -> list[dict[str, Any]]:
    return [_sizes(*shape, keep=keep, instances=instances) for shape in sizes for keep in (1.0, 0.6)]


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

INFERENCE = (PLN_1, PLN_2, PLN_3A, PLN_3B, PLN_17A, PLN_17B, PLN_17C)
