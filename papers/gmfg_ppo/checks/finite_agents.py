"""GMFG-10: games of finitely many agents beside their graphon limit."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.papers.gmfg_ppo.checks.learning import graphon_called
from tightbound.theory.graphon_games.games.sis import sis
from tightbound.theory.graphon_games.graphons import grid
from tightbound.theory.graphon_games.identities import neighbourhood_variance
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import Equality, Order, Slope

PAPER = "gmfg_ppo"
SYNTHETIC = "simulated agents on weighted or sampled graphs in place of a population"

Arrays = dict[str, Any]


# --- GMFG-10a, b: the aggregate of N agents -----------------------------------------------------------------


def _by_degree(felt: np.ndarray, adjacency: np.ndarray) -> np.ndarray:
    """Return aggregates (..., N) divided by the degree instead of N; 0 for agents without neighbours."""
    degree = adjacency.sum(axis=-1) / adjacency.shape[-1]
    return felt / np.where(degree > 0.0, degree, 1.0)


def _variance_ratio(cell: Cell, rng: np.random.Generator, by_degree: bool) -> Arrays:
    """Squared deviation of the infected aggregate from its mean at the first step, over its variance."""
    from tightbound.simulators.graphon_games.agents import simulate_agents

    agents, share = cell["agents"], 0.3
    graphon = graphon_called(cell["graphon"])
    game = sis(graphon=graphon, blocks=agents, horizon=1, initial_infected=share)
    found = simulate_agents(
        game, game.uniform_policy(), agents, cell["episodes"], adjacency=cell["adjacency"], rng=rng
    )
    weights = graphon.matrix(found.positions)
    variance = neighbourhood_variance(weights, np.full(agents, share), cell["adjacency"])
    felt = found.neighbourhoods[:, :, 0, 1]
    if by_degree:
        assert found.adjacency is not None
        felt = _by_degree(felt, found.adjacency)
    ratio = (felt - weights.mean(axis=1) * share) ** 2 / variance
    return {"value": ratio.mean(axis=1), "reference": 1.0}


def variance_ratio(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the ratios for aggregates divided by N."""
    return _variance_ratio(cell, rng, by_degree=False)


