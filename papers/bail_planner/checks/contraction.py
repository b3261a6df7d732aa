"""PLN-9: the posterior contracts at the rate of exploration, whatever happens between explorations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tightbound.papers.bail_planner.checks._exact import EXACT, PAPER, Arrays
from tightbound.theory.planning.bounds import contraction_bound, doubt_bound, inverse_weight_bound
from tightbound.theory.planning.exact_dp import probe_bsc_forward
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds

NEGLIGIBLE = 1e-100


# --- PLN-9a: exact at every episode -------------------------------------------------------------------------


def _contraction(cell: Cell, power: float) -> Arrays:
    """Return exact mean root ratio and doubt on PROBE-BSC, episode by episode, in units of their bounds."""
    q, weight, eps, episodes = (cell[name] for name in ("q", "weight", "eps", "episodes"))
    found = probe_bsc_forward(episodes, q, weight=weight, eps=eps, truth=cell["truth"], power=power)
    eta = 1.0 - 2.0 * math.sqrt(q * (1.0 - q))
    ratio = max(weight, 1.0 - weight) / min(weight, 1.0 - weight)
    root = contraction_bound(episodes, eps, eta, prior_ratio=ratio)
    doubt = doubt_bound(episodes, eps, eta, environments=2, prior_ratio=ratio)
    found_all, bound_all = np.concatenate([found.root_ratio, found.doubt]), np.concatenate([root, doubt])
    large = bound_all > NEGLIGIBLE
    return {
        "value": (found_all[large] / bound_all[large])[None],
        "bound": np.ones((1, int(large.sum()))),
        "root_ratio": found.root_ratio,
        "doubt": found.doubt,
        "root_bound": root,
        "doubt_bound": doubt,
    }


def contraction(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return both for the exact posterior."""
    return _contraction(cell, 1.0)


