"""PLN-5, 6, 7, 10: naive execution is linear on instances made for T; if it samples, on no fixed one."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.papers.bail_planner.checks._exact import EXACT, PAPER, Arrays
from tightbound.papers.bail_planner.checks.consistency import CONSISTENCY
from tightbound.theory.planning.bounds import hard_instance_lower_bound
from tightbound.theory.planning.closed_forms import lock_regret, reveal_regret
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Equality, Order, Slope


def _episodes(cell: Cell) -> np.ndarray:
    return np.array(cell["episodes"], dtype=np.int64)


def nothing(cell: Cell) -> float:
    """Return what regret is at least without any theorem."""
    return 0.0


# --- PLN-5: an instance for every T -------------------------------------------------------------------------


def naive_on_reveal(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exact regret of naive sampling on REVEAL; ``environments`` None stands for as many as episodes."""
    episodes = _episodes(cell)
    number = episodes if cell["environments"] is None else cell["environments"]
    return {
        "value": reveal_regret(episodes, number)[None],
        "bound": hard_instance_lower_bound(episodes, number)[None],
        "x": episodes,
    }


def one_instance_for_all(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return regret on one fixed instance, beside the bound of instances made for the number of episodes."""
    episodes = _episodes(cell)
    return {
        "value": reveal_regret(episodes, 8)[None],
        "bound": hard_instance_lower_bound(episodes, episodes)[None],
        "x": episodes,
    }


def _lengths(last: int) -> tuple[int, ...]:
    return tuple(50 * 2**k for k in range(1 + int(np.log2(last / 50))))


PLN_5A = Claim(
    id="PLN-5a",
    paper=PAPER,
    title="For every T there is an instance on which naive execution loses at least T / (2e), nearly",
    statement=r"Reg_z(T) >= (T/2) (1 - 1/|Z|)^T on REVEAL, every |Z| and T; with |Z| = T this is linear",
    source="derived; cf. He et al. 2024, whose abstract states that naive execution can have linear regret",
    provenance="derived",
    statistic=BoundHolds(method="exact", side="lower"),
    grid=Grid(
        quick=cells(environments=[None, 2, 16, 256], episodes=[_lengths(6400)]),
        standard=cells(environments=[None, 2, 16, 256, 4096], episodes=[_lengths(51_200)]),
        full=cells(environments=[None, 2, 16, 256, 4096, 65_536], episodes=[_lengths(819_200)]),
    ),
    measure=naive_on_reveal,
    trivial=nothing,
    control=NegativeControl(
        measure=one_instance_for_all,
        because="one fixed instance, here |Z| = 8, is not hard for large T: naive sampling stops losing",
    ),
    substitutes=EXACT,
    seconds={"quick": 0.05, "standard": 0.05},
)

PLN_5B = Claim(
    id="PLN-5b",
    paper=PAPER,
    title="Along instances that grow with T naive regret is linear; on each of them alone it is not",
    statement=r"d log Reg(T) / d log T = 1 +- 0.02 with |Z| = T",
    source="derived; cf. He et al. 2024",
    provenance="derived",
    statistic=Slope(target=1.0, side="two-sided", tolerance=0.02, method="exact"),
    grid=Grid(
        quick=cells(environments=[None], episodes=[_lengths(51_200)]),
        standard=cells(environments=[None], episodes=[_lengths(102_400)]),
        full=cells(environments=[None], episodes=[_lengths(819_200)]),
    ),
    measure=naive_on_reveal,
    control=NegativeControl(
        measure=one_instance_for_all,
        because="on the fixed instance with |Z| = 8 naive sampling saturates at (|Z| - 1)/2: slope 0",
    ),
    substitutes=EXACT,
    seconds={"quick": 0.05, "standard": 0.05},
)


def _played(cell: Cell, planner: Any) -> np.ndarray:
    """Exact regret of a planner on REVEAL, from the tables and the law of the posterior."""
    from tightbound.simulators.planning.exact_regret import exact_regret
    from tightbound.theory.planning.instances.reveal import reveal

    return np.asarray(exact_regret(reveal(cell["environments"]), 0, cell["episodes"], planner).regret[None])


def sampled_by_engine(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Regret of naive sampling from the tables, beside the closed form."""
    from tightbound.simulators.planning.planners.bail import BAIL

    formula = reveal_regret(np.arange(1, cell["episodes"] + 1), cell["environments"])
    return {"value": _played(cell, BAIL()), "reference": formula[None]}


def greedy_by_engine(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the regret of greedy decoding, beside the closed form for sampling."""
    from tightbound.simulators.planning.planners.greedy_bail import GreedyBAIL

    formula = reveal_regret(np.arange(1, cell["episodes"] + 1), cell["environments"])
    return {"value": _played(cell, GreedyBAIL()), "reference": formula[None]}


PLN_5C = Claim(
    id="PLN-5c",
    paper=PAPER,
    title="The closed form on REVEAL is what the planner computes from the tables",
    statement=r"Reg(T) = ((|Z|-1)/2) (1 - (1-1/|Z|)^T)",
    source="derived",
    provenance="derived",
    statistic=Equality(rtol=1e-9),
    grid=Grid(
        quick=cells(environments=[2, 5, 12], episodes=[200]),
        standard=cells(environments=[2, 5, 12, 40], episodes=[1000]),
    ),
    measure=sampled_by_engine,
    control=NegativeControl(
        measure=greedy_by_engine, because="greedy decoding of the same posterior never tries and loses T/2"
    ),
    substitutes=EXACT,
    seconds={"quick": 0.5, "standard": 1.5},
)


def _simulated(cell: Cell, rng: np.random.Generator, planner: Any) -> Arrays:
    """Regret of a planner in simulation on REVEAL with |Z| = T, beside the closed form for sampling."""
    from tightbound.simulators.planning.simulate import simulate
    from tightbound.theory.planning.instances.reveal import reveal

    episodes = cell["episodes"]
    found = simulate(
        reveal(episodes), 0, episodes, planner, replications=cell["runs"], key=int(rng.integers(2**31))
    )
    return {"value": found.regret[:, -1], "reference": float(reveal_regret(episodes, episodes))}


def sampled_in_simulation(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the regret of naive sampling."""
    from tightbound.simulators.planning.planners.bail import BAIL

    return _simulated(cell, rng, BAIL())


def delusional_in_simulation(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the regret of a planner that takes its own subgoals for evidence."""
    from tightbound.simulators.planning.planners.bail import BAIL
    from tightbound.simulators.planning.planners.self_delusional import SelfDelusional

    return _simulated(cell, rng, SelfDelusional(BAIL()))


PLN_5D = Claim(
    id="PLN-5d",
    paper=PAPER,
    title="The simulator agrees with the closed form on the hard instance",
    statement=r"mean simulated regret = ((T-1)/2) (1 - (1-1/T)^T) within 8 %",
    source="derived",
    provenance="derived",
    statistic=Equality(rtol=0.08, method="t"),
    grid=Grid(
        quick=cells(episodes=[16], runs=[4000]),
        standard=cells(episodes=[16, 64], runs=[10_000]),
    ),
    measure=sampled_in_simulation,
    control=NegativeControl(
        measure=delusional_in_simulation,
        because="a planner that counts its own subgoals as evidence excludes the truth with its first safe "
        "choice and never returns",
    ),
    substitutes=EXACT,
    seconds={"quick": 2.0, "standard": 8.0},
)


# --- PLN-6: decoders that do not sample ---------------------------------------------------------------------


def unsampled(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the regret of a planner that does not sample on one fixed REVEAL, beside T/2."""
    from tightbound.simulators.planning.planners.greedy_bail import GreedyBAIL
    from tightbound.simulators.planning.planners.world_model import WorldModel

    planner = {"greedy": GreedyBAIL, "world model": WorldModel}[cell["planner"]]()
    return {"value": _played(cell, planner), "reference": 0.5 * np.arange(1, cell["episodes"] + 1)[None]}


def sampled(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the regret of the planner that samples, beside T/2."""
    from tightbound.simulators.planning.planners.bail import BAIL

    return {"value": _played(cell, BAIL()), "reference": 0.5 * np.arange(1, cell["episodes"] + 1)[None]}


PLN_6A = Claim(
    id="PLN-6a",
    paper=PAPER,
    title="Without sampling naive execution is linear on one fixed instance, for ever",
    statement=r"Reg(T) = T/2 for greedy decoding and for planning in the mixture model, REVEAL, |Z| >= 3",
    source="derived",
    provenance="derived",
    statistic=Equality(rtol=1e-12),
    grid=Grid(
        quick=cells(planner=["greedy", "world model"], environments=[3, 10], episodes=[200]),
        standard=cells(planner=["greedy", "world model"], environments=[3, 10], episodes=[2000]),
    ),
    measure=unsampled,
    control=NegativeControl(
        measure=sampled,
        because="sampling tries at a rate 1/|Z| and so finds the truth; its regret is bounded",
    ),
    substitutes=EXACT,
    seconds={"quick": 0.5, "standard": 2.0},
)

TEMPERATURES = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0)


def _by_temperature(cell: Cell, environments: int) -> Arrays:
    found = [float(reveal_regret(cell["episodes"], environments, temperature=t)) for t in TEMPERATURES]
    return {
        "greater": np.array(found[:-1])[None],
        "smaller": np.array(found[1:])[None],
        "temperature": np.array(TEMPERATURES),
        "regret": np.array(found),
    }


def cooled(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Regret of naive execution, from cool to warm decoding."""
    return _by_temperature(cell, cell["environments"])


def cooled_with_even_odds(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where the mixture is already even."""
    return _by_temperature(cell, 2)


PLN_6B = Claim(
    id="PLN-6b",
    paper=PAPER,
    title="The cooler the decoding, the more naive execution loses",
    statement=r"Reg(T) falls strictly in the temperature of decoding, REVEAL, |Z| >= 3",
    source="derived",
    provenance="derived",
    statistic=Order(method="exact"),
    grid=Grid(
        quick=cells(environments=[3, 10], episodes=[100, 10_000]),
        standard=cells(environments=[3, 10, 40], episodes=[100, 10_000, 10**6]),
    ),
    measure=cooled,
    control=NegativeControl(
        measure=cooled_with_even_odds,
        because="with two environments the mixture is even, and no temperature changes an even law",
    ),
    substitutes=EXACT,
    seconds={"quick": 0.05, "standard": 0.05},
)


# --- PLN-7: two environments suffice ------------------------------------------------------------------------


def _lock_by_engine(cell: Cell, ties: str) -> Arrays:
    """Exact regret on LOCK from its history tree, beside the closed form for a rule that breaks ties."""
    from tightbound.simulators.planning.exact_regret import exact_regret
    from tightbound.simulators.planning.planners.bail import BAIL
    from tightbound.theory.planning.instances.lock import lock

    depth, weight, episodes = cell["depth"], cell["weight"], cell["episodes"]
    found = exact_regret(lock(depth, weight), cell["truth"], episodes, BAIL())
    counts = np.arange(1, episodes + 1)
    formula = lock_regret(counts, depth, weight, truth=cell["truth"], ties=ties)
    return {"value": found.regret[None], "reference": formula[None]}


def lock_by_engine(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Compare with the closed form for the rule in use: ties go to the lowest index."""
    return _lock_by_engine(cell, "lowest")


def lock_with_other_ties(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Compare with the closed form for experts who break their ties the other way."""
    return _lock_by_engine(cell, "highest")


PLN_7A = Claim(
    id="PLN-7a",
    paper=PAPER,
    title="A lock of depth d opens to naive sampling with probability w^d per episode",
    statement=r"Reg(T) = l (1 - (1-w^d)^T) / w^d, l = (1-w)/2 + (3/4)(w - w^d)",
    source="derived",
    provenance="derived",
    statistic=Equality(rtol=1e-9, atol=1e-12),
    grid=Grid(
        quick=cells(depth=[2, 3, 4], weight=[0.5], truth=[0, 1], episodes=[100]),
        standard=cells(depth=[2, 3, 4, 8], weight=[0.3, 0.5], truth=[0, 1], episodes=[1000]),
    ),
    measure=lock_by_engine,
    control=NegativeControl(
        measure=lock_with_other_ties,
        because="how an expert breaks a tie off its own path decides how often the mixture follows another",
    ),
    substitutes=EXACT,
    seconds={"quick": 0.5, "standard": 3.0},
)


def _lock_curves(nominal: int, depth: int) -> Arrays:
    episodes = np.geomspace(2.0**nominal / 1000.0, 2.0**nominal / 10.0, 9).round()
    far = np.geomspace(1.0, 1e7, 71)
    return {
        "value": lock_regret(episodes, depth)[None],
        "x": episodes,
        "curve": lock_regret(far, depth),
        "curve_x": far,
    }


def naive_on_lock(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exact regret on LOCK up to a tenth of the 2^d episodes that opening it takes, and far beyond."""
    return _lock_curves(cell["depth"], cell["depth"])


def naive_on_a_shallow_lock(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same episodes on a lock of depth 4."""
    return _lock_curves(cell["depth"], 4)


PLN_7B = Claim(
    id="PLN-7b",
    paper=PAPER,
    title="With two environments naive regret is linear up to about 2^d / 10 episodes",
    statement=r"d log Reg(T) / d log T >= 0.95 for T <= 2^d / 10 on LOCK, w = 1/2",
    source="derived; cf. He et al. 2024",
    provenance="derived",
    statistic=Slope(target=1.0, side="lower", tolerance=0.05, method="exact"),
    grid=Grid(quick=cells(depth=[10, 14, 17, 20]), standard=cells(depth=[10, 14, 17, 20, 30, 40])),
    measure=naive_on_lock,
    control=NegativeControl(
        measure=naive_on_a_shallow_lock,
        because="a lock of depth 4 opens after some sixteen episodes, however many follow: slope 0",
    ),
    substitutes=EXACT,
    seconds={"quick": 0.05, "standard": 0.05},
)

NAIVE = (PLN_5A, PLN_5B, PLN_5C, PLN_5D, PLN_6A, PLN_6B, PLN_7A, PLN_7B, *CONSISTENCY)
