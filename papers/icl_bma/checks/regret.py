"""ICL-2: on every sequence the regret is at most log(1/pi), so log M for a uniform prior, and no less."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tightbound.papers.icl_bma.checks._models import (
    PAPER,
    PERFECT,
    Array,
    Arrays,
    prior_of,
    random_model,
    shape,
)
from tightbound.papers.icl_bma.checks._predictors import frozen, likeliest
from tightbound.papers.icl_bma.checks.saturation import SATURATION
from tightbound.simulators.in_context.adversary import greedy_adversary
from tightbound.simulators.in_context.sampling import sample
from tightbound.theory.in_context.model_averaging import log_predictive
from tightbound.theory.in_context.regret import regret, regret_bound, uniform_regret_bound
from tightbound.theory.in_context.symmetric_tasks import symmetric_tasks
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Slope

Predict = Callable[[Any, Any, Any], Array]


def log_tasks(cell: Cell) -> float:
    """Return log M."""
    return math.log(cell["tasks"])


def one(cell: Cell) -> float:
    """Return 1."""
    return 1.0


def _total_regret(model: Any, c: Any, r: Any, predict: Predict) -> Array:
    """Cumulative regret (B, T) of a predictor against the best task in hindsight."""
    best = np.cumsum(model.log_likelihoods(c, r), axis=-2).max(axis=-1)
    return np.asarray(best - np.cumsum(predict(model, c, r), axis=-1))


# --- ICL-2a: every sequence ---------------------------------------------------------------------------------


def _demonstrations(cell: Cell, model: Any, rng: np.random.Generator) -> tuple[Any, Any]:
    """Covariates and responses (B, T) from the source that the cell names."""
    count, length = cell["sequences"], cell["length"]
    if cell["source"] == "adversary":
        both = [greedy_adversary(model, length, rng=rng) for _ in range(2)]
        return tuple(np.stack(part) for part in zip(*both, strict=True))  # type: ignore[return-value]
    if cell["source"] == "noise":
        c = rng.integers(model.covariates, size=(count, length))
        return c, rng.integers(model.responses, size=c.shape)
    truth = model.tasks - 1 if cell["source"] == "rarest task" else None
    _, c, r = sample(model, length, count, rng=rng, truth=truth)
    if cell["source"] == "two tasks":
        _, c, other = sample(model, length, count, rng=rng)
        r = np.concatenate([r[:, : length // 2], other[:, length // 2 :]], axis=1)
    return c, r


def every_sequence(cell: Cell, rng: np.random.Generator, predict: Predict = log_predictive) -> Arrays:
    """Largest ratio over T of cumulative regret to log(1/pi) of the best task, for each sequence."""
    model = random_model(cell, rng)
    c, r = _demonstrations(cell, model, rng)
    total = _total_regret(model, c, r, predict)
    steps = np.arange(1, c.shape[1] + 1)
    at = np.unique(np.geomspace(1, c.shape[1], 25).astype(int))
    return {
        "value": (total / (steps * regret_bound(model, c, r))).max(axis=-1),
        "x": at,
        "mean": total[:, at - 1].mean(axis=0),
        "error": total[:, at - 1].std(axis=0, ddof=1) / math.sqrt(len(total)),
        "largest": total[:, at - 1].max(axis=0),
    }


def every_sequence_frozen(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for an average that keeps the prior weights."""
    return every_sequence(cell, rng, frozen)