def contraction_counting_twice(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return both for a posterior that counts all evidence twice."""
    return _contraction(cell, 2.0)


PLN_9A = Claim(
    id="PLN-9a",
    paper=PAPER,
    title="The posterior contracts by 1 - eps eta per episode",
    statement=r"E_z sqrt(w_t(z') / w_t(z)) <= sqrt(c_Z) (1 - eps eta)^{t-1} and "
    r"E_z[1 - w_t(z)] <= (|Z|-1) sqrt(c_Z) (1 - eps eta)^{t-1} / 2 for all t",
    source="derived; cf. He et al. 2024",
    provenance="derived",
    statistic=BoundHolds(method="exact"),
    grid=Grid(
        quick=cells(q=[0.8], weight=[0.5, 0.2], eps=[0.0, 0.05, 0.3, 1.0], truth=[0, 1], episodes=[300]),
        standard=cells(
            q=[0.6, 0.8, 0.95],
            weight=[0.5, 0.2],
            eps=[0.0, 0.05, 0.3, 1.0],
            truth=[0, 1],
            episodes=[1000],
        ),
    ),
    measure=contraction,
    control=NegativeControl(
        measure=contraction_counting_twice,
        because="evidence counted twice squares the ratios, and the mean root of a square does not fall",
    ),
    substitutes=EXACT,
    seconds={"quick": 1.0, "standard": 8.0},
)


# --- PLN-9b: any planner, any instance ----------------------------------------------------------------------


def _advance() -> np.ndarray:
    from tightbound.theory.planning.instances.lock import ADVANCE

    return np.asarray(np.eye(2)[ADVANCE])


def _posterior(model: Any, exploring: np.ndarray, cell: Cell, planner: str, *, per_step: bool) -> Arrays:
    """Exact contraction on any model by the law of the posterior, beside its bounds."""
    from tightbound.theory.planning.bail import bail, greedy
    from tightbound.theory.planning.evaluation import distinguishability
    from tightbound.theory.planning.expert import expert
    from tightbound.theory.planning.forward import forward_regret
    from tightbound.theory.planning.tree import HistoryTree
    from tightbound.theory.planning.world_model import world_model

    tree, eps, episodes = HistoryTree(model), cell["eps"], cell["episodes"]
    best = expert(tree)

    def exploit(log_weights: np.ndarray) -> Any:
        if planner == "world model":
            return world_model(tree, log_weights)
        mixture = bail(tree, best, log_weights)
        return greedy(mixture) if planner == "greedy" else mixture

    def act(t: int, log_weights: np.ndarray) -> list[tuple[float, Any]]:
        laws = exploit(log_weights)
        if per_step:
            return [(1.0, [(1.0 - eps) * law + eps * exploring for law in laws])]
        return [(1.0 - eps, laws), (eps, exploring)]

    eta = distinguishability(tree, exploring)
    found = forward_regret(tree, 0, episodes, act)
    root = contraction_bound(episodes, eps, eta)
    doubt = doubt_bound(episodes, eps, eta, environments=model.environments)
    return {
        "value": np.concatenate([found.root_ratio, found.doubt])[None],
        "bound": np.concatenate([root, doubt])[None],
    }


PLANNERS = ("sample", "greedy", "world model")


def any_planner(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exact contraction on random instances and on a lock, for planners that sample and for others."""
    from tightbound.theory.planning.instances.lock import lock
    from tightbound.theory.planning.instances.random_hmdp import random_hmdp

    found = [_posterior(lock(4), _advance(), cell, name, per_step=False) for name in PLANNERS]
    for _ in range(cell["instances"]):
        model = random_hmdp(3, 2, 2, 2, 2, 0.5, rng)
        even = np.full(2, 0.5)
        found += [_posterior(model, even, cell, name, per_step=False) for name in PLANNERS]
    return {name: np.concatenate([one[name] for one in found]) for name in found[0]}


def coin_at_every_step(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same on the lock where the coin is tossed anew at every step."""
    from tightbound.theory.planning.instances.lock import lock

    return _posterior(lock(4), _advance(), cell, "sample", per_step=True)


PLN_9B = Claim(
    id="PLN-9b",
    paper=PAPER,
    title="The contraction needs nothing of the planner but one coin per episode",
    statement=r"the bounds of PLN-9a hold for sampling, greedy and mixture-model planners on any instance",
    source="derived; cf. He et al. 2024",
    provenance="derived",
    statistic=BoundHolds(method="exact"),
    grid=Grid(
        quick=cells(eps=[0.0, 0.3, 1.0], instances=[2], episodes=[5]),
        standard=cells(eps=[0.0, 0.1, 0.3, 0.6, 1.0], instances=[4], episodes=[5]),
    ),
    measure=any_planner,
    control=NegativeControl(
        measure=coin_at_every_step,
        because="a coin for every step breaks off most explorations: the lock shows nothing until its end",
    ),
    substitutes=EXACT,
    seconds={"quick": 2.0, "standard": 5.0},
)


# --- PLN-9c: the inverse weight -----------------------------------------------------------------------------


def _inverse(cell: Cell, power: float) -> Arrays:
    found = probe_bsc_forward(
        cell["episodes"], cell["q"], weight=cell["weight"], eps=cell["eps"], power=power
    )
    return {
        "value": found.inverse_weight[None],
        "bound": np.full((1, cell["episodes"]), inverse_weight_bound(cell["weight"])),
    }


def inverse_weight(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exact mean inverse weight of the truth at the start of every episode."""
    return _inverse(cell, 1.0)


def inverse_weight_counting_twice(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for a posterior that counts all evidence twice."""
    return _inverse(cell, 2.0)


PLN_9C = Claim(
    id="PLN-9c",
    paper=PAPER,
    title="The mean inverse weight of the truth never exceeds that of the prior",
    statement=r"E_z[1/w_t(z)] <= 1/p(z) for all t, with equality where each episode is a probe",
    source="derived",
    provenance="derived",
    statistic=BoundHolds(method="exact"),
    grid=Grid(
        quick=cells(q=[0.8], weight=[0.5, 0.2], eps=[0.0, 0.3, 1.0], episodes=[100]),
        standard=cells(q=[0.6, 0.8, 0.95], weight=[0.5, 0.2], eps=[0.0, 0.3, 1.0], episodes=[100]),
    ),
    measure=inverse_weight,
    control=NegativeControl(
        measure=inverse_weight_counting_twice,
        because="squared ratios are no supermartingale: their mean grows exponentially",
    ),
    substitutes=EXACT,
    seconds={"quick": 0.2, "standard": 0.5},
)

CONTRACTION = (PLN_9A, PLN_9B, PLN_9C)
