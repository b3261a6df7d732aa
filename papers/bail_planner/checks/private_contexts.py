"""PLN-18g, h: K actors whose contexts are private, beside actors who share what they see."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tightbound.theory.planning.bounds import derived_epsilon, independent_actors_bound, independent_mass
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Order

PAPER = "bail_planner"
SIGNS = (
    "the exact posterior mixture of experts in each actor's own context stands for the language model, noisy "
    "signs for the reporter, one transition kernel for the K actors"
)

Arrays = dict[str, Any]


def _single_sign(q: float) -> float:
    """Squared Hellinger distance of one actor's sign."""
    return 1.0 - 2.0 * math.sqrt(q * (1.0 - q))


def _signs(cell: Cell, fixed: float | None = None) -> Arrays:
    """Exact regret with private and with shared signs, exploration derived for a single sign."""
    from tightbound.simulators.planning.private_regret import private_regret

    actors, q = cell["actors"], cell["q"]
    eta, mass = _single_sign(q), independent_mass(2, 2, actors)
    episodes = np.array(cell["episodes"], dtype=np.float64)
    eps = derived_epsilon(episodes, eta, mass)
    chances = eps if fixed is None else np.full(eps.shape, fixed)

    def last(shared: bool) -> np.ndarray:
        return np.array(
            [
                private_regret(int(n), actors, q, eps=float(rate), truth=cell["truth"], shared=shared)[-1]
                for n, rate in zip(episodes, chances, strict=True)
            ]
        )

    private, shared = last(False), last(True)
    sizes = {"horizon": 2, "environments": 2, "actors": actors}
    return {
        "x": episodes,
        "eps": eps,
        "value": private[None],
        "shared": shared,
        "greater": private[None],
        "smaller": shared[None],
        "bound": independent_actors_bound(episodes, eps, eta, **sizes)[None],
        "trivial": episodes[None],
    }


def private_signs(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exact regret of actors that each see their own sign only."""
    return _signs(cell)


def constant_probing(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the exact regret where one episode in two probes, whatever T."""
    return _signs(cell, fixed=0.5)


PRIVATE = Grid(
    quick=cells(truth=[0, 1], actors=[2], q=[0.8, 0.9], episodes=[(50, 100, 200, 400)])
    + cells(truth=[0], actors=[3], q=[0.9], episodes=[(50, 100, 200)]),
    standard=cells(truth=[0, 1], actors=[2], q=[0.7, 0.8, 0.9], episodes=[(50, 100, 200, 400, 800, 1600)])
    + cells(truth=[0, 1], actors=[3], q=[0.9], episodes=[(50, 100, 200, 400)])
    + cells(truth=[0], actors=[3], q=[0.8], episodes=[(50, 100, 200)]),
)

PLN_18G = Claim(
    id="PLN-18g",
    paper=PAPER,
    title="Private contexts without sharing are slower than shared ones",
    statement=r"Reg^{private}(T) > Reg^{shared}(T) on PRIVATE-MEET at equal \varepsilon, draws apart in both",
    source="derived",
    provenance="derived",
    statistic=Order(margin=1e-9, method="exact"),
    grid=PRIVATE,
    measure=private_signs,
    control=NegativeControl(
        grid=Grid(quick=cells(truth=[0, 1], actors=[1], q=[0.8, 0.9], episodes=[(50, 100)])),
        because="a single actor has nobody to share with: both contexts are the same",
    ),
    substitutes=SIGNS,
    seconds={"quick": 1.5, "standard": 15.0},
)

PLN_18H = Claim(
    id="PLN-18h",
    paper=PAPER,
    title="Private contexts keep to the bound at the distinguishability of a single actor's context",
    statement=r"Reg_z(T) <= \varepsilon T + 1 + L/(\varepsilon\eta_1), L = 1 + \log_+(K/2), "
    r"\eta_1 = 1 - 2\sqrt{q(1-q)}: actor k deviates with chance at most E[1 - w^k_t(z)] <= (1/2)(1 - "
    r"\varepsilon\eta_1)^{t-1}, as its own likelihood ratio contracts by its own sign",
    source="derived",
    provenance="derived",
    statistic=BoundHolds(method="exact"),
    grid=PRIVATE,
    measure=private_signs,
    control=NegativeControl(
        measure=constant_probing,
        grid=Grid(quick=cells(truth=[0], actors=[2], q=[0.8], episodes=[(100, 400)])),
        because="exploration that does not become rarer as T grows costs the same in every episode",
    ),
    substitutes=SIGNS,
    seconds={"quick": 1.5, "standard": 15.0},
)

PRIVATE_CONTEXTS = (PLN_18G, PLN_18H)
