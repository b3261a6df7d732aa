"""PLN-11: exploration that fades, or that comes first, costs log T instead of the square root."""

from __future__ import annotations

import math

import numpy as np

from tightbound.papers.bail_planner.checks._exact import EXACT, PAPER, Arrays
from tightbound.theory.planning.bounds import (
    derived_epsilon,
    explore_first_bound,
    explore_first_episodes,
    log_regret_bound,
    sampled_mass,
)
from tightbound.theory.planning.exact_dp import probe_bsc_forward, reveal_forward
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Slope


def _environments(cell: Cell) -> int:
    return int(cell["size"] or cell["episodes"])


def _regret(cell: Cell, eps: np.ndarray, episodes: int | None = None) -> np.ndarray:
    """Return exact regret of the first t episodes under a schedule, on REVEAL or PROBE-BSC."""
    count = cell["episodes"] if episodes is None else episodes
    if cell["instance"] == "reveal":
        return reveal_forward(count, cell["size"] or count, cell["eta"], eps, truth=cell["truth"])
    q = 0.5 + 0.5 * math.sqrt(1.0 - (1.0 - cell["eta"]) ** 2)
    return probe_bsc_forward(count, q, eps=eps, truth=cell["truth"]).regret


def _scale(cell: Cell) -> float:
    return float(cell["power"] / cell["eta"])


def _fading(cell: Cell) -> np.ndarray:
    return np.minimum(1.0, _scale(cell) / np.arange(1, cell["episodes"] + 1))


def _marks(cell: Cell) -> np.ndarray:
    """Return numbers of episodes over the last two decades."""
    return np.unique(np.geomspace(cell["episodes"] / 100, cell["episodes"], 9).round().astype(np.int64))


# --- PLN-11a, b: exploration that fades ---------------------------------------------------------------------


def _beside_log_bound(cell: Cell, eps: np.ndarray) -> Arrays:
    at = _marks(cell)
    mass = sampled_mass(2, _environments(cell))
    bound = log_regret_bound(at, _scale(cell), cell["eta"], horizon=2, mass=mass)
    regret = _regret(cell, eps)
    return {"value": regret[at - 1][None], "bound": bound[None], "trivial": at[None].astype(float), "x": at}


