"""ICL-11: covariates that tell about the task belong into the posterior, and into the bound."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.papers.icl_bma.checks._models import PAPER, PERFECT, Array, Arrays, random_model, shape
from tightbound.papers.icl_bma.checks.averaging import next_responses
from tightbound.simulators.in_context.sampling import sample
from tightbound.theory.in_context.model_averaging import predictive, predictive_before_query
from tightbound.theory.in_context.regret import regret, regret_bound
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid
from tightbound.verification.statistics import BoundHolds, Equality, Order

# --- ICL-11a: the exact predictor ---------------------------------------------------------------------------


def with_query(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Average by the posterior that has seen the query, beside ratios of evidences."""
    return next_responses(cell, rng, predictive)


def without_query(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for the posterior that has not seen the query."""
    return next_responses(cell, rng, predictive_before_query)


def _informative(lengths: tuple[int, ...], **more: Any) -> list[dict[str, Any]]:
    return [
        shape(model, tasks, asked="informative", length=length, **more)
        for model in ("independent", "hidden Markov")
        for tasks in (3, 8)
        for length in lengths
    ]


ICL_11A = Claim(
    id="ICL-11a",
    paper=PAPER,
    title="Where the query tells about the task, a perfect model weights the tasks by it",
    statement=r"P(r | c_{t+1}, S_t) = \sum_z P(r | c_{t+1}, S_t, z) P(z | S_t, c_{t+1}), not with P(z | S_t)",
    source="derived; Section 3 lets covariates depend on the concept, (4.2) averages with P(z | S_t)",
    provenance="derived",
    statistic=Equality(atol=1e-12),
    grid=Grid(
        quick=_informative((0, 2, 5), sequences=5),
        standard=_informative((0, 1, 2, 5, 7), sequences=50),
    ),
    measure=with_query,
    control=NegativeControl(
        measure=without_query,
        because="averaging with P(z | S_t), as (4.2) does, leaves out what the query tells",
    ),
    substitutes=PERFECT,
    seconds={"quick": 0.1, "standard": 0.7},
)


# --- ICL-11b: how far the two are apart ---------------------------------------------------------------------

LEAST = 5e-3


def apart(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Total variation between the two averages on random instances, beside a small distance."""
    found = []
    for _ in range(cell["instances"]):
        model = random_model(cell, rng)
        _, c, r = sample(model, cell["length"], 1, rng=rng)
        query = rng.integers(model.covariates, size=1)
        laws = [f(model, c, r, query) for f in (predictive, predictive_before_query)]
        found.append(0.5 * np.abs(laws[0] - laws[1]).sum())
    return {"greater": np.array(found), "smaller": np.full(len(found), LEAST)}


def _three(asked: str, instances: int) -> list[dict[str, Any]]:
    return [shape("independent", 3, asked=asked, length=length, instances=instances) for length in (0, 2)]


ICL_11B = Claim(
    id="ICL-11b",
    paper=PAPER,
    title="On random tasks the query changes the prediction",
    statement=r"median over random instances of TV(average by P(z | S_t, c_{t+1}), average by P(z | S_t)) > "
    "0.005, three tasks, all laws from Dirichlet(1); 0 where all tasks have the same covariates",
    source="derived",
    provenance="derived",
    statistic=Order(method="sign"),
    grid=Grid(quick=_three("informative", 200), standard=_three("informative", 1000)),
    measure=apart,
    control=NegativeControl(
        grid=Grid(quick=[*_three("same", 200), *_three("outside", 200)]),
        because="a query whose law is the same in all tasks tells nothing, and the two averages coincide",
    ),
    substitutes=PERFECT,
    seconds={"quick": 1.5, "standard": 4.5},
)


# --- ICL-11c: the bound -------------------------------------------------------------------------------------


def _misled(cell: Cell, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Cumulative regret (B, T), its bound, and log(1/pi); covariates and responses disagree on the task."""
    model = random_model(cell, rng)
    _, c, _ = sample(model, cell["length"], cell["sequences"], rng=rng, truth=0)
    # each response is the likeliest in the last task to what the first task asks
    answers = np.arange(model.responses)
    told = model.log_likelihoods(*np.broadcast_arrays(c[..., None, None], answers[:, None]))
    r = told[..., 0, -1].argmax(axis=-1)
    steps = np.arange(1, cell["length"] + 1)
    total = np.cumsum(model.log_likelihoods(c, r), axis=-2)
    prior = -model.log_prior[total.argmax(axis=-1)]
    return steps * regret(model, c, r), steps * regret_bound(model, c, r), prior


def misled(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Cumulative regret beside log(1/pi) plus what the covariates cost."""
    total, bound, _ = _misled(cell, rng)
    return {"value": total, "bound": bound}


def misled_by_the_plain_bound(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Cumulative regret beside log(1/pi) alone."""
    total, _, prior = _misled(cell, rng)
    return {"value": total, "bound": prior}


ICL_11C = Claim(
    id="ICL-11c",
    paper=PAPER,
    title="With informative covariates the regret bound needs what the covariates cost",
    statement=r"T regret_T <= \log(1/\pi(\hat z)) + \sum_t \log(P(c_t | S_{t-1}) / P(c_t | \hat z)) on every "
    r"sequence; \log(1/\pi(\hat z)) alone does not suffice where covariates point to another task "
    "than responses",
    source="derived; extends Corollary 4.2, whose posterior takes covariates as given",
    provenance="derived",
    statistic=BoundHolds(),
    grid=Grid(
        quick=[
            shape("independent", m, asked="informative", prior=prior, covariates=3, length=128, sequences=20)
            for m in (2, 8)
            for prior in ("uniform", "skewed")
        ],
        standard=[
            shape("independent", m, asked="informative", prior=prior, covariates=3, length=1024, sequences=50)
            for m in (2, 8, 64)
            for prior in ("uniform", "skewed")
        ],
    ),
    measure=misled,
    control=NegativeControl(
        measure=misled_by_the_plain_bound,
        because="a perfect model follows the covariates' wrong hint, and pays for it at every step",
    ),
    substitutes=PERFECT,
    seconds={"quick": 0.3, "standard": 7.0},
)

INFORMATIVE_COVARIATES = (ICL_11A, ICL_11B, ICL_11C)
