"""GMFG-1f to h: SIS and investment at low temperature, where damping decides whether an iteration settles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tightbound.theory.graphon_games import (
    Graphon,
    GraphonGame,
    erdos_renyi,
    exponential,
    investment,
    ranked_attachment,
    sis,
    uniform_attachment,
)
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Order

PAPER = "gmfg_monotone"

Arrays = dict[str, Any]

_BLOCKS = 20
_JUMPING, _SETTLED = 0.1, 1e-4


def _graphon(name: str) -> Graphon:
    makers: dict[str, Callable[[], Graphon]] = {
        "unif-att": uniform_attachment,
        "rank-att": ranked_attachment,
        "er": erdos_renyi,
        "exp": exponential,
    }
    return makers[name]()


def _game(cell: Cell) -> GraphonGame:
    graphon = _graphon(cell["graphon"])
    if cell["game"] == "sis":
        return sis(graphon=graphon, blocks=_BLOCKS)
    return investment(graphon=graphon, blocks=_BLOCKS)


def _damped(game: GraphonGame, lam: float, steps: int) -> Any:
    """Solve by mirror descent with steps that shrink like 1/t."""
    from tightbound.simulators.graphon_games import MonoMD, solve

    rule = MonoMD(eta=lambda t: 0.5 / (lam * (1.0 + t / 200.0)), lam=lam)
    return solve(game, rule, max_iter=steps, tol=1e-10)


# --- GMFG-1f: who protects himself
# ----------------------------------------------------------------------------


def protection_over_agents(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Largest increase in alpha of the chance that a susceptible agent protects himself, over all steps."""
    found = _damped(_game(cell), cell["lam"], cell["steps"])
    chance = found.policy[:, :, 0, 1]
    return {"value": np.diff(chance, axis=0).max(), "chance": chance[None], "exploitability": found.value}


def _zero(cell: Cell) -> float:
    return 0.0


GMFG_1F = Claim(
    id="GMFG-1f",
    paper=PAPER,
    title="In SIS the better connected protect themselves, the others do not: thresholds in alpha",
    statement=r"pi_h(protect | susceptible) is non-increasing in alpha at every step where the degree "
    r"falls in alpha (unif-att, rank-att); it nears a threshold as lam falls",
    source="Figure of Cui and Koeppl, ICLR 2022, on threshold policies",
    provenance="recall",
    statistic=BoundHolds(slack=1e-9),
    grid=Grid(
        quick=cells(game=["sis"], graphon=["unif-att", "rank-att"], lam=[0.1, 0.02], steps=[1500]),
        standard=cells(
            game=["sis"], graphon=["unif-att", "rank-att"], lam=[0.3, 0.1, 0.05, 0.02, 0.01], steps=[6000]
        ),
    ),
    measure=protection_over_agents,
    bound=_zero,
    control=NegativeControl(
        grid=Grid(quick=cells(game=["sis"], graphon=["exp"], lam=[0.1, 0.02], steps=[1500])),
        because="on exp(3) the degree rises in alpha, and so does protection",
    ),
    seconds={"quick": 0.7, "standard": 3.0},
)


# --- GMFG-1g: the Boltzmann iteration
# --------------------------------------------------------------------------


def last_changes(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the distance of the last two mean fields beside its limit: Boltzmann, then damped iteration."""
    from tightbound.simulators.graphon_games import BoltzmannFixedPoint, MonoMD, solve

    game, steps, tau = _game(cell), cell["steps"], cell["lam"]
    fixed = solve(game, BoltzmannFixedPoint(temperature=tau), max_iter=steps)
    rule = MonoMD(eta=lambda t: 0.5 / (tau * (1.0 + t / 200.0)), lam=tau)
    damped = solve(game, rule, max_iter=3 * steps)
    return {
        "greater": np.array([[fixed.history["change"][-1], _SETTLED]]),
        "smaller": np.array([[_JUMPING, damped.history["change"][-1]]]),
        "boltzmann": fixed.history["change"][None],
        "damped": damped.history["change"][None],
    }


GMFG_1G = Claim(
    id="GMFG-1g",
    paper=PAPER,
    title="At low temperature the Boltzmann iteration does not settle in SIS, damped mirror descent does",
    statement="at temperatures 0.05 and 0.02 consecutive mean fields of the Boltzmann iteration differ by "
    "more than 0.1 after 200 steps, those of mirror descent by less than 1e-4 after 600",
    source="Cui and Koeppl, ICLR 2022, who choose temperatures at which the iteration converges",
    provenance="recall",
    statistic=Order(method="exact"),
    grid=Grid(
        quick=cells(game=["sis"], graphon=["unif-att", "rank-att", "er"], lam=[0.05, 0.02], steps=[200]),
    ),
    measure=last_changes,
    control=NegativeControl(
        grid=Grid(quick=cells(game=["sis"], graphon=["unif-att", "rank-att", "er"], lam=[0.3], steps=[200])),
        because="at temperature 0.3 the best response is flat enough and the undamped iteration settles too",
    ),
    seconds={"quick": 2.5},
)


# --- GMFG-1h: equilibria at published temperatures
# -----------------------------------------------------------------


def equilibrium_of_published_game(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exploitability of damped mirror descent, and the policy it ends with."""
    found = _damped(_game(cell), cell["lam"], cell["steps"])
    return {"value": found.value, "policy": found.policy[None], "iterations": found.num_iter}


def answer_of_published_game(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the exploitability of undamped best responses with the same entropy weight."""
    from tightbound.simulators.graphon_games import FixedPoint, solve

    return {"value": solve(_game(cell), FixedPoint(lam=cell["lam"]), max_iter=200).value}


def _tolerance(cell: Cell) -> float:
    return 1e-8


GMFG_1H = Claim(
    id="GMFG-1h",
    paper=PAPER,
    title="Damped mirror descent finds equilibria of SIS and investment at low entropy weights",
    statement=r"Expl_lam < 1e-8 on unif-att, rank-att and er(1/2) with H = 50: SIS at lam = 0.05, "
    r"investment at lam = 0.05; SIS has a kernel that follows the crowd and lies outside the monotone "
    r"theory",
    source="Games and graphons of Cui and Koeppl, ICLR 2022",
    provenance="recall",
    statistic=BoundHolds(slack=0.0),
    grid=Grid(
        quick=cells(
            game=["sis", "investment"], graphon=["unif-att", "rank-att", "er"], lam=[0.05], steps=[1500]
        ),
        standard=cells(
            game=["sis", "investment"],
            graphon=["unif-att", "rank-att", "er"],
            lam=[0.3, 0.1, 0.05],
            steps=[6000],
        ),
    ),
    measure=equilibrium_of_published_game,
    bound=_tolerance,
    control=NegativeControl(
        measure=answer_of_published_game,
        because="undamped best responses with the same entropy weight keep jumping",
    ),
    seconds={"quick": 1.0, "standard": 5.0},
)

PUBLISHED_GAMES = (GMFG_1F, GMFG_1G, GMFG_1H)
