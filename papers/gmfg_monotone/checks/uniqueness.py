"""GMFG-2: a regularised weakly monotone game has one equilibrium; crowd-seeking games have several."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from tightbound.theory.graphon_games import flow_distance, random_linear
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds

PAPER = "gmfg_monotone"

Arrays = dict[str, Any]

STARTS = 12
TOLERANCE = 1e-8
_STEPS, _THETA = 250, 0.3


def _spread(cell: Cell, rng: np.random.Generator, coupling: float) -> Arrays:
    """Return the largest distance of the flows that random starts lead to, per instance and per start."""
    from tightbound.simulators.graphon_games import MonoMD, solve_batch

    lam = cell["lam"]
    farthest, gains, flows = [], [], []
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
        flows.append([one.mean_field[:, -1].mean(axis=0) for one in found])
    return {"value": np.array(farthest), "exploitability": np.array(gains), "last_flows": np.array(flows)}


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
        grid=Grid(quick=cells(lam=[0.05], coupling=[10.0], instances=[2])),
        because="agents who seek the crowd can gather in several places, and starts lead to different ones",
    ),
    seconds={"quick": 1.5, "standard": 12.0},
)


def distance_of_equilibria(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Largest distance between two equilibria of crowd-seeking games, beside a sweep of the coupling."""
    sweep = np.array(cell["sweep"])
    # The same game and the same starts at every coupling.
    seed = int(rng.integers(2**31))
    found = [_spread({**cell, "instances": 1}, np.random.default_rng(seed), float(c)) for c in sweep]
    return {
        **_spread(cell, rng, cell["coupling"]),
        "sweep": sweep,
        "sweep_distance": np.concatenate([one["value"] for one in found]),
        "sweep_flows": np.concatenate([one["last_flows"] for one in found]),
    }


def distance_when_avoiding_crowds(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for agents who avoid the crowd."""
    return _spread(cell, rng, -cell["coupling"])


def _apart(cell: Cell) -> float:
    return 0.1


GMFG_2B = Claim(
    id="GMFG-2b",
    paper=PAPER,
    title="Without weak monotonicity there are several equilibria: seeking crowds is enough",
    statement=r"with c = 10 and lam = 0.05 two of 12 starts end in equilibria (Expl_lam < 1e-8) with "
    r"d(mu, mu') > 0.1; the sweep beside it shows at which c > 0 the starts part",
    source="Converse of GMFG-2a by example",
    provenance="derived",
    statistic=BoundHolds(side="lower"),
    grid=Grid(
        quick=[
            {
                "lam": 0.05,
                "coupling": 10.0,
                "instances": 2,
                "sweep": (-1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0),
            },
        ],
        standard=[
            {"lam": 0.05, "coupling": 10.0, "instances": 10, "sweep": tuple(float(c) for c in range(-2, 16))},
        ],
    ),
    measure=distance_of_equilibria,
    bound=_apart,
    control=NegativeControl(
        measure=distance_when_avoiding_crowds,
        because="the same games with the sign of the coupling reversed are weakly monotone",
    ),
    seconds={"quick": 1.5, "standard": 5.0},
)

UNIQUENESS = (GMFG_2A, GMFG_2B)
