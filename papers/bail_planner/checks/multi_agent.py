"""PLN-18: one planner for K actors, drawing jointly, apart, or from contexts that are private."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.papers.bail_planner.checks.private_contexts import PRIVATE_CONTEXTS
from tightbound.theory.planning.bounds import (
    derived_epsilon,
    independent_actors_bound,
    independent_mass,
    recalled_rate,
)
from tightbound.theory.planning.closed_forms import (
    agreement,
    meet_regret,
    reveal_greedy_regret,
    reveal_regret,
)
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Equality, Slope

PAPER = "bail_planner"
TEAM = (
    "the exact posterior mixture of experts stands for the language model, a table for the reporter, one "
    "transition kernel for the K actors"
)
SOURCE = "derived; cf. He et al. 2024, whose abstract names the extension to several actors"

Arrays = dict[str, Any]


# --- PLN-18a, b: closed forms -------------------------------------------------------------------------------


def _from_tables(cell: Cell, planner: Any) -> np.ndarray:
    """Exact regret of a planner on MEET, from the tables and the law of the posterior."""
    from tightbound.simulators.planning.exact_regret import exact_regret
    from tightbound.simulators.planning.planners.epsilon_greedy import EpsilonGreedy
    from tightbound.simulators.planning.planners.fixed_subgoal import FixedSubgoal
    from tightbound.simulators.planning.planners.schedules import Constant
    from tightbound.theory.planning.instances.meet import PROBE, meet, together

    probe = FixedSubgoal(together(PROBE, cell["actors"]))
    model = meet(cell["environments"], cell["actors"], cell["eta"])
    found = exact_regret(model, 0, cell["episodes"], EpsilonGreedy(planner, probe, Constant(cell["eps"])))
    return np.asarray(found.regret[None])


def _until(cell: Cell) -> np.ndarray:
    return np.arange(1.0, cell["episodes"] + 1.0)


def jointly(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exact regret of one joint draw, beside that of a single actor."""
    from tightbound.simulators.planning.planners.bail import BAIL

    single = reveal_regret(_until(cell), cell["environments"], cell["eta"], cell["eps"])
    return {"value": _from_tables(cell, BAIL()), "reference": single[None]}


