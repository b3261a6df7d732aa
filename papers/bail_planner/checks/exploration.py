"""PLN-8, 9, 11 and 19: exploring some episodes makes regret sublinear, and how much is best."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tightbound.papers.bail_planner.checks._exact import EXACT, PAPER, Arrays
from tightbound.papers.bail_planner.checks.contraction import CONTRACTION
from tightbound.papers.bail_planner.checks.exploration_rate import EXPLORATION_RATE
from tightbound.papers.bail_planner.checks.logarithmic import LOGARITHMIC
from tightbound.theory.planning.bounds import (
    derived_epsilon,
    epsilon_greedy_bound,
    log_factor,
    per_step_bound,
    recalled_rate,
    sampled_mass,
)
from tightbound.theory.planning.closed_forms import lock_regret, reveal_regret
from tightbound.theory.planning.exact_dp import probe_bsc_forward
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Order, Slope

# --- PLN-8a, b: exact instances -----------------------------------------------------------------------------


def _reliability(eta: float) -> float:
    """Return q > 1/2 with 1 - 2 sqrt(q (1-q)) = eta."""
    return 0.5 + 0.5 * math.sqrt(1.0 - (1.0 - eta) ** 2)


def _regret(cell: Cell, episodes: np.ndarray, environments: np.ndarray, eps: np.ndarray) -> np.ndarray:
    """Return exact regret of epsilon-greedy sampling, one probability per number of episodes."""
    truth = cell["truth"]
    if cell["instance"] == "reveal":
        return reveal_regret(episodes, environments, cell["eta"], eps, truth=truth)
    if cell["instance"] == "lock":
        return lock_regret(episodes, cell["size"], eps=eps, truth=truth)
    q = _reliability(cell["eta"])
    runs = [probe_bsc_forward(int(t), q, eps=e, truth=truth) for t, e in zip(episodes, eps, strict=True)]
    return np.array([run.regret[-1] for run in runs])


def _compared(cell: Cell, chance: float | None = None) -> Arrays:
    """Regret at the derived probabilities, or at one, beside bound, trivial bound and recalled rate.

    Where the derived probability is 1 the bound is the trivial one; such numbers of episodes are left out.
    """
    eta = cell.get("eta", 1.0)
    horizon = cell["size"] + 1 if cell["instance"] == "lock" else 2
    episodes = np.array(cell["episodes"], dtype=np.int64)
    size = cell["size"] if cell["instance"] == "reveal" else 2
    environments = episodes if size is None else np.full(episodes.shape, size)
    mass = np.array([sampled_mass(horizon, int(n)) for n in environments])
    derived = np.array([float(derived_epsilon(t, eta, b)) for t, b in zip(episodes, mass, strict=True)])
    kept = derived < 1.0
    episodes, environments, mass, derived = (a[kept] for a in (episodes, environments, mass, derived))
    eps = derived if chance is None else np.full(episodes.shape, chance)
    bound = [
        float(epsilon_greedy_bound(t, e, eta, horizon=horizon, mass=b))
        for t, e, b in zip(episodes, derived, mass, strict=True)
    ]
    rate = [
        float(recalled_rate(t, eta, horizon=horizon, environments=int(n)))
        for t, n in zip(episodes, environments, strict=True)
    ]
    return {
        "value": _regret(cell, episodes, environments, eps)[None],
        "bound": np.array(bound)[None],
        "trivial": (horizon - 1.0) * episodes[None],
        "recalled": np.array(rate),
        "factor": np.array([log_factor(b) for b in mass]),
        "eps": eps,
        "x": episodes,
    }


def epsilon_greedy(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exact regret at the derived probability of exploration, beside its bound."""
    return _compared(cell)


