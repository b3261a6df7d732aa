"""ICL-2, on average: the regret against the truth is mutual information and saturates at the entropy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tightbound.papers.icl_bma.checks._models import (
    PAPER,
    PERFECT,
    Array,
    Arrays,
    Integers,
    prior_of,
    random_model,
    shape,
)
from tightbound.theory.in_context.finite_tasks import FiniteTasks
from tightbound.theory.in_context.information import equivocation_bound, information, task_information
from tightbound.theory.in_context.regret import regret
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Equality


def entropy(law: Array) -> float:
    """Return the entropy of a law, in nats."""
    return float(-(law * np.log(law)).sum())


# --- ICL-2d: mean regret is information ---------------------------------------------------------------------


def _mean_regret(cell: Cell, rng: np.random.Generator, versus: str) -> Arrays:
    """Mean over tasks and all sequences of responses of T regret_T, beside the mutual information."""
    model, length = random_model(cell, rng), cell["length"]
    c = rng.integers(model.covariates, size=length)
    r = np.indices((model.responses,) * length).reshape(length, -1).T
    asked = np.broadcast_to(c, r.shape)
    chance = np.exp(model.log_likelihoods(asked, r).sum(axis=-2)) * model.prior  # (K, M)
    steps = np.arange(1, length + 1)
    total = np.zeros(length)
    for z in range(model.tasks):
        against = {"versus": "truth", "truth": z} if versus == "truth" else {}
        total += chance[:, z] @ (steps * regret(model, asked, r, **against))  # type: ignore[arg-type]
    told = task_information(model, c).information if isinstance(model, FiniteTasks) else information(model, c)
    return {"value": total[None], "reference": told[None]}


def mean_regret(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Compare with the true task."""
    return _mean_regret(cell, rng, "truth")


def mean_regret_in_hindsight(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Compare with the best task in hindsight."""
    return _mean_regret(cell, rng, "hindsight")


def _small(tasks: tuple[int, ...], length: int) -> list[dict[str, Any]]:
    return [
        shape(model, m, prior=prior, responses=2, length=length)
        for model in ("independent", "hidden Markov")
        for m in tasks
        for prior in ("uniform", "skewed")
    ]


ICL_2D = Claim(
    id="ICL-2d",
    paper=PAPER,
    title="The prior average of the regret against the truth is what the demonstrations tell about the task",
    statement=r"E[T regret_T versus truth] = I(z; r_1, \dots, r_T), summed over all tasks and sequences",
    source="derived (chain rule)",
    provenance="derived",
    statistic=Equality(atol=1e-12),
    grid=Grid(quick=_small((2, 8), 6), standard=_small((2, 8, 16), 8)),
    measure=mean_regret,
    control=NegativeControl(
        measure=mean_regret_in_hindsight,
        because="the best task in hindsight fits the noise too, so the regret against it is more",
    ),
    substitutes=PERFECT,
    seconds={"quick": 0.4, "standard": 4.0},
)


# --- ICL-2e: it saturates -----------------------------------------------------------------------------------


def _coins(cell: Cell) -> FiniteTasks:
    """M coins whose chances of heads are evenly spread."""
    heads = (np.arange(cell["tasks"]) + 0.5) / cell["tasks"]
    return FiniteTasks(prior_of(cell["prior"], heads.size), np.stack([heads, 1.0 - heads], axis=-1)[:, None])


def _ceiling(total: Array, x: Integers, prior: Array) -> Arrays:
    """Totals against the entropy, and their decreases against 0."""
    falls = -np.diff(total)
    bound = np.concatenate([np.full(total.size, entropy(prior)), np.zeros(falls.size)])
    trivial = np.concatenate([np.full(total.size, math.log(prior.size)), np.full(falls.size, np.inf)])
    value = np.concatenate([total, falls])
    return {"value": value[None], "bound": bound[None], "trivial": trivial[None], "x": x, "total": total}


def saturating(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Mean cumulative regret against the truth, at growing T, exactly."""
    tasks = _coins(cell)
    x = 2 ** np.arange(1 + int(math.log2(cell["length"])))
    told = task_information(tasks, np.zeros(cell["length"], dtype=int), at=x)
    return _ceiling(told.information, x, np.asarray(tasks.prior))


def growing(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for an average that keeps the prior weights: every step costs what the first does."""
    tasks = _coins(cell)
    x = 2 ** np.arange(1 + int(math.log2(cell["length"])))
    return _ceiling(x * task_information(tasks, [0]).information[0], x, np.asarray(tasks.prior))


ICL_2E = Claim(
    id="ICL-2e",
    paper=PAPER,
    title="The mean cumulative regret against the truth never falls and stays below the entropy of the prior",
    statement=r"I(z; S_T) <= I(z; S_{T'}) <= H(\pi) <= \log M for T <= T'",
    source="derived",
    provenance="derived",
    statistic=BoundHolds(),
    grid=Grid(
        quick=cells(tasks=[4, 16, 64], prior=["uniform", "skewed"], length=[256]),
        standard=cells(tasks=[4, 16, 64], prior=["uniform", "skewed"], length=[1024]),
    ),
    measure=saturating,
    control=NegativeControl(
        measure=growing,
        because="an average that keeps the prior weights pays the first step's information at every step",
    ),
    substitutes=PERFECT,
    seconds={"quick": 0.4, "standard": 6.0},
)


# --- ICL-2f: exponentially fast -----------------------------------------------------------------------------


def _doubt(cell: Cell, rng: np.random.Generator, memory: int) -> Arrays:
    """Log of the expected entropy of the posterior that has read the last few demonstrations."""
    heads = np.linspace(0.1, 0.9, cell["tasks"])
    table = np.stack([heads, 1.0 - heads], axis=-1)[:, None]
    tasks = FiniteTasks(prior_of(cell["prior"], cell["tasks"]), table)
    asked = np.zeros(cell["length"], dtype=int)
    x = 2 ** np.arange(1 + int(math.log2(cell["length"])))
    read = np.minimum(x, memory)
    seen = np.unique(read)
    found = task_information(tasks, asked, at=seen).equivocation[np.searchsorted(seen, read)]
    bound = equivocation_bound(tasks, asked)[x - 1]
    shape = {"value": np.log(found)[None], "bound": np.log(bound)[None], "x": x}
    return {**shape, "trivial": np.full((1, x.size), np.log(entropy(np.asarray(tasks.prior))))}


def doubt(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Read all demonstrations."""
    return _doubt(cell, rng, cell["length"])


def doubt_with_a_short_memory(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Read at most four demonstrations."""
    return _doubt(cell, rng, 4)


ICL_2F = Claim(
    id="ICL-2f",
    paper=PAPER,
    title="Where tasks can be told apart the mean regret reaches the entropy exponentially fast",
    statement=r"H(\pi) - I(z; S_T) <= \sum_{z \ne z'} \sqrt{\pi_z \pi_{z'}} "
    r"(\sum_r \sqrt{P_z(r) P_{z'}(r)})^T",
    source="derived",
    provenance="derived",
    statistic=BoundHolds(),
    grid=Grid(
        quick=cells(tasks=[2, 4, 8], prior=["uniform", "skewed"], length=[256]),
        standard=cells(tasks=[2, 4, 8, 16], prior=["uniform", "skewed"], length=[1024]),
    ),
    measure=doubt,
    control=NegativeControl(
        measure=doubt_with_a_short_memory,
        because="whoever reads four demonstrations keeps the doubt that four leave",
    ),
    substitutes=PERFECT,
    seconds={"quick": 0.5, "standard": 7.0},
)

SATURATION = (ICL_2D, ICL_2E, ICL_2F)
