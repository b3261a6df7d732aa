"""PLN-10: on any fixed finite instance naive sampling is not linear, and the truth is never lost."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from tightbound.papers.bail_planner.checks._exact import EXACT, PAPER, Arrays
from tightbound.theory.planning.bounds import truth_floor
from tightbound.theory.planning.closed_forms import lock_regret, meet_regret, reveal_regret
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import HighProbability, Order, Slope

# --- PLN-10a: exact instances -------------------------------------------------------------------------------


def _identification(cell: Cell) -> float:
    """Chance that an unidentified episode of naive sampling identifies the environment."""
    size = cell["size"]
    chances = {"reveal": 1.0 / size, "lock": 0.5**size, "meet apart": 2.0**-size}
    return float(chances[cell["instance"]])


def _regret(cell: Cell, episodes: np.ndarray) -> np.ndarray:
    if cell["instance"] == "reveal":
        return reveal_regret(episodes, cell["size"])
    if cell["instance"] == "lock":
        return lock_regret(episodes, cell["size"])
    return meet_regret(episodes, 2, cell["size"], sampling="independent")


def naive_on_a_fixed_instance(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exact regret of naive sampling over two decades, from ten mean times to identification on."""
    episodes = np.geomspace(10.0, 1000.0, 9) / _identification(cell)
    return {"value": _regret(cell, episodes)[None], "x": episodes}