def apart_beside_single(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the exact regret of actors that draw apart, beside that of a single actor."""
    from tightbound.simulators.planning.planners.independent_bail import IndependentBAIL

    return jointly(cell, rng) | {"value": _from_tables(cell, IndependentBAIL())}


def apart(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exact regret of actors that draw apart, beside their closed form."""
    from tightbound.simulators.planning.planners.independent_bail import IndependentBAIL

    formula = meet_regret(
        _until(cell),
        cell["environments"],
        cell["actors"],
        cell["eta"],
        cell["eps"],
        sampling="independent",
    )
    return {"value": _from_tables(cell, IndependentBAIL()), "reference": formula[None]}


def joint_beside_apart(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the exact regret of one joint draw, beside the closed form of actors that draw apart."""
    from tightbound.simulators.planning.planners.bail import BAIL

    return apart(cell, rng) | {"value": _from_tables(cell, BAIL())}


TABLES = Grid(
    quick=cells(environments=[2, 4], actors=[2, 3], eta=[0.5], eps=[0.0, 0.1], episodes=[60]),
    standard=cells(environments=[2, 4, 8], actors=[2, 3], eta=[0.5, 1.0], eps=[0.0, 0.1], episodes=[300]),
    full=cells(environments=[2, 4, 8], actors=[2, 3, 4], eta=[0.5, 1.0], eps=[0.0, 0.1], episodes=[300]),
)

PLN_18A = Claim(
    id="PLN-18a",
    paper=PAPER,
    title="A joint draw for K actors regrets what a single actor regrets",
    statement=r"Reg^{joint}_K(T) = Reg_1(T) on MEET, for every K, T, \varepsilon and \eta",
    source=SOURCE,
    provenance="derived",
    statistic=Equality(rtol=1e-9),
    grid=TABLES,
    measure=jointly,
    control=NegativeControl(
        measure=apart_beside_single, because="actors that draw apart miss each other: the draw must be joint"
    ),
    substitutes=TEAM,
    seconds={"quick": 0.5, "standard": 5.0},
)

PLN_18B = Claim(
    id="PLN-18b",
    paper=PAPER,
    title="Actors that draw apart regret what the closed form says",
    statement=r"Reg(T) = \varepsilon T + (1-\varepsilon) l (1-\lambda^T)/(1-\lambda) on MEET, p_0 = N^{-K}, "
    r"l = 1 - p_0 - (1/2)(1-1/N)^K, \lambda = 1 - (1-\varepsilon) p_0 - \varepsilon\eta",
    source="derived",
    provenance="derived",
    statistic=Equality(rtol=1e-9),
    grid=TABLES,
    measure=apart,
    control=NegativeControl(
        measure=joint_beside_apart,
        because="a joint draw always agrees and finds the environment with p_0 = 1/N",
    ),
    substitutes=TEAM,
    seconds={"quick": 0.5, "standard": 5.0},
)


# --- PLN-18c, d, e: what K costs ----------------------------------------------------------------------------


def _drawn(cell: Cell) -> tuple[int, int]:
    """Return the number of actors, and of draws that the bound is about."""
    return cell["actors"], cell["actors"] if cell["sampling"] == "independent" else 1


def _team(cell: Cell, episodes: np.ndarray, *, explores: bool = True) -> Arrays:
    """Exact regret on MEET at the derived exploration, its bound, and other planners beside it."""
    number, eta = cell["environments"], cell["eta"]
    actors, draws = _drawn(cell)
    sizes = {"horizon": 2, "environments": number}
    eps = derived_epsilon(episodes, eta, independent_mass(2, number, draws))
    chance = eps if explores else np.zeros_like(eps)
    return {
        "x": episodes,
        "eps": eps,
        "value": meet_regret(episodes, number, actors, eta, chance, sampling=cell["sampling"])[None],
        "bound": independent_actors_bound(episodes, eps, eta, actors=draws, **sizes)[None],
        "trivial": episodes[None],
        "world_model": reveal_greedy_regret(episodes, eta, eps),
        "recalled_rate": recalled_rate(episodes, eta, actors=actors, **sizes),
    }


def tuned(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exact regret on MEET with derived exploration, over the number of episodes."""
    return _team(cell, np.array(cell["episodes"], dtype=np.float64))


def untuned(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the exact regret without exploration."""
    return _team(cell, np.array(cell["episodes"], dtype=np.float64), explores=False)


EPISODES = (250, 500, 1000, 2000, 4000, 8000)
LONG = (*EPISODES, 32_000, 128_000)

PLN_18C = Claim(
    id="PLN-18c",
    paper=PAPER,
    title="With exploration K actors keep to bounds into which K enters inside a logarithm, or not at all",
    statement=r"Reg_z(T) <= (H-1)(\varepsilon T + 1 + L/(\varepsilon\eta)), "
    r"L = 1 + \log_+(k (H-1)(|Z|-1)\sqrt{c_Z}/2), k = K for draws apart and 1 for joint ones",
    source=SOURCE,
    provenance="derived",
    statistic=BoundHolds(method="exact"),
    grid=Grid(
        quick=cells(
            sampling=["joint", "independent"],
            environments=[2, 4],
            actors=[1, 2, 4, 8],
            eta=[0.1, 1.0],
            episodes=[EPISODES],
        ),
        standard=cells(
            sampling=["joint", "independent"],
            environments=[2, 4, 16, 64],
            actors=range(1, 9),
            eta=[0.1, 0.5, 1.0],
            episodes=[LONG],
        ),
    ),
    measure=tuned,
    control=NegativeControl(
        measure=untuned,
        because="without exploration actors that draw apart agree once in N^K episodes only",
    ),
    substitutes=TEAM,
    seconds={"quick": 0.1, "standard": 0.5},
)


def _over_actors(cell: Cell, *, explores: bool) -> Arrays:
    """Exact regret at one T for every number of actors."""
    teams = np.array(cell["actors"], dtype=np.float64)
    episodes = np.array([float(cell["episodes"])])
    found = [
        _team({**cell, "actors": int(k), "sampling": "independent"}, episodes, explores=explores)
        for k in teams
    ]
    together = _team({**cell, "actors": 1, "sampling": "joint"}, episodes, explores=explores)
    return {
        "x": teams,
        "value": np.concatenate([one["value"] for one in found], axis=1),
        "bound": np.concatenate([one["bound"] for one in found], axis=1),
        "recalled_rate": np.concatenate([one["recalled_rate"] for one in found]),
        "joint": np.full(teams.shape, together["value"][0, 0]),
    }


def tuned_over_actors(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exact regret of actors that draw apart, with exploration derived for each number of actors."""
    return _over_actors(cell, explores=True)


def untuned_over_actors(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same without exploration."""
    return _over_actors(cell, explores=False)


PLN_18D = Claim(
    id="PLN-18d",
    paper=PAPER,
    title="With exploration regret grows slower than the root of the number of actors",
    statement=r"d log Reg / d log K <= 0.5 over K = 1..8 for draws apart, exploration derived for each K",
    source="derived: K enters inside a logarithm; the root of K is the rate remembered from the paper",
    provenance="derived",
    statistic=Slope(target=0.5, side="upper", axis="actors", method="exact"),
    grid=Grid(
        quick=cells(environments=[4], actors=[(1, 2, 3, 4, 6, 8)], eta=[0.5, 1.0], episodes=[8000]),
        standard=cells(
            environments=[2, 4, 16],
            actors=[tuple(range(1, 9))],
            eta=[0.1, 0.5, 1.0],
            episodes=[8000, 128_000],
        ),
    ),
    measure=tuned_over_actors,
    control=NegativeControl(
        measure=untuned_over_actors,
        because="without exploration the time until all agree is exponential in K",
    ),
    substitutes=TEAM,
    seconds={"quick": 0.1, "standard": 0.1},
)


def _naive(cell: Cell, sampling: str) -> Arrays:
    """Exact regret without exploration up to a tenth of N^K episodes."""
    number, actors = cell["environments"], cell["actors"]
    episodes = np.geomspace(2.0, 0.1 * number**actors, 8)
    return {"x": episodes, "value": meet_regret(episodes, number, actors, sampling=sampling)[None]}


def naive_apart(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exact regret of actors that draw apart and never explore."""
    return _naive(cell, "independent")


def naive_joint(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the exact regret of joint draws that never explore."""
    return _naive(cell, "joint")


PLN_18E = Claim(
    id="PLN-18e",
    paper=PAPER,
    title="Without exploration actors that draw apart lose linearly up to about N^K episodes",
    statement=r"d log Reg / d log T >= 0.95 for 2 <= T <= N^K / 10 on MEET",
    source="derived",
    provenance="derived",
    statistic=Slope(target=1.0, side="lower", tolerance=0.05, method="exact"),
    grid=Grid(
        quick=cells(environments=[4], actors=[5, 8]) + cells(environments=[2], actors=[12]),
        standard=cells(environments=[2], actors=[12, 16, 20]) + cells(environments=[4, 16], actors=[5, 8]),
    ),
    measure=naive_apart,
    control=NegativeControl(
        measure=naive_joint, because="joint draws agree always and saturate at (N-1)/2, whatever K"
    ),
    substitutes=TEAM,
    seconds={"quick": 0.1, "standard": 0.1},
)


# --- PLN-18f: coordination ----------------------------------------------------------------------------------


def _meeting(cell: Cell, *, joint: bool) -> Arrays:
    """Chance that all actors go to one place, where each of N environments has a place of its own."""
    from tightbound.theory.planning.bail import bail, independent_bail
    from tightbound.theory.planning.expert import expert
    from tightbound.theory.planning.hmdp import HMDP
    from tightbound.theory.planning.tree import HistoryTree

    places, actors = cell["places"], cell["actors"]
    size = places**actors
    same = np.arange(places) * ((size - 1) // (places - 1))
    move = np.zeros((places, 3, size, 3))
    move[:, 0, :, 2] = move[:, 1, :, 1] = move[:, 2, :, 2] = 1.0
    move[np.arange(places), 0, same] = [0.0, 1.0, 0.0]
    model = HMDP([1.0, 0.0, 0.0], move, np.eye(3), [[0, 0, 0], [0, 1, 0]], actors=(places,) * actors)
    tree = HistoryTree(model)
    planner = bail if joint else independent_bail
    law = planner(tree, expert(tree), model.log_prior)[0][0, 0]
    return {"value": float(law[same].sum()), "reference": float(agreement(places, actors))}


def meeting_apart(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the chance that actors who draw apart meet."""
    return _meeting(cell, joint=False)


def meeting_together(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the chance that actors who share one draw meet."""
    return _meeting(cell, joint=True)


PLN_18F = Claim(
    id="PLN-18f",
    paper=PAPER,
    title="Drawing apart from a uniform posterior, K actors meet with chance N^{-(K-1)}",
    statement=r"\sum_g \prod_k \sum_z w(z) \pi^{*,k}_z(g) = N^{-(K-1)} where the expert of each of N "
    "environments sends all actors to a place of its own",
    source="derived",
    provenance="derived",
    statistic=Equality(rtol=1e-12),
    grid=Grid(
        quick=cells(places=[2, 4], actors=[2, 3, 4]),
        standard=cells(places=[2, 4, 8], actors=[2, 3, 4]),
    ),
    measure=meeting_apart,
    control=NegativeControl(measure=meeting_together, because="one joint draw always agrees with itself"),
    substitutes=TEAM,
    seconds={"quick": 0.1, "standard": 0.5},
)

MULTI_AGENT = (PLN_18A, PLN_18B, PLN_18C, PLN_18D, PLN_18E, PLN_18F, *PRIVATE_CONTEXTS)
