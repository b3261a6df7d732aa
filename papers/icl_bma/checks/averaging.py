"""ICL-1: what a perfect model predicts in context is the Bayesian model average, against enumeration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tightbound.papers.icl_bma.checks._models import PAPER, PERFECT, Array, Arrays, random_model, shape
from tightbound.papers.icl_bma.checks._predictors import tempered
from tightbound.theory.in_context.evidence import log_evidence
from tightbound.theory.in_context.model_averaging import (
    log_covariate_predictive,
    log_posterior,
    log_predictive,
    predictive,
)
from tightbound.theory.in_context.symmetric_tasks import symmetric_tasks
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import Equality

EPS = float(np.finfo(np.float64).eps)


# --- ICL-1a: the law of the next response -------------------------------------------------------------------


def _by_ratio(model: Any, c: Any, r: Any, query: Any) -> Array:
    """Law of the next response (B, R): evidence with each response, over their sum."""
    count = model.responses
    asked = np.concatenate([c, query[:, None]], axis=1)
    longer = [np.concatenate([r, np.full((len(r), 1), x)], axis=1) for x in range(count)]
    logs = np.stack([log_evidence(model, asked, one) for one in longer], axis=-1)
    weights = np.exp(logs - logs.max(axis=-1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


def _without_learning(model: Any, c: Any, r: Any, query: Any) -> Array:
    """Law of the next response where the tasks keep their prior weights."""
    shape = (model.responses, *c.shape[:1], c.shape[1] + 1)
    asked, answered = np.empty(shape, dtype=int), np.empty(shape, dtype=int)
    asked[..., :-1], asked[..., -1], answered[..., :-1] = c, query, r
    answered[..., -1] = np.arange(model.responses)[:, None]
    laws = np.exp(model.log_likelihoods(asked, answered)[..., -1, :])
    return np.asarray((laws @ model.prior).T)


Predict = Callable[[Any, Any, Any, Any], Array]


def next_responses(cell: Cell, rng: np.random.Generator, predict: Predict = predictive) -> Arrays:
    """Predictions after random demonstrations beside ratios of evidences."""
    model = random_model(cell, rng)
    c = rng.integers(model.covariates, size=(cell["sequences"], cell["length"]))
    r = rng.integers(model.responses, size=c.shape)
    query = rng.integers(model.covariates, size=len(c))
    return {"value": predict(model, c, r, query), "reference": _by_ratio(model, c, r, query)}


def next_responses_without_learning(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Predict with the prior weights of the tasks after any number of demonstrations."""
    return next_responses(cell, rng, _without_learning)


def _all_kinds(lengths: tuple[int, ...], **more: Any) -> list[dict[str, Any]]:
    return [
        shape(model, tasks, asked=asked, length=length, **more)
        for length in lengths
        for model in ("independent", "hidden Markov")
        for tasks in (2, 8, 64)
        for asked in ("outside", "informative")
    ]


ICL_1A = Claim(
    id="ICL-1a",
    paper=PAPER,
    title="What a perfect model predicts in context is the Bayesian model average",
    statement=r"P(r_{t+1} | c_{t+1}, S_t) = \sum_z P(r_{t+1} | c_{t+1}, S_t, z) P(z | S_t, c_{t+1}), by "
    "recursion in log space and as a ratio of evidences",
    source="Proposition 4.1, (4.2), with the query in the posterior where covariates depend on the task",
    provenance="text",
    # log evidences are sums of at most 7 terms of size below 100
    statistic=Equality(atol=1e-12),
    grid=Grid(
        quick=_all_kinds((0, 4), sequences=4),
        standard=_all_kinds((0, 1, 4, 7), sequences=20),
        full=_all_kinds((0, 1, 2, 4, 7, 8), sequences=50),
    ),
    measure=next_responses,
    control=NegativeControl(
        measure=next_responses_without_learning,
        because="an average that keeps the prior weights does not learn from the demonstrations",
    ),
    substitutes=PERFECT,
    seconds={"quick": 0.2, "standard": 1.6},
)


# --- ICL-1b: whole sequences --------------------------------------------------------------------------------


def _sequences(cell: Cell, rng: np.random.Generator) -> tuple[Any, Any, Any]:
    model = random_model(cell, rng)
    c = rng.integers(model.covariates, size=(cell["sequences"], cell["length"]))
    return model, c, rng.integers(model.responses, size=c.shape)