def blind_exploration(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return regret where the episodes that should explore play safe, beside the bound of true exploration.

    Such an episode shows nothing and costs 1/2 in environment 0 of REVEAL, so identification is left to the
    episodes that exploit.
    """
    found = _compared(cell)
    episodes, eps = found["x"], found["eps"]
    tries = (1.0 - eps) / episodes
    unidentified = -np.expm1(episodes * np.log1p(-tries)) / tries
    blind = 0.5 * eps * episodes + (1.0 - eps) * 0.5 * (1.0 - 1.0 / episodes) * unidentified
    return found | {"value": blind[None]}


def _doubled(first: int, count: int) -> tuple[int, ...]:
    return tuple(first * 2**k for k in range(count))


def _exact_cells(count: int, probe: int, etas: list[float]) -> list[Cell]:
    reveal = cells(
        instance=["reveal"],
        size=[None, 2, 64],
        eta=etas,
        truth=[0, 1],
        episodes=[_doubled(250, count)],
    )
    bsc = cells(instance=["probe"], size=[2], eta=[0.1, 0.5], truth=[0, 1], episodes=[_doubled(250, probe)])
    lock = cells(instance=["lock"], size=[2, 8, 20], truth=[0, 1], episodes=[_doubled(250, count)])
    return [*reveal, *bsc, *lock]


PLN_8A = Claim(
    id="PLN-8a",
    paper=PAPER,
    title="Epsilon-greedy planning keeps its square-root bound, constants included",
    statement=r"Reg_z(T) <= (H-1)(2 sqrt(T L / eta) + 1), L = 1 + log_+((H-1)(|Z|-1) sqrt(c_Z) / 2), at "
    r"eps = sqrt(L / (eta T))",
    source="derived; cf. He et al. 2024, whose abstract states a sublinear regret",
    provenance="derived",
    statistic=BoundHolds(method="exact"),
    grid=Grid(
        quick=_exact_cells(6, 4, [0.01, 0.1, 0.5, 1.0]),
        standard=_exact_cells(10, 6, [0.01, 0.03, 0.1, 0.3, 0.5, 1.0]),
    ),
    measure=epsilon_greedy,
    control=NegativeControl(
        measure=blind_exploration,
        grid=Grid(
            quick=cells(instance=["reveal"], size=[None], eta=[0.5], truth=[0], episodes=[_doubled(250, 8)])
        ),
        because="exploration that plays safe tells nothing (eta = 0): with |Z| = T regret stays linear",
    ),
    substitutes=EXACT,
    seconds={"quick": 1.0, "standard": 4.0},
)


def per_root_of_factor(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Regret at the derived probability over sqrt(L), which grows with T where |Z| does."""
    found = _compared(cell)
    return found | {"value": found["value"] / np.sqrt(found["factor"]), "regret": found["value"][0]}


def at_one_probability(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same at the probability 0.1 for every number of episodes."""
    found = _compared(cell, 0.1)
    return found | {"value": found["value"] / np.sqrt(found["factor"]), "regret": found["value"][0]}


def _growth_cells(count: int, probe: int) -> list[Cell]:
    reveal = cells(
        instance=["reveal"], size=[None, 16], eta=[0.5], truth=[0], episodes=[_doubled(250, count)]
    )
    bsc = cells(instance=["probe"], size=[2], eta=[0.5], truth=[0], episodes=[_doubled(250, probe)])
    return [*reveal, *bsc]


PLN_8B = Claim(
    id="PLN-8b",
    paper=PAPER,
    title="At the derived probability regret grows like the square root of T",
    statement=r"d log(Reg(T) / sqrt(L)) / d log T = 1/2 +- 0.06, with |Z| fixed and with |Z| = T",
    source="derived; cf. He et al. 2024",
    provenance="derived",
    statistic=Slope(target=0.5, side="two-sided", tolerance=0.06, method="exact"),
    grid=Grid(quick=_growth_cells(9, 5), standard=_growth_cells(12, 7)),
    measure=per_root_of_factor,
    control=NegativeControl(
        measure=at_one_probability,
        because="a probability that does not fall with T explores a fixed share of all episodes: slope 1",
    ),
    substitutes=EXACT,
    seconds={"quick": 0.5, "standard": 3.0},
)


# --- PLN-8c: random instances by simulation -----------------------------------------------------------------


def _simulated(cell: Cell, rng: np.random.Generator, model: Any, planner: Any, explore: Any) -> Any:
    """Simulate at the derived probability; return the regret of all runs and its bound."""
    from tightbound.simulators.planning.planners.epsilon_greedy import EpsilonGreedy
    from tightbound.simulators.planning.planners.schedules import Constant
    from tightbound.simulators.planning.simulate import simulate
    from tightbound.theory.planning.evaluation import distinguishability

    episodes, mass = cell["episodes"], sampled_mass(model.horizon, model.environments)
    law = (
        np.full(model.subgoals, 1.0 / model.subgoals) if explore is None else np.eye(model.subgoals)[explore]
    )
    eta = distinguishability(model, law)
    eps = float(derived_epsilon(episodes, eta, mass))
    bound = float(epsilon_greedy_bound(episodes, eps, eta, horizon=model.horizon, mass=mass))
    mixed = EpsilonGreedy(planner, _explorer(explore), Constant(eps))
    runs, key = cell["runs"], int(rng.integers(2**31))
    found = simulate(model, 0, episodes, mixed, replications=runs, key=key)
    return found.regret[:, -1], bound, eta


def _explorer(subgoal: int | None) -> Any:
    from tightbound.simulators.planning.planners.fixed_subgoal import FixedSubgoal
    from tightbound.simulators.planning.planners.uniform import Uniform

    return Uniform() if subgoal is None else FixedSubgoal(subgoal)


def epsilon_greedy_on_random(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return simulated regret on random instances, one column each."""
    from tightbound.simulators.planning.planners.bail import BAIL
    from tightbound.theory.planning.instances.random_hmdp import random_hmdp

    found = []
    for _ in range(cell["instances"]):
        sizes = (cell["environments"], 2, 2, 2, cell["horizon"])
        model = random_hmdp(*sizes, concentration=0.5, rng=rng)
        found.append(_simulated(cell, rng, model, BAIL(), None))
    regret, bound, eta = zip(*found, strict=True)
    trivial = np.full((1, len(found)), (cell["horizon"] - 1.0) * cell["episodes"])
    return {
        "value": np.stack(regret, axis=1),
        "bound": np.array(bound)[None],
        "trivial": trivial,
        "eta": np.array(eta),
    }


def delusional_on_probe(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return simulated regret on PROBE-BSC of a planner that takes its own subgoals for evidence."""
    from tightbound.simulators.planning.planners.bail import BAIL
    from tightbound.simulators.planning.planners.self_delusional import SelfDelusional
    from tightbound.theory.planning.instances.probe_bsc import PROBE, probe_bsc

    regret, bound, eta = _simulated(cell, rng, probe_bsc(0.8), SelfDelusional(BAIL()), PROBE)
    trivial = np.array([[float(cell["episodes"])]])
    return {"value": regret[:, None], "bound": np.array([[bound]]), "trivial": trivial, "eta": eta}


PLN_8C = Claim(
    id="PLN-8c",
    paper=PAPER,
    title="On random instances epsilon-greedy planning keeps its bound",
    statement=r"E Reg_z(T) <= (H-1)(2 sqrt(T L / eta) + 1), eta computed from the laws of whole episodes",
    source="derived; cf. He et al. 2024",
    provenance="derived",
    statistic=BoundHolds(method="t"),
    grid=Grid(
        quick=cells(environments=[3], horizon=[3], instances=[10], runs=[40], episodes=[1000]),
        standard=cells(environments=[6], horizon=[3], instances=[40], runs=[60], episodes=[4000]),
        full=cells(environments=[3, 6], horizon=[3, 4], instances=[100], runs=[200], episodes=[8000]),
    ),
    measure=epsilon_greedy_on_random,
    control=NegativeControl(
        measure=delusional_on_probe,
        grid=Grid(quick=cells(runs=[200], episodes=[4000])),
        because="a planner that counts its own subgoals as evidence excludes the truth and cannot be taught",
    ),
    substitutes=EXACT,
    seconds={"quick": 4.0, "standard": 15.0},
)


# --- PLN-8d, e: what exploration is worth -------------------------------------------------------------------


def _naive_and_exploring(episodes: np.ndarray, environments: Any, eta: float) -> Arrays:
    mass = [sampled_mass(2, int(n)) for n in np.broadcast_to(environments, episodes.shape)]
    eps = np.array([float(derived_epsilon(t, eta, b)) for t, b in zip(episodes, mass, strict=True)])
    return {
        "greater": reveal_regret(episodes, environments)[None],
        "smaller": reveal_regret(episodes, environments, eta, eps)[None],
        "x": episodes,
    }


def worth_on_growing(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Naive and exploring regret with as many environments as episodes."""
    episodes = np.array(cell["episodes"])
    return _naive_and_exploring(episodes, episodes, cell["eta"])


def worth_on_fixed(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return both on one instance with eight environments."""
    return _naive_and_exploring(np.array(cell["episodes"]), 8, cell["eta"])


PLN_8D = Claim(
    id="PLN-8d",
    paper=PAPER,
    title="Exploration pays where instances grow with T, and costs on an instance that does not",
    statement=r"Reg(T) at eps = 0 exceeds Reg(T) at the derived probability on REVEAL with |Z| = T",
    source="derived; cf. He et al. 2024",
    provenance="derived",
    statistic=Order(method="exact"),
    grid=Grid(
        quick=cells(eta=[0.5, 1.0], episodes=[_doubled(500, 8)]),
        standard=cells(eta=[0.1, 0.5, 1.0], episodes=[_doubled(4000, 12)]),
    ),
    measure=worth_on_growing,
    control=NegativeControl(
        measure=worth_on_fixed,
        because="on a fixed instance naive sampling has bounded regret, while exploration costs sqrt(T)",
    ),
    substitutes=EXACT,
    seconds={"quick": 0.1, "standard": 0.1},
)


def _uniform_on_lock(cell: Cell, eta: float) -> Arrays:
    """Regret on LOCK with uniform exploration, beside the bound that counts losses step by step.

    With the prior even, uniform subgoals earn and tell what naive sampling does before identification.
    """
    depth, episodes = cell["depth"], np.array(cell["episodes"], dtype=np.float64)
    horizon, chance = depth + 1, 0.5**depth
    eps = np.minimum(1.0, np.sqrt(horizon / (2.0 * eta * episodes)))
    loss = 0.25 + 0.75 * (0.5 - chance)
    unidentified = -np.expm1(episodes * np.log1p(-chance)) / chance
    bound = per_step_bound(episodes, eta, horizon=horizon, environments=2)
    return {
        "value": (eps * loss * episodes + (1.0 - eps) * loss * unidentified)[None],
        "bound": bound[None],
        "trivial": ((horizon - 1.0) * episodes)[None],
        "x": episodes,
    }


def uniform_on_lock(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Uniform exploration enters the whole combination with probability 2^-d, and that is its eta."""
    return _uniform_on_lock(cell, 0.5 ** cell["depth"])


def uniform_on_lock_overrated(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with the eta of exploration that always advances."""
    return _uniform_on_lock(cell, 1.0)


PLN_8E = Claim(
    id="PLN-8e",
    paper=PAPER,
    title="Exploration pays by its eta: drawn uniformly it seldom opens a deep lock",
    statement=r"Reg_z(T) <= (H-1)(sqrt(2 H T L' / eta) + H/2), L' = 1 + log_+((|Z|-1) sqrt(c_Z) / 2), with "
    r"eta = 2^{-d} on LOCK of depth d = H - 1",
    source="derived, with the power 3/2 of H; cf. He et al. 2024",
    provenance="derived",
    statistic=BoundHolds(method="exact"),
    grid=Grid(
        quick=cells(depth=[2, 4, 6, 14], episodes=[_doubled(250, 10)]),
        standard=cells(depth=[2, 4, 6, 10, 14], episodes=[_doubled(250, 16)]),
    ),
    measure=uniform_on_lock,
    control=NegativeControl(
        measure=uniform_on_lock_overrated,
        grid=Grid(quick=cells(depth=[20], episodes=[_doubled(250, 13)])),
        because="eta = 1 belongs to exploration that always advances; uniform subgoals tell 2^-d of that",
    ),
    substitutes=EXACT,
    seconds={"quick": 0.1, "standard": 0.1},
)

EXPLORATION = (PLN_8A, PLN_8B, PLN_8C, PLN_8D, PLN_8E, *CONTRACTION, *LOGARITHMIC, *EXPLORATION_RATE)