def naive_on_a_growing_family(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return regret over the same episodes on REVEAL with as many environments as episodes."""
    episodes = np.geomspace(10.0, 1000.0, 9) / _identification(cell)
    return {"value": reveal_regret(episodes, episodes)[None], "x": episodes}


PLN_10A = Claim(
    id="PLN-10a",
    paper=PAPER,
    title="On a fixed finite instance naive sampling is not linear: here its regret is even bounded",
    statement=r"d log Reg(T) / d log T <= 0.01 on REVEAL, LOCK and MEET with independent actors, each fixed",
    source="derived: sampling from an exact posterior is consistent on every fixed finite instance",
    provenance="derived",
    statistic=Slope(target=0.0, side="upper", tolerance=0.01, method="exact"),
    grid=Grid(
        quick=cells(instance=["reveal"], size=[2, 16, 256])
        + cells(instance=["lock", "meet apart"], size=[1, 4, 10]),
        standard=cells(instance=["reveal"], size=[2, 16, 256, 4096])
        + cells(instance=["lock", "meet apart"], size=[1, 4, 10, 20]),
    ),
    measure=naive_on_a_fixed_instance,
    control=NegativeControl(
        measure=naive_on_a_growing_family,
        because="with |Z| = T each number of episodes has an instance of its own; naive regret is linear",
    ),
    substitutes=EXACT,
    seconds={"quick": 0.05, "standard": 0.05},
)


# --- PLN-10b, c: random instances ---------------------------------------------------------------------------


def _instance(cell: Cell, rng: np.random.Generator) -> Any:
    from tightbound.theory.planning.instances.random_hmdp import random_hmdp

    sizes = (cell["environments"], 2, 2, 2, cell["horizon"])
    return random_hmdp(*sizes, concentration=0.5, rng=rng)


def _doubling(cell: Cell, rng: np.random.Generator, excluded: bool, over: int) -> Arrays:
    """Half the regret of the first T episodes and that of the next T, averaged over runs or instances."""
    from dataclasses import replace

    from tightbound.simulators.planning.planners.bail import BAIL
    from tightbound.simulators.planning.simulate import simulate
    from tightbound.theory.planning.errors import UnsupportedTruthWarning

    episodes, prior = cell["episodes"], np.ones(cell["environments"])
    if excluded:  # sure of another environment: between two wrong ones runs would differ much
        prior[:] = np.arange(prior.size) == 1
    first, second, doubt = [], [], []
    for _ in range(cell["instances"]):
        model = replace(_instance(cell, rng), prior=prior / prior.sum())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnsupportedTruthWarning)
            found = simulate(
                model, 0, 2 * episodes, BAIL(), replications=cell["runs"], key=int(rng.integers(2**31))
            )
        first.append(found.regret[:, episodes - 1])
        second.append(found.regret[:, -1] - found.regret[:, episodes - 1])
        doubt.append(found.doubt[:, -1])
    return {
        "greater": 0.5 * np.array(first).mean(axis=over),
        "smaller": np.array(second).mean(axis=over),
        "doubt": np.array(doubt).mean(axis=over),
    }


def doubling(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Both halves of naive sampling on random instances, each a replication: they differ more than runs."""
    return _doubling(cell, rng, excluded=False, over=1)


def doubling_without_the_truth(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same, on a few instances that are given, for a prior sure of another environment."""
    return _doubling(cell, rng, excluded=True, over=0)


PLN_10B = Claim(
    id="PLN-10b",
    paper=PAPER,
    title="On random instances the second half of naive sampling costs less than half of the first",
    statement=r"E[Reg(2T) - Reg(T)] < Reg(T)/2, averaged over instances; linear regret would give Reg(T)",
    source="derived",
    provenance="derived",
    statistic=Order(method="t"),
    grid=Grid(
        quick=cells(environments=[3], horizon=[3], instances=[360], runs=[8], episodes=[500]),
        standard=cells(environments=[6], horizon=[3], instances=[1000], runs=[8], episodes=[2000]),
    ),
    measure=doubling,
    control=NegativeControl(
        measure=doubling_without_the_truth,
        grid=Grid(quick=cells(environments=[3], horizon=[3], instances=[16], runs=[8], episodes=[500])),
        because="a prior that gives the truth no weight cannot find it, and both halves cost the same",
    ),
    substitutes=EXACT,
    seconds={"quick": 5.0, "standard": 40.0},
)

CHANCE = 0.1


def _lowest_weight(cell: Cell, rng: np.random.Generator, planner: Any) -> Arrays:
    """Whether the truth's weight ever falls to a tenth of the prior's."""
    from tightbound.simulators.planning.simulate import simulate
    from tightbound.theory.planning.instances.noisy_try import noisy_try

    model = noisy_try() if cell["instance"] == "noisy try" else _instance(cell, rng)
    found = simulate(
        model, 0, cell["episodes"], planner, replications=cell["runs"], key=int(rng.integers(2**31))
    )
    lowest = 1.0 - found.doubt.max(axis=1)
    return {"violated": lowest <= truth_floor(float(model.prior[0]), CHANCE), "lowest": lowest}


def lowest_weight(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return whether naive sampling ever all but loses the truth."""
    from tightbound.simulators.planning.planners.bail import BAIL

    return _lowest_weight(cell, rng, BAIL())


def lowest_weight_when_delusional(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for a planner that takes its own subgoals for evidence."""
    from tightbound.simulators.planning.planners.bail import BAIL
    from tightbound.simulators.planning.planners.self_delusional import SelfDelusional

    return _lowest_weight(cell, rng, SelfDelusional(BAIL()))


def _noisy(runs: int, episodes: int) -> tuple[Cell, ...]:
    return cells(instance=["noisy try"], runs=[runs], episodes=[episodes])


PLN_10C = Claim(
    id="PLN-10c",
    paper=PAPER,
    title="Nine times out of ten the truth keeps a tenth of its prior weight for ever",
    statement=r"P(min_t w_t(z) <= p(z)/10) <= 1/10",
    source="derived: Ville's inequality for 1/w",
    provenance="derived",
    statistic=HighProbability(delta=CHANCE),
    grid=Grid(
        quick=[
            *_noisy(2000, 150),
            *cells(instance=["random"], environments=[3], horizon=[3], runs=[2000], episodes=[150]),
        ],
        standard=[
            *_noisy(10_000, 500),
            *cells(instance=["random"], environments=[3], horizon=[3], runs=[10_000], episodes=[500]),
        ],
    ),
    measure=lowest_weight,
    control=NegativeControl(
        measure=lowest_weight_when_delusional,
        grid=Grid(quick=_noisy(2000, 150)),
        because="a planner that counts its own subgoals excludes the truth with the first that its expert "
        "would not choose",
    ),
    substitutes=EXACT,
    seconds={"quick": 2.0, "standard": 6.0},
)

CONSISTENCY = (PLN_10A, PLN_10B, PLN_10C)
