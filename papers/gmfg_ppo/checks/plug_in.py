"""GMFG-9: equilibria computed on an estimated graphon, played in the true game."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.papers.gmfg_ppo.checks.learning import exploration, family_called, graphon_called
from tightbound.theory.graphon_games.exploitability import exploitability
from tightbound.theory.graphon_games.game import GraphonGame
from tightbound.theory.graphon_games.games.investment import investment
from tightbound.theory.graphon_games.games.sis import sis
from tightbound.theory.graphon_games.graphons import Graphon, erdos_renyi, grid
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid
from tightbound.verification.statistics import BoundHolds, Slope

PAPER = "gmfg_ppo"
SUBSTITUTES = (
    "exact tabular mirror descent in place of neural PPO; counts of simulated single agents in an endless "
    "crowd in place of a sampling oracle; a parametric class of graphons"
)

Arrays = dict[str, Any]

CONSTANTS = (1.0, 0.5, 0.0)
LAM = 0.3
STEP = 0.3
BATCH = 20
MARGIN = 0.1


def _game(cell: Cell, graphon: Graphon) -> GraphonGame:
    if cell["game"] == "sis":
        return sis(graphon=graphon, blocks=cell["agents"], horizon=cell["horizon"])
    return investment(graphon=graphon, blocks=cell["agents"], horizon=cell["horizon"])


def _estimated(
    cell: Cell, truth: GraphonGame, episodes: int, runs: int, rng: np.random.Generator, positions: str
) -> list[GraphonGame]:
    """Return games with graphons estimated from independent data sets."""
    from tightbound.simulators.graphon_games.crowd_counts import simulate_counts
    from tightbound.simulators.graphon_games.estimation import (
        InfectionChannel,
        InvestmentChannel,
        estimate_graphon,
    )

    channel: Any = InfectionChannel() if cell["game"] == "sis" else InvestmentChannel()
    family, found = family_called(cell["graphon"]), []
    size = {"blocks": cell["agents"], "horizon": cell["horizon"]}
    data = simulate_counts(truth, exploration(truth), truth.positions, episodes, repeats=runs, rng=rng)
    for counts in data:
        if positions == "shuffled":
            labels = grid(cell["agents"])[rng.permutation(cell["agents"])]
            fit = family.fit(channel.read(counts), labels, channel.scale)
            found.append(channel.game(fit.graphon, fit.scale, counts, **size))
        else:
            estimate = estimate_graphon(counts, family, channel, positions=positions)  # type: ignore[arg-type]
            found.append(estimate.game(**size))
    return found


def _played(cell: Cell, rng: np.random.Generator, positions: str) -> Arrays:
    """Exploitability in the true game, with entropy weight lam and without, of equilibria of other games."""
    from tightbound.simulators.graphon_games.algorithms import MonoMD
    from tightbound.simulators.graphon_games.solve import solve_batch

    truth = _game(cell, graphon_called(cell["graphon"]))
    others = [truth, *(_game(cell, erdos_renyi(level)) for level in CONSTANTS)]
    algorithm, known = MonoMD(eta=STEP / LAM, lam=LAM), len(others)
    estimated = np.empty((2, cell["runs"], len(cell["episodes"])))
    unsolved = 0.0
    for column, total in enumerate(cell["episodes"]):
        # batches of one size share one compiled program
        for first in range(0, cell["runs"], BATCH):
            games = others + _estimated(cell, truth, total, BATCH, rng, positions)
            solutions = solve_batch(games, algorithm, max_iter=cell["iterations"])
            values = np.array(
                [[exploitability(truth, s.policy, lam) for s in solutions] for lam in (LAM, 0.0)]
            )
            estimated[:, first : first + BATCH, column] = values[:, known:]
            unsolved = max(unsolved, *(s.value for s in solutions))
    return {
        "estimated": estimated[0],
        "estimated_unregularised": estimated[1],
        "true": values[0, 0],
        "true_unregularised": values[1, 0],
        "constants": values[:1, 1:known],
        "constants_unregularised": values[1:, 1:known],
        "unsolved": unsolved,
    }


def _beside_constants(cell: Cell, rng: np.random.Generator, positions: str) -> Arrays:
    found = _played(cell, rng, positions)
    return found | {"value": found["estimated"], "bound": MARGIN * float(found["constants"].min())}


def estimated_beside_constants(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exploitability of plug-in equilibria beside a tenth of that of the best constant graphon."""
    return _beside_constants(cell, rng, cell["positions"])


