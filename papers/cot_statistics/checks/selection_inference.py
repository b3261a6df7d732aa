"""COT-7g to 7j: selection and inference in turn err by the sum of their steps, at the rate of the slower."""

from __future__ import annotations

import numpy as np

from tightbound.papers.cot_statistics.checks._chains import PAPER, Arrays
from tightbound.papers.cot_statistics.checks._variants import over
from tightbound.theory.chain_of_thought.answer_law import log_posterior, normalised
from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain
from tightbound.theory.chain_of_thought.lumping import lumped_types
from tightbound.theory.chain_of_thought.selection_inference import (
    SelectionInference,
    final_state_distance,
    final_state_law,
    hybrid_bound,
    module_exponents,
    selection_inference_bound,
)
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Equality, Law

SOURCE = "abstract: the framework covers selection-inference; derived bounds and constants"
MODULES = (
    "the exact Bayesian average over two small sets of tables stands for a language model prompted once for "
    "selection and once for inference"
)
SWAPPED = "a selection module that is fed inference demonstrations does not learn its task"
TRUTH, START = 0, 0


def switches(cell: Cell) -> SelectionInference:
    """Return two modules on two states: select s or its opposite, infer what was selected or its opposite."""

    def kept(noise: float) -> np.ndarray:
        return np.array([[1.0 - noise, noise], [noise, 1.0 - noise]])

    first, second = kept(cell["selection_noise"]), kept(cell["inference_noise"])
    inferred = [np.broadcast_to(table, (2, 2, 2)) for table in (second, second[::-1])]
    return SelectionInference([0.5, 0.5], [first, first[::-1]], [0.5, 0.5], inferred)


def _random(cell: Cell, rng: np.random.Generator) -> SelectionInference:
    """Draw tables that are kept away from zero."""
    tasks, m, actions = cell["tasks"], cell["states"], cell["actions"]
    tables = [
        0.9 * rng.dirichlet(np.ones(width), shape) + 0.1 / width
        for width, shape in ((actions, (tasks, m)), (m, (tasks, m, actions)))
    ]
    return SelectionInference(np.full(tasks, 1 / tasks), tables[0], np.full(tasks, 1 / tasks), tables[1])


def _problem(cell: Cell, rng: np.random.Generator) -> SelectionInference:
    return switches(cell) if "selection_noise" in cell else _random(cell, rng)


# --- COT-7g: pair of prompts by pair of prompts -------------------------------------------------------------


def _hybrid(cell: Cell, rng: np.random.Generator, *, half: bool) -> Arrays:
    from tightbound.simulators.chain_of_thought.sampling import sample_demonstrations

    value, bound = [], []
    for _ in range(cell["instances"]):
        problem = _random(cell, rng)
        logs = [
            log_posterior(tasks, sample_demonstrations(tasks, TRUTH, n, cell["prompts"], rng=rng))
            for tasks, n in ((problem.selection_tasks(), cell["n"]), (problem.inference_tasks(), cell["n"]))
        ]
        known = np.where(np.arange(cell["tasks"]) == TRUTH, 0.0, -np.inf)
        for rounds in cell["rounds"]:
            run = TRUTH, TRUTH, START, rounds
            value.append(final_state_distance(problem, logs[0], logs[1], *run))
            bound.append(hybrid_bound(problem, known if half else logs[0], logs[1], *run))
    return over(np.array(value).T, np.array(bound).T)


