"""PLN-12: what an imperfect language model adds to regret, and why its error has to be small online."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.theory.planning.bounds import (
    derived_epsilon,
    epsilon_greedy_bound,
    llm_error_bound,
    sampled_mass,
)
from tightbound.theory.planning.evaluation import distinguishability
from tightbound.theory.planning.expert import expert
from tightbound.theory.planning.hmdp import HMDP
from tightbound.theory.planning.instances.lock import ADVANCE, lock
from tightbound.theory.planning.instances.reveal import PROBE, SAFE, reveal
from tightbound.theory.planning.lattice import Lattice
from tightbound.theory.planning.reported_trial import UNIT, reported_trial
from tightbound.theory.planning.tree import HistoryTree
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Equality, Order, Slope

PAPER = "bail_planner"
SUBSTITUTES = (
    "the exact Bayes posterior mixture with added noise, or a count table over prompt contexts, in place of "
    "a GPT-scale language model; tables in place of the Reporter, a product of tabular kernels in place of "
    "the Actor"
)
SOURCE = "derived; cf. He et al. 2024, regret in the practical setting"

Arrays = dict[str, Any]

DEPTH = 3
ETA = 0.5


def _instance(name: str) -> tuple[HMDP, int]:
    """Return a model and the subgoal that explores it."""
    return (reveal(3, ETA), PROBE) if name == "REVEAL" else (lock(DEPTH), ADVANCE)


def _planner(answers: Any, subgoal: int, eps: float) -> Any:
    from tightbound.simulators.planning.planners.epsilon_greedy import EpsilonGreedy
    from tightbound.simulators.planning.planners.fixed_subgoal import FixedSubgoal
    from tightbound.simulators.planning.planners.schedules import Constant

    return EpsilonGreedy(answers, FixedSubgoal(subgoal), Constant(eps))


def _regret(cell: Cell, error: float, episodes: int, eps: float, truth: int = 0) -> np.ndarray:
    """Return exact regret of BAIL with a share ``error`` of noise in its answers, shape (T,)."""
    from tightbound.simulators.planning.exact_regret import exact_regret
    from tightbound.simulators.planning.planners.bail import BAIL
    from tightbound.simulators.planning.planners.noisy_language_model import NoisyLanguageModel

    model, subgoal = _instance(cell["instance"])
    planner = _planner(NoisyLanguageModel(BAIL(), error, cell["noise"]), subgoal, eps)
    return exact_regret(model, truth, episodes, planner).regret


# --- PLN-12a, b: the plateau --------------------------------------------------------------------------------

EPS, EPISODES = 0.4, 200


def _plateau(regret: np.ndarray, explore_gap: float, eps: float) -> float:
    """Return regret of an exploiting episode once the environment is known, from the last half."""
    half = regret.size // 2
    return float(((regret[-1] - regret[half - 1]) / half - eps * explore_gap) / (1.0 - eps))


def _plateaus(cell: Cell, errors: np.ndarray) -> np.ndarray:
    gap = 1.0 if cell["instance"] == "REVEAL" else 0.0  # a probe earns nothing, advancing is right
    return np.array([_plateau(_regret(cell, float(e), EPISODES, EPS), gap, EPS) for e in errors])


def _expected(cell: Cell, errors: np.ndarray) -> np.ndarray:
    """Return the loss of an episode in the known environment 0 when answers are noise so often."""
    if cell["instance"] == "REVEAL":
        return errors * (0.5 if cell["noise"] == "uniform" else 1.0)
    leave = errors * (0.5 if cell["noise"] == "uniform" else 1.0)  # chance of EXIT at each position
    through = (1.0 - leave) ** DEPTH
    return np.asarray(1.0 - through - 0.5 * leave - 0.25 * (1.0 - leave - through))


def plateau(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return regret per exploiting episode, late, beside its closed form, over shares of noise."""
    errors = np.array(cell["errors"])
    return {
        "value": _plateaus(cell, errors)[None, :],
        "reference": _expected(cell, errors)[None, :],
        "x": errors,
    }