def shuffled_beside_constants(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where the graphon is fitted to labels handed out at random."""
    return _beside_constants(cell, rng, "shuffled")


def _cells(agents: int, horizon: int, episodes: tuple[int, ...], runs: int, iterations: int) -> list[Cell]:
    return [
        {
            "game": game,
            "graphon": graphon,
            "positions": positions,
            "agents": agents,
            "horizon": horizon,
            "episodes": episodes,
            "runs": runs,
            "iterations": iterations,
        }
        for game in ("sis", "investment")
        for graphon, positions in (("exp", "known"), ("sbm", "known"), ("exp", "hidden"))
    ]


GMFG_9A = Claim(
    id="GMFG-9a",
    paper=PAPER,
    title="A learned graphon leaves at most a tenth of the exploitability of any constant graphon",
    statement=r"E Expl_\lambda(\hat\pi) <= 0.1 min_{c in {1, 1/2, 0}} Expl_\lambda(\pi_c) in the true game, "
    "SIS and investment, exp(3) and two blocks, known and hidden positions, over at least 20 data sets",
    source="Abstract, simulations: learning the graphon lowers exploitability; the factor is ours",
    provenance="abstract",
    statistic=BoundHolds(method="t"),
    grid=Grid(
        quick=_cells(10, 10, (6400,), 20, 60),
        standard=_cells(20, 20, (1600, 6400), 20, 80),
        full=_cells(20, 50, (400, 1600, 6400, 25600), 60, 120),
    ),
    measure=estimated_beside_constants,
    control=NegativeControl(
        measure=shuffled_beside_constants,
        grid=Grid(
            quick=[
                {**_cells(10, 10, (6400,), 20, 60)[k], "runs": runs}
                for k, runs in ((0, 40), (1, 20), (3, 20), (4, 20))
            ]
        ),
        because="labels handed out at random leave the level of the graphon at best, not its shape",
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 6.0, "standard": 40.0},
)


def true_beside_estimated(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exploitability of the equilibrium of the true game beside that of each plug-in equilibrium."""
    found = _played(cell, rng, cell["positions"])
    return {"value": np.full_like(found["estimated"], found["true"]), "bound": found["estimated"]}


def constant_beside_estimated(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with the best constant graphon in place of the true one."""
    found = _played(cell, rng, cell["positions"])
    best = float(found["constants"].min())
    return {"value": np.full_like(found["estimated"], best), "bound": found["estimated"]}


GMFG_9B = Claim(
    id="GMFG-9b",
    paper=PAPER,
    title="No estimate beats the true graphon",
    statement=r"Expl_\lambda(\pi^*) <= Expl_\lambda(\hat\pi) for every data set. Without entropy the order "
    r"can be the other way round, since \pi^* is an equilibrium of the regularised game only",
    source=r"Expl_\lambda vanishes at equilibria of the regularised game and is never negative",
    provenance="derived",
    statistic=BoundHolds(method="exact"),
    grid=Grid(
        quick=[_cells(10, 10, (6400,), 20, 60)[k] for k in (0, 4)],
        standard=[_cells(20, 20, (1600, 6400), 20, 80)[k] for k in (0, 2, 4)],
    ),
    measure=true_beside_estimated,
    control=NegativeControl(
        measure=constant_beside_estimated, because="a constant graphon is worse than an estimated one"
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 1.0, "standard": 20.0},
)


def estimated_growth(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exploitability of plug-in equilibria over the number of episodes."""
    found = _played(cell, rng, cell["positions"])
    return found | {"value": found["estimated"], "x": np.array(cell["episodes"])}


def shuffled_growth(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for labels handed out at random."""
    found = _played(cell, rng, "shuffled")
    return found | {"value": found["estimated"], "x": np.array(cell["episodes"])}


GMFG_9C = Claim(
    id="GMFG-9c",
    paper=PAPER,
    title="Exploitability of plug-in equilibria falls like 1/L, the square of the error of the graphon",
    statement=r"log-log slope of Expl_\lambda(\hat\pi) over the number of episodes L in [-1.25, -0.75]",
    source=r"Expl_\lambda = \lambda KL(\pi, best response) is of second order in \pi; the error of "
    r"\rho W is of order L^{-1/2}",
    provenance="derived",
    statistic=Slope(target=-1.0, side="two-sided", tolerance=0.25, axis="episodes", method="delta"),
    grid=Grid(
        quick=[_cells(10, 10, (1600, 320_000, 64_000_000), 80, 60)[k] for k in (0, 1)],
        standard=[_cells(20, 20, (1600, 320_000, 64_000_000), 60, 80)[k] for k in (0, 1, 3, 4)],
    ),
    measure=estimated_growth,
    control=NegativeControl(
        measure=shuffled_growth,
        grid=Grid(quick=[_cells(10, 10, (1600, 64_000_000), 20, 60)[k] for k in (0, 1)]),
        because="labels handed out at random stay wrong however long one looks",
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 4.0, "standard": 40.0},
)

PLUG_IN = (GMFG_9A, GMFG_9B, GMFG_9C)
