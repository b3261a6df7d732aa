"""PLN-16: planning against the predicted world needs exploration, and with it is as good as imitation."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.theory.planning.bounds import (
    derived_epsilon,
    log_factor,
    recalled_epsilon,
    recalled_rate,
    world_model_bound,
    world_model_mass,
)
from tightbound.theory.planning.closed_forms import reveal_greedy_regret, reveal_regret
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Equality, Slope

PAPER = "bail_planner"
PREDICTED = (
    "the exact posterior predictive law of observations stands for the language model as a world model, a "
    "table for the reporter, one transition kernel for the actor"
)
SOURCE = "derived; cf. He et al. 2024, whose abstract names the world-model planner"
BOUND = (
    r"Reg_z(T) <= (H-1)(\varepsilon T + 1 + L/(\varepsilon \eta)), L = 1 + \log_+((|Z|-1) \sqrt{c_Z}), "
    r"\varepsilon = \min\{1, \sqrt{L/(\eta T)}\}"
)

Arrays = dict[str, Any]


# --- PLN-16a, b: exact regret on REVEAL ---------------------------------------------------------------------


def _bounded(episodes: np.ndarray, environments: int, eta: float, horizon: int) -> Arrays:
    """Return the derived exploration, its bound, what holds trivially, and the forms that are remembered."""
    sizes = {"horizon": horizon, "environments": environments}
    eps = derived_epsilon(episodes, eta, world_model_mass(environments))
    return {
        "x": episodes,
        "eps": eps,
        "bound": world_model_bound(episodes, eps, eta, **sizes)[None],
        "trivial": (horizon - 1.0) * episodes[None],
        "recalled_eps": recalled_epsilon(episodes, eta, **sizes),
        "recalled_rate": recalled_rate(episodes, eta, **sizes),
    }


def explored_on_reveal(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exact regret of the world-model planner that explores, on REVEAL."""
    episodes = np.array(cell["episodes"], dtype=np.float64)
    found = _bounded(episodes, cell["environments"], cell["eta"], 2)
    eps = found["eps"]
    return found | {
        "value": reveal_greedy_regret(episodes, cell["eta"], eps)[None],
        "imitation": reveal_regret(episodes, cell["environments"], cell["eta"], eps),
    }