def plateau_of_perfect_model(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for answers without noise."""
    errors = np.array(cell["errors"])
    return {
        "value": _plateaus(cell, 0.0 * errors)[None, :],
        "reference": _expected(cell, errors)[None, :],
        "x": errors,
    }


ERRORS = (0.01, 0.02, 0.05, 0.1, 0.2)
BOTH = {"instance": ["REVEAL", "LOCK"], "noise": ["uniform", "adversarial"]}

PLN_12A = Claim(
    id="PLN-12a",
    paper=PAPER,
    title="A share of noise in the answers leaves a plateau of regret per episode",
    statement=r"Reg(T)/T \to \epsilon c_0 + (1 - \epsilon) c(\delta), with c(\delta) the loss of the noisy "
    "expert",
    source=SOURCE,
    provenance="derived",
    statistic=Equality(atol=1e-9),
    grid=Grid(
        quick=cells(**BOTH, errors=[ERRORS]),
        standard=cells(**BOTH, errors=[tuple(np.linspace(0.01, 0.2, 20).round(4).tolist())]),
    ),
    measure=plateau,
    control=NegativeControl(
        measure=plateau_of_perfect_model,
        because="a perfect language model has no plateau",
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 1.5, "standard": 6.0},
)


def plateau_of_squared_error(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the plateau for a share of noise that is the square of the error."""
    errors = np.array(cell["errors"])
    return {"value": _plateaus(cell, errors**2)[None, :], "x": errors}


PLN_12B = Claim(
    id="PLN-12b",
    paper=PAPER,
    title="The plateau grows in proportion to the error of the answers",
    statement=r"log-log slope of c(\delta) is 1 within 0.1 for \delta in [0.01, 0.2]",
    source=SOURCE,
    provenance="derived",
    statistic=Slope(target=1.0, side="two-sided", tolerance=0.1, method="exact"),
    grid=Grid(
        quick=cells(**BOTH, errors=[ERRORS]),
        standard=cells(**BOTH, errors=[tuple(np.geomspace(0.01, 0.2, 12).round(5).tolist())]),
    ),
    measure=plateau,
    control=NegativeControl(
        measure=plateau_of_squared_error,
        because="noise in proportion to the square of the error leaves a plateau that is quadratic in it",
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 1.5, "standard": 4.0},
)


# --- PLN-12c, d: the bound ----------------------------------------------------------------------------------


def _bound(model: HMDP, subgoal: int, error: float, episodes: int) -> tuple[float, np.ndarray]:
    """Return the tuned chance of exploration and the bound on regret, shape (T,)."""
    eta = distinguishability(model, np.eye(model.subgoals)[subgoal])
    mass = sampled_mass(model.horizon, model.environments)
    eps, t = float(derived_epsilon(episodes, eta, mass)), np.arange(1.0, episodes + 1.0)
    perfect = epsilon_greedy_bound(t, eps, eta, horizon=model.horizon, mass=mass)
    return eps, perfect + llm_error_bound(t, error, horizon=model.horizon)


def noisy_regret(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return exact regret with noisy answers, beside the bound and the trivial one."""
    model, subgoal = _instance(cell["instance"])
    length = cell["episodes"]
    eps, bound = _bound(model, subgoal, cell["error"], length)
    t = np.arange(1.0, length + 1.0)
    return {
        "value": _regret(cell, cell["error"], length, eps, cell["truth"])[None, :],
        "bound": bound[None, :],
        "trivial": (model.decisions * t)[None, :],
    }


def _covered(behaviour: int | None, model: HMDP) -> np.ndarray | None:
    """Return the behaviour of documents: one subgoal always, or all of them alike."""
    return None if behaviour is None else np.eye(model.subgoals)[behaviour]


def _pretrained(behaviour: int | None, documents: int, rng: np.random.Generator) -> tuple[Any, float]:
    """Return a count table's planner on REVEAL, and its error on prompts like those it was fitted to."""
    from tightbound.simulators.planning.language_models.count_planner import CountPlanner
    from tightbound.simulators.planning.language_models.pretraining import (
        PromptContexts,
        pretraining_error,
        write_documents,
    )

    model, _ = _instance("REVEAL")
    tree = HistoryTree(model)
    best, contexts, law = expert(tree), PromptContexts(1.0, 8), _covered(behaviour, model)
    table = contexts.fit(tree, write_documents(tree, best, documents, 8, behaviour=law, rng=rng))
    fresh = write_documents(tree, best, 500, 8, behaviour=law, rng=rng)
    return CountPlanner(table, contexts, tree), pretraining_error(tree, best, table, contexts, fresh)


def uncovered_regret(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for a table whose documents never explored, its error measured on such documents."""
    from tightbound.simulators.planning.exact_regret import exact_regret

    model, subgoal = _instance("REVEAL")
    answers, error = _pretrained(SAFE, 2000, rng)
    eps, bound = _bound(model, subgoal, error, cell["episodes"])
    regret = exact_regret(model, 0, cell["episodes"], _planner(answers, subgoal, eps)).regret
    return {"value": regret[None, :], "bound": bound[None, :], "trivial": np.array([np.inf])}


PLN_12C = Claim(
    id="PLN-12c",
    paper=PAPER,
    title="An error of the answers online costs at most its share of all decisions",
    statement=r"Reg_z(T) <= (H-1) (\epsilon T + 1 + L/(\epsilon \eta)) + (H-1)^2 T \Delta",
    source=SOURCE,
    provenance="derived",
    statistic=BoundHolds(method="exact"),
    grid=Grid(
        quick=cells(**BOTH, error=[0.05], truth=[0, 1], episodes=[1000]),
        standard=cells(**BOTH, error=[0.0, 0.05, 0.2], truth=[0, 1], episodes=[2000]),
    ),
    measure=noisy_regret,
    control=NegativeControl(
        measure=uncovered_regret,
        grid=Grid(quick=cells(instance=["REVEAL"], episodes=[1000])),
        because="documents that never explore say nothing about prompts met online: their error is another",
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 1.5, "standard": 7.0},
)

ALWAYS_TRY = np.array([0.0, 1.0])


def _table_regret(cell: Cell, rng: np.random.Generator, behaviour: np.ndarray | None) -> Arrays:
    """Return regret of count tables on REPORTED-TRIAL, and their errors online and in pretraining."""
    from tightbound.simulators.planning.language_models.pretraining import (
        PromptContexts,
        pretraining_error,
        write_documents,
    )

    model, length = reported_trial(), cell["episodes"]
    tree, lattice = HistoryTree(model), Lattice.of(model, cell["truth"], UNIT, reach=100.0)
    best, contexts = expert(tree), PromptContexts(UNIT, 14)
    eps, _ = _bound(model, 1, 0.0, length)
    own = lattice.weight if cell["truth"] == 0 else 1.0 - lattice.weight
    bins = contexts.bins(np.stack([own, 1.0 - own], axis=1))
    keys = np.stack([*np.zeros((3, bins.size), dtype=np.int64), bins], axis=1)
    fresh = write_documents(tree, best, 500, cell["length"], behaviour=behaviour, rng=rng)
    rows = []
    for _ in range(cell["runs"]):
        drawn = write_documents(tree, best, cell["documents"], cell["length"], behaviour=behaviour, rng=rng)
        table = contexts.fit(tree, drawn)
        answers = table.laws(keys)
        policy = (1.0 - eps) * answers + eps * ALWAYS_TRY
        distance = 0.5 * np.abs(answers - lattice.bail()).sum(axis=1)
        online = float(lattice.expectation(policy, distance, length).mean())
        offline = pretraining_error(tree, best, table, contexts, fresh)
        rows.append((lattice.forward(policy, length).regret[-1], online, offline))
    regret, online_error, offline_error = np.array(rows).T
    return {"value": regret, "online": online_error, "offline": offline_error}


def table_regret(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return exact regret of fitted count tables beside the bound at their exact error online."""
    found = _table_regret(cell, rng, None)
    bound = [_bound(reported_trial(), 1, error, cell["episodes"])[1][-1] for error in found["online"]]
    return {**found, "bound": np.array(bound), "trivial": np.array([float(cell["episodes"])])}


def uncovered_table_regret(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for documents that never try, at the error on such documents."""
    found = _table_regret(cell, rng, np.array([1.0, 0.0]))
    bound = [_bound(reported_trial(), 1, error, cell["episodes"])[1][-1] for error in found["offline"]]
    return {**found, "bound": np.array(bound), "trivial": np.array([np.inf])}


TABLES = {"length": [8], "truth": [0, 1]}

PLN_12D = Claim(
    id="PLN-12d",
    paper=PAPER,
    title="Pretrained tables obey the bound at the error they have online",
    statement=r"Reg_z(T) <= (H-1) (2 \sqrt{T L/\eta} + 1) + (H-1)^2 T \Delta_{on}",
    source=SOURCE,
    provenance="derived",
    statistic=BoundHolds(method="exact"),
    grid=Grid(
        quick=cells(**TABLES, documents=[2, 16], episodes=[1000], runs=[5]),
        standard=cells(**TABLES, documents=[1, 4, 16, 64], episodes=[2000], runs=[20]),
    ),
    measure=table_regret,
    control=NegativeControl(
        measure=uncovered_table_regret,
        grid=Grid(quick=cells(length=[8], truth=[0], documents=[2000], episodes=[8000], runs=[2])),
        because="documents that never try say nothing about prompts met online: their error is another",
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 1.5, "standard": 13.0},
)


# --- PLN-12e: coverage --------------------------------------------------------------------------------------


def _coverage(cell: Cell, rng: np.random.Generator, behaviour: int | None) -> Arrays:
    from tightbound.simulators.planning.exact_regret import exact_regret

    model, subgoal = _instance("REVEAL")
    late, error = [], []
    for documents in cell["documents"]:
        answers, offline = _pretrained(behaviour, documents, rng)
        regret = exact_regret(model, 0, EPISODES, _planner(answers, subgoal, EPS)).regret
        late.append(_plateau(regret, 1.0, EPS))
        error.append(offline)
    return {
        "greater": np.array([late]),
        "smaller": np.array([error]),
        "documents": np.array([cell["documents"]]),
    }


def without_coverage(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the plateau and the pretraining error of tables whose documents never explored."""
    return _coverage(cell, rng, SAFE)


def with_coverage(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where the documents' behaviour is uniform."""
    return _coverage(cell, rng, None)


PLN_12E = Claim(
    id="PLN-12e",
    paper=PAPER,
    title="Where pretraining leaves out the prompts met online, a plateau stays though its error vanishes",
    statement=r"Reg(T)/T exceeds \Delta_{pre} by 0.3 at every N_p, with \Delta_{pre} \to 0",
    source=SOURCE,
    provenance="derived",
    statistic=Order(margin=0.3, method="exact"),
    grid=Grid(
        quick=cells(documents=[(200, 2000, 20_000)]),
        standard=cells(documents=[(200, 2000, 20_000, 100_000)]),
    ),
    measure=without_coverage,
    control=NegativeControl(
        measure=with_coverage,
        because="documents with every subgoal cover the prompts met online, and the plateau vanishes too",
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 1.5, "standard": 4.0},
)

LANGUAGE_MODEL_ERROR = (PLN_12A, PLN_12B, PLN_12C, PLN_12D, PLN_12E)