def telescoped(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Sum of log predictions of covariates and responses beside the evidence of the whole sequence."""
    model, c, r = _sequences(cell, rng)
    told = (log_predictive(model, c, r) + log_covariate_predictive(model, c, r)).sum(axis=-1)
    return {"value": told, "reference": log_evidence(model, c, r)}


def telescoped_at_half_weight(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for weights that count half of every log likelihood."""
    model, c, r = _sequences(cell, rng)
    told = (tempered(model, c, r) + log_covariate_predictive(model, c, r)).sum(axis=-1)
    return {"value": told, "reference": log_evidence(model, c, r)}


def _whole(lengths: tuple[int, ...], paths: tuple[int, ...], **more: Any) -> list[dict[str, Any]]:
    kinds = [("independent", length) for length in lengths] + [("hidden Markov", length) for length in paths]
    return [
        shape(model, tasks, asked=asked, length=length, **more)
        for model, length in kinds
        for tasks in (2, 8, 64)
        for asked in ("outside", "informative")
    ]


ICL_1B = Claim(
    id="ICL-1b",
    paper=PAPER,
    title="The predictions of a sequence multiply to its evidence",
    statement=r"\sum_t \log P(r_t | c_t, S_{t-1}) = \log \sum_z \pi(z) P(S_T | z)",
    source="derived (chain rule)",
    provenance="derived",
    # at most 1024 roundings of a sum of that many terms
    statistic=Equality(rtol=1024 * EPS, atol=1e-13),
    grid=Grid(
        quick=_whole((1, 256), (6,), sequences=5),
        standard=_whole((1, 64, 1024), (2, 8), sequences=20),
    ),
    measure=telescoped,
    control=NegativeControl(
        measure=telescoped_at_half_weight,
        grid=Grid(quick=_whole((256,), (6,), sequences=5)),
        because="a posterior of tempered likelihoods, as a mean over demonstrations yields, is no posterior",
    ),
    substitutes=PERFECT,
    seconds={"quick": 0.6, "standard": 3.0},
)


# --- ICL-1c: weights below the smallest double --------------------------------------------------------------


def _floored(likelihoods: Array, log_prior: Array) -> Array:
    """Log weights (T+1, M) of a recursion on probabilities that are kept above 1e-15."""
    weight = np.exp(log_prior)
    found = [weight]
    for row in likelihoods:
        weight = np.maximum(weight * np.exp(row), 1e-15)
        weight = weight / weight.sum()
        found.append(weight)
    return np.asarray(np.log(found))


def _excluded(cell: Cell, *, floored: bool) -> Arrays:
    """Log weights of the wrong tasks after T favoured responses, beside their closed form."""
    tasks, gap = symmetric_tasks(cell["tasks"], cell["gap"]), cell["gap"]
    told = np.zeros(cell["length"], dtype=int)
    if floored:
        weights = _floored(tasks.log_likelihoods(told, told), tasks.log_prior)
    else:
        weights = log_posterior(tasks, told, told)
    t = np.arange(1, cell["length"] + 1)
    wrong = -gap * t - np.log1p((cell["tasks"] - 1) * np.exp(-gap * t))
    return {"value": weights[1:, 1], "reference": wrong}


def excluded(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the recursion's log weights."""
    return _excluded(cell, floored=False)


def excluded_with_a_floor(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the log weights of a recursion with a floor."""
    return _excluded(cell, floored=True)


ICL_1C = Claim(
    id="ICL-1c",
    paper=PAPER,
    title="Log weights are exact where the weights themselves are below the smallest double",
    statement=r"\log P(z | S_t) = -g t - \log(1 + (M-1) e^{-g t}) for a task z that never was favoured",
    source="derived",
    provenance="derived",
    # every step rounds sums of log weights of size up to g t
    statistic=Equality(rtol=4 * 4096 * EPS),
    grid=Grid(
        quick=cells(tasks=[2, 64], gap=[0.25, 2.0], length=[1024]),
        standard=cells(tasks=[2, 8, 64], gap=[0.25, 2.0], length=[4096]),
    ),
    measure=excluded,
    control=NegativeControl(
        measure=excluded_with_a_floor,
        because="probabilities kept above 1e-15, as libraries do, stop at log 1e-15 = -34.5",
    ),
    substitutes=PERFECT,
    seconds={"quick": 0.3, "standard": 2.5},
)

AVERAGING = (ICL_1A, ICL_1B, ICL_1C)
