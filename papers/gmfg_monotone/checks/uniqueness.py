"""GMFG-2: a regularised weakly monotone game has one equilibrium; crowd-seeking games have several."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from tightbound.theory.graphon_games import (
    CrowdReward,
    GraphonGame,
    erdos_renyi,
    flow_distance,
    random_linear,
)
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Equality

PAPER = "gmfg_monotone"

Arrays = dict[str, Any]

STARTS = 12
TOLERANCE = 1e-8
_STEPS, _THETA = 250, 0.3


def _spread(cell: Cell, rng: np.random.Generator, coupling: float) -> Arrays:
    """Return the largest distance of the equilibria that random starts lead to, per instance."""
    from tightbound.simulators.graphon_games import MonoMD, solve_batch

    lam = cell["lam"]
    farthest, gains = [], []
    for _ in range(cell["instances"]):
        game = random_linear(rng=rng, coupling=coupling)
        shape = game.uniform_policy().shape
        starts = [rng.dirichlet(np.full(shape[-1], 0.3), size=shape[:-1]) for _ in range(STARTS)]
        # A random start may hold an exact zero, which mirror descent never leaves.
        starts = [0.999 * start + 0.001 / shape[-1] for start in starts]
        found = solve_batch(
            [game] * STARTS, MonoMD(eta=_THETA / lam, lam=lam), max_iter=_STEPS, starts=starts
        )
        settled = [one.mean_field for one in found if one.value <= TOLERANCE]
        pairs = [flow_distance(a, b) for a, b in combinations(settled, 2)]
        farthest.append(max(pairs, default=0.0))
        gains.append([one.value for one in found])
    return {"value": np.array(farthest), "exploitability": np.array(gains)}


def spread_of_equilibria(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Largest distance between equilibria found from random starts, and the exploitability of every end."""
    found = _spread(cell, rng, cell["coupling"])
    ends = found["exploitability"].max(axis=1)
    return {**found, "value": np.stack([found["value"], ends], axis=1)}


def spread_when_seeking_crowds(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for agents who seek the crowd, at a small entropy weight."""
    return spread_of_equilibria({**cell, "coupling": 10.0, "lam": 0.05}, rng)


def _tolerance(cell: Cell) -> float:
    return TOLERANCE


GMFG_2A = Claim(
    id="GMFG-2a",
    paper=PAPER,
    title="A regularised weakly monotone game has one equilibrium flow, wherever the iteration starts",
    statement=r"max over pairs of 12 random starts of d(mu, mu') < 1e-8, all ends with Expl_lam < 1e-8, for "
    r"c <= 0, W = 1 - max(x, y) (positive semidefinite) and a kernel free of z: lam times the sum of two "
    "divergences of equilibria is the monotonicity functional, at most 0",
    source="Uniqueness of the equilibrium; proof in `monotonicity_gap`",
    provenance="derived",
    statistic=BoundHolds(slack=0.0),
    grid=Grid(
        quick=cells(lam=[1.0, 0.1], coupling=[-5.0, -1.0], instances=[2]),
        standard=cells(lam=[1.0, 0.3, 0.1], coupling=[-5.0, -1.0, -0.1], instances=[10]),
    ),
    measure=spread_of_equilibria,
    bound=_tolerance,
    control=NegativeControl(
        measure=spread_when_seeking_crowds,
        grid=Grid(quick=cells(lam=[0.05], coupling=[10.0], instances=[16])),
        because="agents who seek the crowd can gather in several places, and starts lead to different ones",
    ),
    seconds={"quick": 1.5, "standard": 12.0},
)


# --- GMFG-2b: how many equilibria there are when two places are alike
# -----------------------------------------


def coordination_gap(ratio: float) -> float:
    """Return the positive root m of m = tanh(ratio m / 2), or 0 where there is none."""
    if ratio <= 2.0:
        return 0.0
    low, high = 1e-9, 1.0
    for _ in range(200):
        middle = (low + high) / 2.0
        low, high = (middle, high) if np.tanh(ratio * middle / 2.0) > middle else (low, middle)
    return (low + high) / 2.0


def _coordination(coupling: float) -> GraphonGame:
    """Return the game in which all choose one of two places and meet there with weight ``coupling``."""
    move = np.tile(np.eye(2), (2, 1, 1))
    reward = CrowdReward(np.zeros((1, 2, 2)), coupling)
    return GraphonGame(erdos_renyi(1.0), [0.5, 0.5], move, reward, 2, blocks=4, name="coordination")


def _equilibria(cell: Cell, rng: np.random.Generator, sign: float) -> Arrays:
    """Return the largest distance of the equilibria that random starts and their mirror images lead to."""
    from tightbound.simulators.graphon_games import MonoMD, solve_batch

    lam = cell["lam"]
    found, shares = [], []
    for ratio in cell["ratios"]:
        game = _coordination(sign * ratio * lam)
        half = [rng.dirichlet(np.ones(2), size=game.uniform_policy().shape[:3]) for _ in range(STARTS // 2)]
        starts = half + [start[..., ::-1] for start in half]
        # Larger steps would overshoot where agents avoid the crowd, monotone or not.
        rule = MonoMD(eta=0.2 / lam, lam=lam)
        ends = solve_batch([game] * STARTS, rule, max_iter=cell["steps"], starts=starts)
        flows = [one.mean_field for one in ends if one.value <= TOLERANCE]
        found.append(max(flow_distance(a, b) for a, b in combinations(flows, 2)))
        shares.append([one.mean_field[:, 1, 1].mean() for one in ends])
    exact = [2.0 * coordination_gap(ratio) for ratio in cell["ratios"]]
    return {
        "value": np.array([found]),
        "reference": np.array([exact]),
        "ratios": np.array([cell["ratios"]]),
        "shares": np.array([shares]),
    }


def distance_of_equilibria(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Largest distance of equilibria of the coordination game, over couplings, beside the closed form."""
    return _equilibria(cell, rng, 1.0)


def distance_when_avoiding_crowds(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with the sign of the coupling reversed."""
    return _equilibria(cell, rng, -1.0)


GMFG_2B = Claim(
    id="GMFG-2b",
    paper=PAPER,
    title="Two places alike: one equilibrium up to c = 2 lam, then two more that part like a magnet",
    statement=r"with r = c z(s), W = 1 and two places the share p of one of them satisfies log(p/(1-p)) = "
    r"c(2p-1)/lam, so m = 2p - 1 solves m = tanh(c m/(2 lam)): equilibria are at flow distance 2 m*, 0 "
    "for c <= 2 lam; weak monotonicity (c <= 0) is sufficient for uniqueness and not necessary",
    source="Converse of GMFG-2a; softmax best response to one's own crowd",
    provenance="derived",
    statistic=Equality(atol=TOLERANCE),
    grid=Grid(
        quick=[{"lam": 0.5, "ratios": (-3.0, 0.0, 1.0, 1.5, 2.5, 3.0, 4.0, 6.0), "steps": 600}],
        standard=[
            {"lam": lam, "ratios": (-3.0, 0.0, 1.0, 1.5, 1.8, 2.2, 2.5, 3.0, 4.0, 6.0, 8.0), "steps": 1500}
            for lam in (1.0, 0.5, 0.1)
        ],
    ),
    measure=distance_of_equilibria,
    control=NegativeControl(
        measure=distance_when_avoiding_crowds,
        because="with the sign of the coupling reversed the games are monotone and have one equilibrium",
    ),
    seconds={"quick": 0.7, "standard": 4.0},
)

UNIQUENESS = (GMFG_2A, GMFG_2B)