def variance_ratio_by_degree(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the ratios for aggregates divided by the degree."""
    return _variance_ratio(cell, rng, by_degree=True)


BY_DEGREE = "divided by the degree, the aggregate is another quantity, of another mean and variance"

GMFG_10A = Claim(
    id="GMFG-10a",
    paper=PAPER,
    title="The aggregate of N agents has the stated variance",
    statement=r"Var z_i = N^{-2}\sum_j W_{ij}^2 p_j(1-p_j) on weighted graphs and N^{-2}\sum_j W_{ij}p_j(1 - "
    r"W_{ij}p_j) on sampled ones, at the first step; ratio within 0.1 of 1",
    source="theory/graphon_games/identities",
    provenance="derived",
    statistic=Equality(method="t", atol=0.1),
    grid=Grid(
        quick=cells(
            graphon=["exp", "sbm"], adjacency=["weighted", "sampled"], agents=[20], episodes=[16_000]
        ),
        standard=cells(
            graphon=["exp", "sbm"], adjacency=["weighted", "sampled"], agents=[10, 30], episodes=[20_000]
        ),
    ),
    measure=variance_ratio,
    control=NegativeControl(measure=variance_ratio_by_degree, because=BY_DEGREE),
    substitutes=SYNTHETIC,
    seconds={"quick": 1.5, "standard": 8.0},
)


def _deviation(cell: Cell, rng: np.random.Generator, by_degree: bool) -> Arrays:
    """Mean over agents of the distance of their aggregate from the limit at the last step, per episode."""
    from tightbound.simulators.graphon_games.agents import felt_by, simulate_agents

    game = sis(graphon=graphon_called(cell["graphon"]), blocks=cell["blocks"], horizon=cell["horizon"])
    policy = game.uniform_policy()
    columns = []
    for agents in cell["sizes"]:
        limit = felt_by(game, policy, grid(agents))[:, -1, 1]
        parts = []
        # graphs of few episodes at a time fit into memory
        for start in range(0, cell["episodes"], 50):
            few = min(50, cell["episodes"] - start)
            found = simulate_agents(game, policy, agents, few, adjacency=cell["adjacency"], rng=rng)
            felt = found.neighbourhoods[:, :, -1, 1]
            if by_degree:
                assert found.adjacency is not None
                felt = _by_degree(felt, found.adjacency)
            parts.append(np.abs(felt - limit).mean(axis=1))
        columns.append(np.concatenate(parts))
    return {"value": np.stack(columns, axis=1), "x": np.array(cell["sizes"])}


def deviation(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the deviations of aggregates divided by N."""
    return _deviation(cell, rng, by_degree=False)


def deviation_by_degree(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the deviations of aggregates divided by the degree."""
    return _deviation(cell, rng, by_degree=True)


def _deviation_cells(sizes: tuple[int, ...], episodes: int) -> tuple[Cell, ...]:
    return cells(
        graphon=["exp", "sbm"],
        adjacency=["weighted", "sampled"],
        blocks=[240],
        horizon=[8],
        sizes=[sizes],
        episodes=[episodes],
    )


GMFG_10B = Claim(
    id="GMFG-10b",
    paper=PAPER,
    title="Aggregates of N agents approach the limit like N^{-1/2}",
    statement=r"log-log slope of E|z_{i,H} - z_H^{x_i}| over N in [-0.6, -0.4], SIS",
    source="Central limit theorem for the sum over neighbours; Cui and Koeppl (ICLR 2022) prove convergence",
    provenance="derived",
    statistic=Slope(target=-0.5, side="two-sided", tolerance=0.1, axis="sizes", method="delta"),
    grid=Grid(
        quick=_deviation_cells((10, 40, 160), 1100),
        standard=_deviation_cells((10, 20, 40, 80, 160), 1500),
        full=_deviation_cells((10, 20, 40, 80, 160, 320), 1500),
    ),
    measure=deviation,
    control=NegativeControl(
        measure=deviation_by_degree, grid=Grid(quick=_deviation_cells((10, 40, 160), 50)), because=BY_DEGREE
    ),
    substitutes=SYNTHETIC,
    seconds={"quick": 3.0, "standard": 15.0},
)


# --- GMFG-10c, d: what a single agent gains by deviating ----------------------------------------------------

BLOCKS, HORIZON, ITERATIONS = 20, 20, 200


def _policy(cell: Cell, name: str) -> tuple[Any, Any]:
    """Return SIS on the cell's graphon, and its regularised equilibrium or the uniform policy."""
    from tightbound.simulators.graphon_games.algorithms import MonoMD
    from tightbound.simulators.graphon_games.solve import solve

    game = sis(graphon=graphon_called(cell["graphon"]), blocks=BLOCKS, horizon=HORIZON)
    if name == "uniform":
        return game, game.uniform_policy()
    found = solve(game, MonoMD(eta=0.2 / cell["lam"], lam=cell["lam"]), max_iter=ITERATIONS)
    return game, found.policy


def _exchangeable(cell: Cell, name: str) -> Arrays:
    """Gain of the best deviation on a constant graphon, over the number of agents."""
    from tightbound.simulators.graphon_games.finite_game import best_deviation_exchangeable

    game, policy = _policy(cell, name)
    pairs = [best_deviation_exchangeable(game, policy, agents, cell["lam"]) for agents in cell["sizes"]]
    return {"value": np.array([[best - value for value, best in pairs]]), "x": np.array(cell["sizes"])}


def equilibrium_gains(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Gains from deviating where all others play the equilibrium of the limit."""
    return _exchangeable(cell, "equilibrium")


def uniform_gains(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Gains from deviating where all others play at random."""
    return _exchangeable(cell, "uniform")


GMFG_10C = Claim(
    id="GMFG-10c",
    paper=PAPER,
    title="The equilibrium of the limit is an approximate equilibrium of N agents",
    statement="gain of the best deviation, exact and with full information on the joint state, on a constant "
    "graphon: log-log slope over N at most -1/2",
    source="Cui and Koeppl (ICLR 2022) prove approximate equilibria for large N, without a rate",
    provenance="derived",
    statistic=Slope(target=-0.5, side="upper", axis="sizes", method="exact"),
    grid=Grid(
        quick=cells(graphon=["constant"], lam=[1.0, 0.3], sizes=[(8, 16, 32, 64)]),
        standard=cells(graphon=["constant"], lam=[1.0, 0.3, 0.1], sizes=[(8, 16, 32, 64, 128)]),
    ),
    measure=equilibrium_gains,
    control=NegativeControl(
        measure=uniform_gains, because="the uniform policy is no equilibrium of the limit either"
    ),
    substitutes=f"{SYNTHETIC}; exact tabular updates in place of neural PPO",
    seconds={"quick": 3.0, "standard": 8.0},
)


def _gains(cell: Cell, by_degree: bool = False) -> np.ndarray:
    """Largest gain over the agents of games of several sizes, by search through all joint states."""
    from tightbound.simulators.graphon_games.finite_game import best_deviation

    game, policy = _policy(cell, "equilibrium")
    gains = []
    for agents in cell["sizes"]:
        weights = graphon_called(cell["graphon"]).matrix(grid(agents))
        scale = weights.sum(axis=1, keepdims=True) if by_degree else float(agents)
        found = best_deviation(game, policy, agents, cell["lam"], weights=weights / scale)
        gains.append(found.exploitability)
    return np.array(gains)


def _decrease(cell: Cell, by_degree: bool) -> Arrays:
    gain = _gains(cell, by_degree)
    return {"greater": gain[:-1], "smaller": gain[1:]}


def decrease(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Gains at one size and at the next larger."""
    return _decrease(cell, by_degree=False)


def decrease_by_degree(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where agents feel their neighbours' mean state instead."""
    return _decrease(cell, by_degree=True)


GMFG_10D = Claim(
    id="GMFG-10d",
    paper=PAPER,
    title="With aggregates divided by N the gain falls from every size to the next",
    statement="largest gain at N agents > largest gain at the next larger N, from N = 4 on, exp(3)",
    source="Every agent's share in the aggregate is 1/N",
    provenance="derived",
    statistic=Order(method="exact"),
    grid=Grid(
        quick=cells(graphon=["exp"], lam=[1.0], sizes=[(4, 5, 6, 7)]),
        standard=cells(graphon=["exp"], lam=[1.0, 0.3], sizes=[(4, 5, 6, 7, 8)]),
    ),
    measure=decrease,
    control=NegativeControl(
        measure=decrease_by_degree,
        because="divided by the degree, agents play another game, of which this is no equilibrium",
    ),
    substitutes=f"{SYNTHETIC}; exact tabular updates in place of neural PPO",
    seconds={"quick": 2.0, "standard": 8.0},
)

FINITE_AGENTS = (GMFG_10A, GMFG_10B, GMFG_10C, GMFG_10D)