def _sources(sequences: int, length: int, hidden: int = 16) -> list[dict[str, Any]]:
    lengths = {"independent": length, "hidden Markov": length // 2}
    more: dict[str, Any] = {"sequences": sequences, "responses": 4}
    return [
        shape(model, tasks, length=steps, prior=prior, source=source, **more)
        for model, steps in lengths.items()
        for tasks in (4, 16, 64)
        for prior in ("uniform", "skewed")
        for source in ("prior", "rarest task", "noise", "two tasks", "adversary")
        if not (model == "hidden Markov" and (source == "adversary" or tasks > hidden))
    ]


def _from_prior(sequences: int, length: int) -> list[dict[str, Any]]:
    return [
        cell
        for cell in _sources(sequences, length)
        if (cell["model"], cell["prior"], cell["source"]) == ("independent", "uniform", "prior")
    ]


ICL_2A = Claim(
    id="ICL-2a",
    paper=PAPER,
    title="The regret is at most log(1/pi) of the best task, on every sequence and at every T",
    statement=r"T regret_T <= \log(1/\pi(\hat z_T)), \hat z_T the best task in hindsight; demonstrations of "
    "a task, of two tasks in turn, noise, and greedily chosen against the average",
    source="Corollary 4.2 (general display lost in the copy read); derived for every sequence",
    provenance="derived",
    statistic=BoundHolds(),
    grid=Grid(
        quick=_sources(20, 256, hidden=4),
        standard=_sources(40, 1024),
        full=_sources(400, 1024),
    ),
    measure=every_sequence,
    bound=one,
    control=NegativeControl(
        measure=every_sequence_frozen,
        grid=Grid(
            quick=_from_prior(200, 256),
            standard=_from_prior(500, 1024),
        ),
        because="an average that keeps the prior weights loses a fixed amount per demonstration",
    ),
    substitutes=PERFECT,
    seconds={"quick": 3.0, "standard": 15.0},
)


# --- ICL-2b: all sequences ----------------------------------------------------------------------------------


def supremum(cell: Cell, rng: np.random.Generator, predict: Predict = log_predictive) -> Arrays:
    """Largest cumulative regret over every sequence of covariates and responses, for random tasks."""
    found = []
    cells_of_table, length = cell["covariates"] * cell["responses"], cell["length"]
    both = np.indices((cells_of_table,) * length).reshape(length, -1).T
    c, r = both // cell["responses"], both % cell["responses"]
    for _ in range(cell["instances"]):
        found.append(_total_regret(random_model(cell, rng), c, r, predict).max())
    return {"value": np.array(found)}


def supremum_of_the_likeliest(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for predicting by the likeliest task so far."""
    return supremum(cell, rng, likeliest)


def _enumerated(instances: int, lengths: tuple[int, int, int]) -> list[dict[str, Any]]:
    sizes = zip(((1, 2), (2, 2), (1, 3)), lengths, strict=True)
    return [
        shape("independent", tasks, covariates=c, responses=r, length=length, instances=instances)
        for (c, r), length in sizes
        for tasks in (4, 16, 64)
    ]


ICL_2B = Claim(
    id="ICL-2b",
    paper=PAPER,
    title="With a uniform prior no sequence at all costs more than log M",
    statement=r"\max over all (|C||R|)^T sequences of T regret_T <= \log M",
    source="Corollary 4.2, uniform prior on a finite concept space",
    provenance="text",
    statistic=BoundHolds(),
    grid=Grid(
        quick=_enumerated(3, (8, 4, 5)),
        standard=_enumerated(10, (10, 5, 7)),
        full=_enumerated(20, (12, 6, 8)),
    ),
    measure=supremum,
    bound=log_tasks,
    control=NegativeControl(
        measure=supremum_of_the_likeliest,
        because="whoever bets on the likeliest task alone can be made to bet on the wrong one each time",
    ),
    substitutes=PERFECT,
    seconds={"quick": 0.2, "standard": 5.0},
)


# --- ICL-2c: the rate ---------------------------------------------------------------------------------------


def _worst_curve(cell: Cell, predict: Predict) -> Arrays:
    """Average regret on the worst sequence: the same response for ever (closed form in the theory)."""
    tasks, length = symmetric_tasks(cell["tasks"], cell["gap"]), cell["length"]
    told = np.zeros(length, dtype=int)
    total = _total_regret(tasks, told, told, predict)
    x = np.unique(np.geomspace(cell["first"], length, 12).astype(int))
    return {"value": (total[x - 1] / x)[None], "x": x, "bound": uniform_regret_bound(cell["tasks"], x)}


def worst_curve(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Largest average regret over all sequences, at growing T."""
    return _worst_curve(cell, log_predictive)


def worst_curve_frozen(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same sequences for an average that keeps the prior weights."""
    return _worst_curve(cell, frozen)


ICL_2C = Claim(
    id="ICL-2c",
    paper=PAPER,
    title="The largest average regret over sequences falls like 1/T, no faster",
    statement=r"d \log(\sup_S regret_T) / d \log T in -1 +- 0.05, T = 64, ..., 1024; the largest, not the "
    "mean: T regret of the mean still rises towards log M, so its slope lies above -1",
    source="Corollary 4.2 (O(1/T), uniform prior); sharpness derived",
    provenance="derived",
    statistic=Slope(target=-1.0, side="two-sided", tolerance=0.05, method="exact"),
    grid=Grid(quick=cells(tasks=[4, 16, 64], gap=[0.1, 1.0], first=[64], length=[1024])),
    measure=worst_curve,
    control=NegativeControl(
        measure=worst_curve_frozen,
        because="an average that keeps the prior weights loses as much at every T: slope 0",
    ),
    substitutes=PERFECT,
    seconds={"quick": 0.4, "standard": 0.4},
)


# --- ICL-2g: outside the hypothesis -------------------------------------------------------------------------


def _on_the_rarest(cell: Cell, prior: Array) -> Arrays:
    """Cumulative regret where every response is the one that the rarest task favours."""
    tasks = symmetric_tasks(cell["tasks"], cell["gap"], prior)
    told = np.full(cell["length"], tasks.tasks - 1)
    total = regret(tasks, np.zeros_like(told), told) * np.arange(1, told.size + 1)
    return {"value": total[-1:], "limit": -np.log(prior[-1:])}


def on_the_rarest(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Cumulative regret under a skewed prior."""
    return _on_the_rarest(cell, _skewed(cell))


def on_one_of_equals(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Cumulative regret under a uniform prior."""
    return _on_the_rarest(cell, prior_of("uniform", cell["tasks"]))


def _skewed(cell: Cell) -> Array:
    weights = np.array(cell["weights"]) if cell["weights"] else prior_of("skewed", cell["tasks"])
    return np.asarray(weights / weights.sum(), dtype=np.float64)


_SKEWED = [
    {"tasks": tasks, "weights": weights, "gap": gap, "length": length}
    for tasks, weights in ((4, (0.94, 0.03, 0.02, 0.01)), (16, ()), (64, ()))
    for gap, length in ((0.1, 256), (1.0, 64))
]

ICL_2G = Claim(
    id="ICL-2g",
    paper=PAPER,
    title="With a skewed prior the regret can exceed log M: the uniform bound needs its hypothesis",
    statement=r"T regret_T > \log M on demonstrations of the rarest of M tasks of unequal prior weight, up "
    r"to \log(1/\min \pi); Corollary 4.2 states \log M for a uniform prior and is not contradicted",
    source="derived; Corollary 4.2 outside its hypothesis",
    provenance="derived",
    statistic=BoundHolds(side="lower"),
    grid=Grid(quick=_SKEWED),
    measure=on_the_rarest,
    bound=log_tasks,
    control=NegativeControl(
        measure=on_one_of_equals,
        # at this length the regret is still below log M by more than rounding
        grid=Grid(quick=cells(tasks=[4, 16, 64], gap=[0.1], length=[64])),
        because="under a uniform prior, the hypothesis, no sequence costs log M",
    ),
    substitutes=PERFECT,
    seconds={"quick": 0.1, "standard": 0.1},
)

REGRET = (ICL_2A, ICL_2B, ICL_2C, *SATURATION, ICL_2G)