def hybrid(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the distance of the final states over its bound, for every pair of prompts."""
    return _hybrid(cell, rng, half=False)


def hybrid_of_inference_alone(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same over the terms of the inference module alone."""
    return _hybrid(cell, rng, half=True)


COT_7G = Claim(
    id="COT-7g",
    paper=PAPER,
    title="The final state is off by no more than all selections and inferences are, added up",
    statement=r"TV(P(s_H), P_hat(s_H)) <= sum_h [E TV(S, S_hat) + E TV(I, I_hat)] along the true run",
    source=SOURCE,
    provenance="derived",
    statistic=BoundHolds(method="exact"),
    grid=Grid(
        quick=cells(
            tasks=[3],
            states=[2, 4],
            actions=[2, 3],
            n=[2, 20],
            rounds=[(1, 2, 5)],
            instances=[5],
            prompts=[50],
        ),
        standard=cells(
            tasks=[3, 6],
            states=[2, 4],
            actions=[2, 3],
            n=[2, 20, 100],
            rounds=[(1, 2, 5, 10)],
            instances=[10],
            prompts=[100],
        ),
    ),
    measure=hybrid,
    control=NegativeControl(
        measure=hybrid_of_inference_alone,
        because="a wrong selection leads astray even where inference is right",
    ),
    substitutes=MODULES,
    seconds={"quick": 1.2, "standard": 9.0},
)


# --- COT-7h, i: in the mean over prompts --------------------------------------------------------------------


def _means(
    problem: SelectionInference, n: tuple[int, int], rounds: int, *, swapped: bool
) -> tuple[float, float]:
    """Return the mean distance of the final states over both prompts, and the sum of the mean doubts."""
    chances, logs, doubt = [], [], 0.0
    modules = problem.selection_tasks(), problem.inference_tasks()
    for tasks, count in zip(modules, n, strict=True):
        law = tasks.trajectory_law()[TRUTH]
        if swapped and tasks is modules[0]:
            law = _pairs_of_inference(problem, tasks)
        log_chance, likelihoods = lumped_types(tasks, count, law)
        weights = normalised(tasks.log_prior + likelihoods)
        chances.append(np.exp(log_chance))
        logs.append(weights)
        doubt += float(chances[-1] @ np.exp(np.delete(weights, TRUTH, axis=1)).sum(axis=1))
    apart = final_state_distance(problem, logs[0][:, None], logs[1][None], TRUTH, TRUTH, START, rounds)
    return float(chances[0] @ apart @ chances[1]), doubt


def _pairs_of_inference(problem: SelectionInference, tasks: DiscreteChain) -> np.ndarray:
    """Return the law of (s, s') in an inference demonstration, read as (s, a) of a selection one."""
    m = problem.states
    pairs = np.zeros((tasks.states, tasks.states))
    pairs[:m, :m] = problem.inference[TRUTH].mean(axis=1) / m
    return pairs.ravel()


def _distances(cell: Cell, rng: np.random.Generator, *, swapped: bool) -> Arrays:
    problem, rounds = _problem(cell, rng), cell["rounds"]
    lengths = cell["lengths"]
    apart, doubt = np.array([_means(problem, (n, n), rounds, swapped=swapped) for n in lengths]).T
    if swapped:
        doubt = np.array([_means(problem, (n, n), rounds, swapped=False)[1] for n in lengths])
    bound = np.array([selection_inference_bound(problem, TRUTH, TRUTH, n, n, rounds) for n in lengths])
    extra = {"lengths": np.array([lengths]), "apart": apart[None], "limit": bound[None]}
    measured = np.array([[*apart, *(rounds * doubt)]])
    return over(measured, np.array([[*(rounds * doubt), *bound]])) | extra


def distances(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Mean distance over H times the mean doubts, and those over their bounds, for every length."""
    return _distances(cell, rng, swapped=False)


def distances_swapped(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where the selection module is fed inference demonstrations."""
    return _distances(cell, rng, swapped=True)


_SWITCHES = {"selection_noise": 0.1, "inference_noise": 0.2, "rounds": 3}

COT_7H = Claim(
    id="COT-7h",
    paper=PAPER,
    title="In the mean over prompts each module adds H times its doubt, exponentially small in its prompt",
    statement=r"E TV(P(s_H), P_hat(s_H)) <= H (E[1-pi_{n_s}(theta*)] + E[1-pi_{n_i}(phi*)]) <= doubt bounds",
    source=SOURCE,
    provenance="derived",
    statistic=BoundHolds(method="exact"),
    grid=Grid(
        quick=[
            {**_SWITCHES, "lengths": (0, 2, 5, 10, 15, 20, 30, 40, 50, 60)},
            {"tasks": 2, "states": 2, "actions": 2, "rounds": 3, "lengths": (0, 1, 2, 4)},
            {"tasks": 3, "states": 2, "actions": 2, "rounds": 1, "lengths": (0, 1, 2, 4)},
        ],
        standard=[
            {**_SWITCHES, "lengths": (0, 2, 5, 10, 15, 20, 30, 40, 50, 60, 80)},
            *[
                {"tasks": 3, "states": 2, "actions": 2, "rounds": 3, "lengths": (0, 1, 2, 4, 5), "draw": i}
                for i in range(20)
            ],
        ],
    ),
    measure=distances,
    control=NegativeControl(measure=distances_swapped, because=SWAPPED),
    substitutes=MODULES,
    seconds={"quick": 0.7, "standard": 9.0},
)


def _rate(cell: Cell, rng: np.random.Generator, *, swapped: bool) -> Arrays:
    problem, n = switches(cell), cell["n"]
    near, far = (
        np.log(_means(problem, (length, length), cell["rounds"], swapped=swapped)[0]) for length in (n, 2 * n)
    )
    slower = min(module_exponents(problem, TRUTH, TRUTH))
    return {"value": np.array([(near - far - 0.5 * np.log(2.0)) / n / slower]), "reference": np.ones(1)}


def rate_of_both(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the rate of the mean distance between n and 2n, n^{-1/2} taken out, over the slower module's."""
    return _rate(cell, rng, swapped=False)


def rate_swapped(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where the selection module is fed inference demonstrations."""
    return _rate(cell, rng, swapped=True)


COT_7I = Claim(
    id="COT-7i",
    paper=PAPER,
    title="The whole learns at the rate of its slower module",
    statement=r"-(1/n) log E TV(P(s_H), P_hat(s_H)) -> min(C_sel, C_inf) >= min(-log rho_sel, -log rho_inf), "
    r"within 1 % between n and 2n, the factor n^{-1/2} taken out",
    source=SOURCE,
    provenance="derived",
    statistic=Equality(rtol=0.01),
    grid=Grid(
        quick=cells(selection_noise=[0.2], inference_noise=[0.3, 0.1], rounds=[3], n=[200]),
        standard=cells(selection_noise=[0.1, 0.2, 0.3], inference_noise=[0.15, 0.25], rounds=[1, 3], n=[200]),
    ),
    measure=rate_of_both,
    control=NegativeControl(measure=rate_swapped, because=SWAPPED),
    substitutes=MODULES,
    seconds={"quick": 0.7, "standard": 5.0},
)


# --- COT-7j: the sampler ------------------------------------------------------------------------------------


def _runs(cell: Cell, rng: np.random.Generator, *, prompted: bool) -> Arrays:
    from tightbound.simulators.chain_of_thought.sampling import sample_demonstrations
    from tightbound.simulators.chain_of_thought.selection_inference import selection_inference

    problem = _random(cell, rng)
    modules = problem.selection_tasks(), problem.inference_tasks()
    logs = [
        log_posterior(one, sample_demonstrations(one, TRUTH, cell["n"], 1, rng=rng)[0]) for one in modules
    ]
    law = final_state_law(*problem.averaged(*logs), START, cell["rounds"])
    given = logs if prompted else [one.log_prior for one in modules]
    found = selection_inference(
        problem, given[0], given[1], START, cell["rounds"], replications=cell["runs"], rng=rng
    )
    return {"counts": np.bincount(found.states[:, -1], minlength=law.size), "probabilities": law / law.sum()}


def runs(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Last states of simulated runs, counted, and their exact law."""
    return _runs(cell, rng, prompted=True)


def runs_without_prompts(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for modules that were shown no demonstrations."""
    return _runs(cell, rng, prompted=False)


COT_7J = Claim(
    id="COT-7j",
    paper=PAPER,
    title="Simulated runs end where the products of matrices say",
    statement=r"P_hat(s_H) = (K^H)[s_0, s_H], K(s,s') = sum_a S_hat(a|s) I_hat(s'|s,a)",
    source=SOURCE,
    provenance="derived",
    statistic=Law(method="chi2"),
    grid=Grid(
        quick=cells(tasks=[3], states=[4], actions=[3], n=[10], rounds=[1, 3], runs=[20_000]),
        standard=cells(tasks=[3], states=[4], actions=[3], n=[10], rounds=[1, 3, 8], runs=[200_000]),
    ),
    measure=runs,
    control=NegativeControl(
        measure=runs_without_prompts, because="without prompts the averages are the priors'"
    ),
    substitutes=MODULES,
    seconds={"quick": 0.1, "standard": 2.0},
)

SELECTION_INFERENCE = (COT_7G, COT_7H, COT_7I, COT_7J)