def naive_on_reveal(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the exact regret of the world-model planner that never explores."""
    found = explored_on_reveal(cell, rng)
    return found | {"value": reveal_greedy_regret(found["x"], cell["eta"])[None]}


EPISODES = (250, 500, 1000, 2000, 4000, 8000)
LONG_EPISODES = (*EPISODES, 32_000, 128_000)

PLN_16A = Claim(
    id="PLN-16a",
    paper=PAPER,
    title="Planning in the predicted world with exploration keeps to its bound on REVEAL",
    statement=BOUND,
    source=SOURCE,
    provenance="derived",
    statistic=BoundHolds(method="exact"),
    grid=Grid(
        quick=cells(environments=[3, 16, 64], eta=[0.02, 0.1, 0.5, 1.0], episodes=[EPISODES[2:]]),
        standard=cells(
            environments=[3, 16, 64, 1024], eta=[0.01, 0.02, 0.1, 0.5, 1.0], episodes=[LONG_EPISODES[2:]]
        ),
    ),
    measure=explored_on_reveal,
    control=NegativeControl(
        measure=naive_on_reveal,
        because="without exploration the plan is always to play safe, which teaches nothing: regret T/2",
    ),
    substitutes=PREDICTED,
    seconds={"quick": 0.1, "standard": 0.1},
)

PLN_16B = Claim(
    id="PLN-16b",
    paper=PAPER,
    title="Its regret on REVEAL grows like the square root of the number of episodes",
    statement=r"d log Reg(T) / d log T = 0.52 +- 0.08 at the derived \varepsilon(T)",
    source=SOURCE,
    provenance="derived",
    statistic=Slope(target=0.52, side="two-sided", tolerance=0.08, method="exact"),
    grid=Grid(
        quick=cells(environments=[3, 64], eta=[0.1, 0.5, 1.0], episodes=[EPISODES]),
        standard=cells(environments=[3, 64, 1024], eta=[0.1, 0.5, 1.0], episodes=[LONG_EPISODES]),
    ),
    measure=explored_on_reveal,
    control=NegativeControl(
        measure=naive_on_reveal, because="without exploration nothing is ever learned: slope 1"
    ),
    substitutes=PREDICTED,
    seconds={"quick": 0.1, "standard": 0.1},
)


# --- PLN-16c: incomplete learning on a fixed instance -------------------------------------------------------


def _naive_from_tables(cell: Cell, planner: Any) -> Arrays:
    from tightbound.simulators.planning.exact_regret import exact_regret
    from tightbound.theory.planning.instances.reveal import reveal

    found = exact_regret(reveal(cell["environments"], cell["eta"]), 0, cell["episodes"], planner)
    return {
        "value": found.regret[None],
        "reference": 0.5 * np.arange(1.0, cell["episodes"] + 1.0)[None],
        "doubt": found.doubt[None],
    }


def naive_world_model(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exact regret of the naive world-model planner, from the tables."""
    from tightbound.simulators.planning.planners.world_model import WorldModel

    return _naive_from_tables(cell, WorldModel())


def naive_imitation(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the exact regret of naive sampling from the mixture of experts, from the tables."""
    from tightbound.simulators.planning.planners.bail import BAIL

    return _naive_from_tables(cell, BAIL())


PLN_16C = Claim(
    id="PLN-16c",
    paper=PAPER,
    title="Without exploration the world-model planner can be linear on one fixed instance",
    statement=r"Reg(T) = T/2 on REVEAL with |Z| >= 3, for every T: the plan is to play safe, which leaves "
    "the posterior where it was",
    source="derived: incomplete learning, since a plan has no sampling noise",
    provenance="derived",
    statistic=Equality(rtol=1e-12),
    grid=Grid(
        quick=cells(environments=[3, 10], eta=[0.5], episodes=[200]),
        standard=cells(environments=[3, 10, 40], eta=[0.5, 1.0], episodes=[1000]),
    ),
    measure=naive_world_model,
    control=NegativeControl(
        measure=naive_imitation,
        because="sampling from the mixture of experts tries now and then, and stops losing at (|Z| - 1)/2",
    ),
    substitutes=PREDICTED,
    seconds={"quick": 0.5, "standard": 1.0},
)


# --- PLN-16d: one episode -----------------------------------------------------------------------------------


def _doubtful(environments: int, rng: np.random.Generator) -> np.ndarray:
    """Log weights with doubt about environment 0 spread evenly over orders of magnitude."""
    doubt = 10.0 ** rng.uniform(-4.0, 0.0)
    weights = np.append(1.0 - doubt, doubt * rng.dirichlet(np.ones(environments - 1)))
    return np.asarray(np.log(weights))


def _episodes_lost(cell: Cell, rng: np.random.Generator, believed: Any) -> Arrays:
    from tightbound.theory.planning.evaluation import evaluate
    from tightbound.theory.planning.expert import expert
    from tightbound.theory.planning.instances.random_hmdp import random_hmdp
    from tightbound.theory.planning.tree import HistoryTree
    from tightbound.theory.planning.world_model import world_model

    value, bound = [], []
    for _ in range(cell["instances"]):
        tree = HistoryTree(random_hmdp(4, 3, 3, 3, cell["horizon"], cell["concentration"], rng))
        best = expert(tree).value[0, 0]
        for _ in range(cell["posteriors"]):
            logs = _doubtful(4, rng)
            weight = float(np.exp(logs[0]) / np.exp(logs).sum())
            value.append(best - evaluate(tree, world_model(tree, believed(logs)))[0, 0])
            bound.append((cell["horizon"] - 1) * min(1.0, (1.0 - weight) / weight))
    return {"value": np.array(value), "bound": np.array(bound), "trivial": float(cell["horizon"] - 1)}


def one_episode(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exact loss of one planned episode at random posteriors, beside the odds against the truth."""
    return _episodes_lost(cell, rng, lambda logs: logs)


def one_episode_of_a_rash_planner(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the loss where the plan is made for the likeliest of the wrong environments."""

    def rash(logs: np.ndarray) -> np.ndarray:
        return np.asarray(np.where(np.arange(logs.size) == 1 + logs[1:].argmax(), 0.0, -np.inf))

    return _episodes_lost(cell, rng, rash)


PLN_16D = Claim(
    id="PLN-16d",
    paper=PAPER,
    title="A planned episode loses at most the odds against the truth",
    statement=r"J_z(\pi^*_z) - J_z(\pi^t) <= (H-1) \min\{1, (1 - w_t(z)) / w_t(z)\}",
    source="derived: step of the proof of the world-model bound",
    provenance="derived",
    statistic=BoundHolds(method="exact"),
    grid=Grid(
        quick=cells(horizon=[2, 3], concentration=[0.2, 1.0], instances=[10], posteriors=[10]),
        standard=cells(horizon=[2, 3, 4], concentration=[0.2, 1.0], instances=[40], posteriors=[20]),
    ),
    measure=one_episode,
    control=NegativeControl(
        measure=one_episode_of_a_rash_planner,
        because="a plan for the likeliest wrong environment loses as much at little doubt as at much",
    ),
    substitutes=PREDICTED,
    seconds={"quick": 0.5, "standard": 5.0},
)


# --- PLN-16e, f: random instances in simulation -------------------------------------------------------------

MULTIPLES = (4, 8, 16, 32)


def _informative(seed: int) -> tuple[Any, float]:
    """Draw the tree of a random instance until uniform exploration is worth eta >= 0.02 there."""
    from tightbound.theory.planning.evaluation import distinguishability
    from tightbound.theory.planning.instances.random_hmdp import random_hmdp
    from tightbound.theory.planning.tree import HistoryTree

    rng = np.random.default_rng(seed)
    while True:
        tree = HistoryTree(random_hmdp(3, 3, 2, 2, 3, 0.3, rng))
        eta = distinguishability(tree, [0.5, 0.5])
        if eta >= 0.02:
            return tree, float(eta)


def _simulated(cell: Cell, rng: np.random.Generator, fixed: float | None) -> Arrays:
    from tightbound.simulators.planning.planners.uniform import Uniform
    from tightbound.simulators.planning.planners.world_model import WorldModel
    from tightbound.simulators.planning.simulate import sweep

    tree, eta = _informative(cell["instance"])
    unit = int(np.ceil(log_factor(world_model_mass(3)) / eta))
    found = _bounded(np.array(MULTIPLES, dtype=np.float64) * unit, 3, eta, 3)
    chances = found["eps"] if fixed is None else np.full(len(MULTIPLES), fixed)
    results = sweep(
        tree,
        0,
        [(n * unit, float(eps)) for n, eps in zip(MULTIPLES, chances, strict=True)],
        exploit=WorldModel(),
        explore=Uniform(),
        replications=cell["runs"],
        key=int(rng.integers(2**31)),
    )
    return found | {"value": np.stack([one.regret[:, -1] for one in results], axis=1), "eta": eta}


def explored_in_simulation(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Regret of the planner with derived exploration on a random instance, each T run anew."""
    return _simulated(cell, rng, None)


def constant_exploration(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the regret where one episode in two explores, whatever T."""
    return _simulated(cell, rng, 0.5)


def blind_on_reveal(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the simulated regret on REVEAL where exploration plays safe, which shows nothing."""
    from tightbound.simulators.planning.planners.fixed_subgoal import FixedSubgoal
    from tightbound.simulators.planning.planners.world_model import WorldModel
    from tightbound.simulators.planning.simulate import sweep
    from tightbound.theory.planning.instances.reveal import SAFE, reveal

    found = _bounded(np.array([4000.0]), 4, 1.0, 2)
    (result,) = sweep(
        reveal(4),
        0,
        [(4000, float(found["eps"][0]))],
        exploit=WorldModel(),
        explore=FixedSubgoal(SAFE),
        replications=cell["runs"],
        key=int(rng.integers(2**31)),
    )
    return found | {"value": result.regret[:, -1:]}


PLN_16E = Claim(
    id="PLN-16e",
    paper=PAPER,
    title="Planning in the predicted world with exploration keeps to its bound on random instances",
    statement=BOUND,
    source=SOURCE,
    provenance="derived",
    statistic=BoundHolds(method="t"),
    grid=Grid(
        quick=cells(instance=[0, 1], runs=[48]),
        standard=cells(instance=range(10), runs=[200]),
        full=cells(instance=range(100), runs=[200]),
    ),
    measure=explored_in_simulation,
    control=NegativeControl(
        measure=blind_on_reveal,
        grid=Grid(quick=cells(instance=[0], runs=[8])),
        because="the bound is for exploration that tells the environments apart; playing safe tells nothing",
    ),
    substitutes=PREDICTED,
    seconds={"quick": 3.0, "standard": 6.0},
)

PLN_16F = Claim(
    id="PLN-16f",
    paper=PAPER,
    title="Its regret on random instances grows like the square root of the number of episodes",
    statement=r"d log Reg(T) / d log T = 0.52 +- 0.08 at the derived \varepsilon(T), from T = 4 L/\eta on",
    source=SOURCE,
    provenance="derived",
    statistic=Slope(target=0.52, side="two-sided", tolerance=0.08, method="delta"),
    grid=Grid(
        quick=cells(instance=[0, 1], runs=[48]),
        standard=cells(instance=range(10), runs=[200]),
        full=cells(instance=range(100), runs=[200]),
    ),
    measure=explored_in_simulation,
    control=NegativeControl(
        measure=constant_exploration,
        because="exploration that does not become rarer as T grows costs the same in every episode: slope 1",
    ),
    substitutes=PREDICTED,
    seconds={"quick": 3.0, "standard": 6.0},
)

WORLD_MODEL = (PLN_16A, PLN_16B, PLN_16C, PLN_16D, PLN_16E, PLN_16F)
