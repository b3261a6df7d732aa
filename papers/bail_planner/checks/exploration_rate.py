"""PLN-19: the best probability of exploration, and what tuning by the bound costs."""

from __future__ import annotations

import numpy as np

from tightbound.papers.bail_planner.checks._exact import EXACT, PAPER, Arrays
from tightbound.theory.planning.bounds import (
    derived_epsilon,
    epsilon_greedy_bound,
    log_factor,
    recalled_epsilon,
    sampled_mass,
)
from tightbound.theory.planning.closed_forms import reveal_regret
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import Equality

FIXED = 8


def _curve(cell: Cell, environments: int) -> Arrays:
    """Exact regret on REVEAL over probabilities of exploration: 0, and three per cent apart from there."""
    episodes, eta = cell["episodes"], cell["eta"]
    eps = np.concatenate([[0.0], np.geomspace(1e-6, 1.0, 468)])
    regret = reveal_regret(episodes, environments, eta, eps)
    best = int(regret.argmin())
    derived = float(derived_epsilon(episodes, eta, sampled_mass(2, environments)))
    recalled = float(recalled_epsilon(episodes, eta, horizon=2, environments=environments))
    bound = epsilon_greedy_bound(episodes, eps, eta, horizon=2, mass=sampled_mass(2, environments))
    return {
        "eps": eps,
        "regret": regret,
        "curve_bound": bound,
        "best": float(eps[best]),
        "derived": derived,
        "recalled": recalled,
        "at_best": float(regret[best]),
        "at_derived": float(reveal_regret(episodes, environments, eta, derived)),
        "at_recalled": float(reveal_regret(episodes, environments, eta, recalled)),
        "expected": float(1.0 / np.sqrt(2.0 * eta * episodes)),
    }


def best_on_growing(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Best probability with as many environments as episodes, beside 1 / sqrt(2 eta T)."""
    found = _curve(cell, cell["episodes"])
    return found | {"value": found["best"], "reference": found["expected"]}


def best_on_fixed(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same on one instance."""
    found = _curve(cell, FIXED)
    return found | {"value": found["best"], "reference": found["expected"]}


PLN_19A = Claim(
    id="PLN-19a",
    paper=PAPER,
    title="Regret is U-shaped in the probability of exploration, least near 1 / sqrt(2 eta T)",
    statement=r"argmin_eps Reg = (1 +- 0.2) / sqrt(2 eta T) on REVEAL with |Z| = T",
    source="derived: Reg is about eps T + 1 / (2 (eps eta + 1/T))",
    provenance="derived",
    statistic=Equality(rtol=0.2),
    grid=Grid(
        quick=cells(eta=[0.1, 0.5, 1.0], episodes=[3000, 100_000]),
        standard=cells(eta=[0.1, 0.5, 1.0], episodes=[3000, 100_000, 3 * 10**6, 10**8]),
    ),
    measure=best_on_growing,
    control=NegativeControl(
        measure=best_on_fixed,
        because="on one fixed instance naive sampling identifies by itself, and the best probability is 0",
    ),
    substitutes=EXACT,
    seconds={"quick": 0.1, "standard": 0.1},
)


def _cost(cell: Cell, environments: int) -> Arrays:
    found = _curve(cell, environments)
    root = np.sqrt(2.0 * log_factor(sampled_mass(2, environments)))
    return found | {"value": found["at_derived"] / found["at_best"], "reference": 0.5 * (root + 1.0 / root)}


def cost_on_growing(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Regret at the derived probability over the least regret, with as many environments as episodes."""
    return _cost(cell, cell["episodes"])


def cost_on_fixed(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same on one instance."""
    return _cost(cell, FIXED)


PLN_19B = Claim(
    id="PLN-19b",
    paper=PAPER,
    title="Tuning by the bound explores too much, at a price that is known",
    statement=r"Reg(derived) / Reg(best) = (1 +- 0.1) (sqrt(2L) + 1 / sqrt(2L)) / 2 on REVEAL with |Z| = T",
    source="derived",
    provenance="derived",
    statistic=Equality(rtol=0.1),
    grid=Grid(
        quick=cells(eta=[0.5, 1.0], episodes=[100_000, 10**6]),
        standard=cells(eta=[0.1, 0.5, 1.0], episodes=[10**6, 10**8]),
    ),
    measure=cost_on_growing,
    control=NegativeControl(
        measure=cost_on_fixed,
        because="on one fixed instance no exploration is best, and any costs a factor that grows with T",
    ),
    substitutes=EXACT,
    seconds={"quick": 0.1, "standard": 0.1},
)


def none_on_fixed(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Best probability on one instance, beside 0."""
    found = _curve(cell, cell["environments"])
    return found | {"value": found["best"], "reference": 0.0}


def none_on_growing(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with as many environments as episodes."""
    found = _curve(cell, cell["episodes"])
    return found | {"value": found["best"], "reference": 0.0}


PLN_19C = Claim(
    id="PLN-19c",
    paper=PAPER,
    title="On a fixed instance and for long runs no exploration at all is best",
    statement=r"argmin_eps Reg = 0 on REVEAL with T >> |Z|^2",
    source="derived: naive sampling has bounded regret there",
    provenance="derived",
    statistic=Equality(),
    grid=Grid(
        quick=cells(eta=[0.1, 0.5, 1.0], environments=[4, 16], episodes=[10_000]),
        standard=cells(eta=[0.1, 0.5, 1.0], environments=[4, 16, 64], episodes=[10**5, 10**7]),
    ),
    measure=none_on_fixed,
    control=NegativeControl(
        measure=none_on_growing,
        because="with |Z| = T naive sampling is linear, and some exploration is needed",
    ),
    substitutes=EXACT,
    seconds={"quick": 0.1, "standard": 0.1},
)

EXPLORATION_RATE = (PLN_19A, PLN_19B, PLN_19C)