def fading(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exact regret where episode t explores with probability min(1, a/t), beside its bound."""
    return _beside_log_bound(cell, _fading(cell))


def not_fading(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same at the one probability that is best for the last T."""
    mass = sampled_mass(2, _environments(cell))
    best = float(derived_epsilon(cell["episodes"], cell["eta"], mass))
    return _beside_log_bound(cell, np.full(cell["episodes"], best))


def _fading_cells(reveal: int, probe: int) -> list[Cell]:
    return [
        *cells(
            instance=["reveal"],
            size=[None, 16],
            eta=[0.1, 0.5],
            power=[1.5, 2.0],
            truth=[0],
            episodes=[reveal],
        ),
        *cells(instance=["probe"], size=[2], eta=[0.5], power=[1.5, 2.0], truth=[0, 1], episodes=[probe]),
    ]


PLN_11A = Claim(
    id="PLN-11a",
    paper=PAPER,
    title="Exploration that fades like a/t has logarithmic regret, with its constants",
    statement=r"Reg(T) <= (H-1)[a (1 + log(T/a)) + (s/(s-1)) max{1, a e^{1/a-1} B^{1/s}}], s = a eta > 1",
    source="derived",
    provenance="derived",
    statistic=BoundHolds(method="exact"),
    grid=Grid(quick=_fading_cells(100_000, 1500), standard=_fading_cells(1_000_000, 6000)),
    measure=fading,
    control=NegativeControl(
        measure=not_fading,
        grid=Grid(
            quick=cells(instance=["reveal"], size=[16], eta=[0.5], power=[2.0], truth=[0], episodes=[100_000])
        ),
        because="one probability for all episodes, even the best for T, costs sqrt(T)",
    ),
    substitutes=EXACT,
    seconds={"quick": 1.0, "standard": 5.0},
)


def _in_units_of_a(cell: Cell, eps: np.ndarray) -> Arrays:
    at = _marks(cell)
    return {"value": _regret(cell, eps)[at - 1][None] / _scale(cell), "x": at}


def growth_of_fading(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Regret in units of a, over the last two decades."""
    return _in_units_of_a(cell, _fading(cell))


def growth_of_not_fading(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same at the one probability that is best for the last T."""
    mass = sampled_mass(2, _environments(cell))
    best = float(derived_epsilon(cell["episodes"], cell["eta"], mass))
    return _in_units_of_a(cell, np.full(cell["episodes"], best))


PLN_11B = Claim(
    id="PLN-11b",
    paper=PAPER,
    title="On a fixed instance fading exploration costs a per unit of log T, and nothing else",
    statement=r"d Reg / d log T = a (1 +- 0.1) where an exploration costs 1",
    source="derived",
    provenance="derived",
    statistic=Slope(target=1.0, side="two-sided", tolerance=0.1, scale="semilogx", method="exact"),
    grid=Grid(
        quick=[
            *cells(
                instance=["reveal"], size=[16], eta=[0.1, 0.5], power=[2.0], truth=[0], episodes=[100_000]
            ),
            *cells(instance=["probe"], size=[2], eta=[0.5], power=[2.0], truth=[0], episodes=[3000]),
        ],
        standard=[
            *cells(
                instance=["reveal"], size=[4, 16], eta=[0.1, 0.5], power=[2.0], truth=[0], episodes=[10**6]
            ),
            *cells(instance=["probe"], size=[2], eta=[0.5], power=[2.0], truth=[0], episodes=[8000]),
        ],
    ),
    measure=growth_of_fading,
    control=NegativeControl(
        measure=growth_of_not_fading,
        because="at one probability regret is linear in the number of episodes played, not logarithmic",
    ),
    substitutes=EXACT,
    seconds={"quick": 0.5, "standard": 4.0},
)


# --- PLN-11c: exploration first -----------------------------------------------------------------------------


def _first(cell: Cell, explore: bool) -> Arrays:
    """Regret at each number of episodes, each with its own exploration at the start or none."""
    value, bound = [], []
    for count in cell["lengths"]:
        mass = sampled_mass(2, cell["size"] or count)
        first = explore_first_episodes(count, cell["eta"], mass) if explore else 0
        eps = (np.arange(count) < first).astype(np.float64)
        value.append(_regret(cell, eps, count)[-1])
        bound.append(explore_first_bound(count, cell["eta"], horizon=2, mass=mass))
    lengths = np.array(cell["lengths"])
    return {
        "value": np.array(value)[None],
        "bound": np.array(bound)[None],
        "trivial": lengths[None].astype(float),
        "x": lengths,
    }


def explore_first(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exact regret of exploring n_0 episodes and then never again, beside its bound."""
    return _first(cell, True)


def explore_never(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same without exploration."""
    return _first(cell, False)


def _first_cells(reveal: tuple[int, ...], probe: tuple[int, ...]) -> list[Cell]:
    return [
        *cells(instance=["reveal"], size=[None, 16], eta=[0.1, 0.5, 1.0], truth=[0, 1], lengths=[reveal]),
        *cells(instance=["probe"], size=[2], eta=[0.2, 0.5], truth=[0, 1], lengths=[probe]),
    ]


PLN_11C = Claim(
    id="PLN-11c",
    paper=PAPER,
    title="Exploring log T episodes first costs no more than one episode besides",
    statement=r"Reg(T) <= (H-1)(n_0 + 1), n_0 = ceil(log(1 + B T) / (-log(1 - eta)))",
    source="derived; what the paper says on a cold start was not at hand",
    provenance="derived",
    statistic=BoundHolds(method="exact"),
    grid=Grid(
        quick=_first_cells((1000, 10_000, 100_000), (250, 1000, 2000)),
        standard=_first_cells((1000, 10_000, 100_000, 1_000_000), (250, 1000, 2000, 8000)),
    ),
    measure=explore_first,
    control=NegativeControl(
        measure=explore_never,
        grid=Grid(
            quick=cells(
                instance=["reveal"], size=[None], eta=[0.5], truth=[0], lengths=[(1000, 10_000, 100_000)]
            )
        ),
        because="without a single exploration regret is linear where |Z| = T",
    ),
    substitutes=EXACT,
    seconds={"quick": 1.0, "standard": 5.0},
)


# --- PLN-11d: exploration that fades too fast ---------------------------------------------------------------


def _exploited(cell: Cell, power: float) -> Arrays:
    """Regret of the episodes that exploit, each number of episodes with as many environments."""
    value = []
    for count in cell["lengths"]:
        eps = np.minimum(1.0, power / cell["eta"] / np.arange(1, count + 1))
        value.append(reveal_forward(count, count, cell["eta"], eps)[-1] - eps.sum())
    return {"value": np.array(value)[None], "x": np.array(cell["lengths"])}


def fading_too_fast(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Regret of exploitation where a eta is below 1, beyond the growth it must have."""
    found = _exploited(cell, cell["power"])
    return found | {"value": found["value"] / found["x"] ** (1.0 - cell["power"])}


def not_exploring(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same without exploration."""
    found = _exploited(cell, 0.0)
    return found | {"value": found["value"] / found["x"] ** (1.0 - cell["power"])}


PLN_11D = Claim(
    id="PLN-11d",
    paper=PAPER,
    title="Fading faster than the condition allows leaves a power of T",
    statement=r"regret of exploitation grows like T^{1 - a eta} for a eta < 1, REVEAL with |Z| = T",
    source="derived: the probability of not having been told falls like t^{-a eta}",
    provenance="derived",
    statistic=Slope(target=0.0, side="two-sided", tolerance=0.05, method="exact"),
    grid=Grid(
        quick=cells(eta=[0.1, 0.5, 1.0], power=[0.3, 0.6], lengths=[(10_000, 30_000, 100_000, 300_000)]),
        standard=cells(
            eta=[0.1, 0.5, 1.0], power=[0.3, 0.6, 0.8], lengths=[(10**5, 3 * 10**5, 10**6, 3 * 10**6)]
        ),
    ),
    measure=fading_too_fast,
    control=NegativeControl(
        measure=not_exploring,
        because="without exploration regret is linear: its exponent is 1 and not 1 - a eta",
    ),
    substitutes=EXACT,
    seconds={"quick": 0.5, "standard": 4.0},
)

LOGARITHMIC = (PLN_11A, PLN_11B, PLN_11C, PLN_11D)
