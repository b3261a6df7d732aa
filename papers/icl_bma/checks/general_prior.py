"""ICL-3: any prior. The variational formula, and a continuous concept, which costs (d/2) log T, not log M."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.papers.icl_bma.checks._models import (
    PAPER,
    PERFECT,
    Array,
    Arrays,
    Integers,
    random_model,
    shape,
)
from tightbound.papers.icl_bma.checks.concept_net import CONCEPT_NET
from tightbound.simulators.in_context.gaussian_linear import sample_features, sample_sequences
from tightbound.theory.in_context.evidence import log_evidence
from tightbound.theory.in_context.finite_tasks import FiniteTasks
from tightbound.theory.in_context.gaussian_linear import GaussianLinear
from tightbound.theory.in_context.information import task_information
from tightbound.theory.in_context.model_averaging import log_predictive, posterior
from tightbound.theory.in_context.variational import variational_objective
from tightbound.verification.claim import Claim, NegativeControl, PositiveControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Equality, Slope

GAUSSIAN = "exact averaging over a Gaussian linear concept stands for a perfectly pretrained language model"


# --- ICL-3a, b: the variational formula ---------------------------------------------------------------------


def _sequences(cell: Cell, rng: np.random.Generator) -> tuple[Any, Any, Any]:
    model = random_model(cell, rng)
    c = rng.integers(model.covariates, size=(cell["sequences"], cell["length"]))
    return model, c, rng.integers(model.responses, size=c.shape)


def at_posterior(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Right side of the formula at the posterior, beside the loss of the average."""
    model, c, r = _sequences(cell, rng)
    best = posterior(model, c, r)[:, -1]
    loss = -log_predictive(model, c, r).sum(axis=-1)
    return {"value": variational_objective(model, c, r, best), "reference": loss}


def at_prior(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same at the prior."""
    model, c, r = _sequences(cell, rng)
    loss = -log_predictive(model, c, r).sum(axis=-1)
    return {"value": variational_objective(model, c, r, model.prior), "reference": loss}


def _models(independent: int, hidden: int, sequences: int) -> list[dict[str, Any]]:
    return [
        shape(model, tasks, prior="skewed", length=length, sequences=sequences)
        for model, length in (("independent", independent), ("hidden Markov", hidden))
        for tasks in (2, 8, 64)
    ]


ICL_3A = Claim(
    id="ICL-3a",
    paper=PAPER,
    title="The posterior attains the variational formula",
    statement=r"-\sum_t \log P(r_t | c_t, S_{t-1}) = E_q \sum_t -\log P(r_t | \cdot, z) + KL(q || \pi) at "
    "q = posterior",
    source="Appendix E.3 (variational step)",
    provenance="text",
    # sums of at most 1024 terms on both sides
    statistic=Equality(rtol=1e-12),
    grid=Grid(quick=_models(64, 64, 20), standard=_models(1024, 256, 20)),
    measure=at_posterior,
    control=NegativeControl(measure=at_prior, because="the prior pays no divergence, but the mean loss"),
    substitutes=PERFECT,
    seconds={"quick": 0.5, "standard": 4.0},
)


def _laws(tasks: int, count: int, rng: np.random.Generator) -> Array:
    """Random laws from sharp to flat, and all point masses."""
    sharp = rng.uniform(-2.0, 2.0, size=count)
    drawn = rng.standard_gamma(np.broadcast_to(10.0 ** sharp[:, None], (count, tasks))) + 1e-300
    return np.concatenate([drawn / drawn.sum(axis=1, keepdims=True), np.eye(tasks)])


def at_any_law(cell: Cell, rng: np.random.Generator, divergence: bool = True) -> Arrays:
    """Right side of the formula at many laws, with the log evidence from enumeration as the bound."""
    model, c, r = _sequences(cell, rng)
    value, bound = [], []
    for asked, answered in zip(c, r, strict=True):
        laws = _laws(model.tasks, cell["laws"], rng)
        found = variational_objective(model, asked, answered, laws)
        if not divergence:
            found = -laws @ model.log_likelihoods(asked, answered).sum(axis=0)
        value.append(found)
        bound.append(np.full(len(laws), -float(log_evidence(model, asked, answered))))
    return {"value": np.concatenate(value), "bound": np.concatenate(bound)}


def at_any_law_free_of_charge(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same without the divergence from the prior."""
    return at_any_law(cell, rng, divergence=False)


ICL_3B = Claim(
    id="ICL-3b",
    paper=PAPER,
    title="No law of the task makes the variational formula smaller, point masses included",
    statement=r"-\log P(S_T) <= E_q \sum_t -\log P(r_t | \cdot, z) + KL(q || \pi) for every q; at a point "
    "mass this is the regret bound",
    source="Appendix E.3 (variational step)",
    provenance="text",
    statistic=BoundHolds(side="lower"),
    grid=Grid(
        quick=[cell | {"laws": 1000} for cell in _models(64, 6, 2)],
        standard=[cell | {"laws": 1000} for cell in _models(1024, 8, 10)],
    ),
    measure=at_any_law,
    control=NegativeControl(
        measure=at_any_law_free_of_charge,
        because="without the divergence the best task alone loses less than the average",
    ),
    substitutes=PERFECT,
    seconds={"quick": 0.2, "standard": 1.3},
)


# --- ICL-3c, d: the Gaussian linear concept -----------------------------------------------------------------


def _problem(cell: Cell) -> GaussianLinear:
    return GaussianLinear(cell["d"], cell["outputs"], noise_variance=cell["noise"])


def by_variances(cell: Cell, rng: np.random.Generator, learn: bool = True) -> Arrays:
    """Sum of half the log ratios of predictive variance to noise, beside the log-determinant."""
    problem = _problem(cell)
    phi = sample_features(problem, cell["length"], batch=5, rng=rng)
    values = np.zeros((*phi.shape[:2], cell["outputs"]))
    _, variance = problem.predictive_moments(phi, values)
    if not learn:
        variance = cell["noise"] + problem.prior_variance * (phi**2).sum(axis=-1)
    told = 0.5 * cell["outputs"] * np.cumsum(np.log(variance / cell["noise"]), axis=-1)
    return {"value": told, "reference": problem.information(phi)}


def by_prior_variances(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where the variance of the concept stays that of the prior."""
    return by_variances(cell, rng, learn=False)


ICL_3C = Claim(
    id="ICL-3c",
    paper=PAPER,
    title="Step by step the information is half the log of predictive variance over noise",
    statement=r"\frac{d_v}{2} \sum_t \log(s_t/\sigma^2) = "
    r"\frac{d_v}{2} \log\det(I + \frac{\lambda_0}{\sigma^2} \sum_t \varphi_t \varphi_t^T), s_t by Kalman's "
    "recursion",
    source="derived (matrix determinant lemma)",
    provenance="derived",
    # the recursion's covariance is ill-conditioned by at most length/noise = 1e5 here
    statistic=Equality(rtol=1e-9),
    grid=Grid(
        quick=cells(d=[1, 4, 8], outputs=[1, 3], noise=[0.01, 1.0], length=[256]),
        standard=cells(d=[1, 4, 8, 16], outputs=[1, 3], noise=[0.01, 1.0], length=[1024]),
    ),
    measure=by_variances,
    control=NegativeControl(
        measure=by_prior_variances,
        because="whoever keeps the prior does not become surer: the sum is linear",
    ),
    substitutes=GAUSSIAN,
    seconds={"quick": 0.3, "standard": 4.0},
)

AT = (4, 16, 64)


def sampled(cell: Cell, rng: np.random.Generator, plug_in: bool = False) -> Arrays:
    """Cumulative regret against the true concept, at three lengths, beside the log-determinant."""
    problem = _problem(cell)
    drawn = sample_sequences(problem, AT[-1], batch=cell["sequences"], rng=rng)
    mean, variance = problem.predictive_moments(drawn.features, drawn.values)
    if plug_in:
        variance = np.full_like(variance, cell["noise"])
    square = ((drawn.values - mean) ** 2).sum(axis=-1)
    found = -0.5 * (square / variance + cell["outputs"] * np.log(2.0 * np.pi * variance))
    true = problem.log_likelihood(drawn.features, drawn.values, drawn.concept)
    where = np.array(AT) - 1
    total = np.cumsum(true - found, axis=-1)[:, where]
    return {"value": total, "reference": problem.information(drawn.features)[:, where]}


def sampled_plug_in(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for the posterior mean taken for the truth, its uncertainty forgotten."""
    return sampled(cell, rng, plug_in=True)


ICL_3D = Claim(
    id="ICL-3d",
    paper=PAPER,
    title="The mean cumulative regret of a Gaussian linear concept is half a log-determinant",
    statement=r"E[T regret_T versus truth] = \frac{d_v}{2} \log\det(I + \frac{\lambda_0}{\sigma^2} "
    r"\sum_t \varphi_t \varphi_t^T)",
    source="derived (mutual information); the model is (4.4)",
    provenance="derived",
    statistic=Equality(rtol=0.08, method="t"),
    grid=Grid(
        quick=cells(d=[1, 4], outputs=[1], noise=[0.1], sequences=[4000]),
        standard=cells(d=[1, 4, 8], outputs=[1, 2], noise=[0.1], sequences=[5000]),
    ),
    measure=sampled,
    control=NegativeControl(
        measure=sampled_plug_in,
        because="a prediction that forgets its uncertainty is overconfident in the first steps",
    ),
    substitutes=GAUSSIAN,
    seconds={"quick": 0.6, "standard": 12.0},
)


# --- ICL-3e, f: the rate ------------------------------------------------------------------------------------


FIRST = 5  # the slope is taken from T = 2^5 on; figures show all


def _gaussian_curve(cell: Cell, rng: np.random.Generator) -> tuple[Integers, Array]:
    """Lengths, and the mean over draws of the features of the information at them."""
    problem = GaussianLinear(cell["d"])
    x = 2 ** np.arange(12)
    phi = sample_features(problem, int(x[-1]), batch=cell["draws"], rng=rng)
    return x, problem.information(phi)[:, x - 1].mean(axis=0)


def continuous(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Mean cumulative regret over d/2, T = 32, ..., 2048."""
    return _over_half_dimension(cell, *_gaussian_curve(cell, rng))


def finite(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same over d/2 where the concept is one of four coins."""
    return _over_half_dimension(cell, *_finite_curve())


def _over_half_dimension(cell: Cell, x: Integers, told: Array) -> Arrays:
    value = told[None, FIRST:] / (0.5 * cell["d"])
    return {"value": value, "x": x[FIRST:], "curve_x": x, "curve": told}


def _finite_curve() -> tuple[Integers, Array]:
    """Lengths, and the information on which of four coins it is."""
    heads = np.array([0.05, 0.35, 0.65, 0.95])
    tasks = FiniteTasks(np.full(4, 0.25), np.stack([heads, 1.0 - heads], axis=-1)[:, None])
    x = 2 ** np.arange(12)
    return x, task_information(tasks, np.zeros(x[-1], dtype=int), at=x).information


ICL_3E = Claim(
    id="ICL-3e",
    paper=PAPER,
    title="A continuous concept of dimension d costs (d/2) log T, so its average regret falls like log T / T",
    statement=r"slope of E[T regret_T] in \log T = d/2 +- 10 %, T = 32, ..., 2048, normal features, exact in "
    "the concept and the noise",
    source="derived; Appendix D quotes d log(C/delta)/T for a delta-net",
    provenance="derived",
    statistic=Slope(target=1.0, side="two-sided", tolerance=0.1, scale="semilogx", method="exact"),
    grid=Grid(
        quick=cells(d=[1, 2, 4], draws=[8]),
        standard=cells(d=[1, 2, 4, 8], draws=[100]),
    ),
    measure=continuous,
    control=NegativeControl(
        measure=finite,
        grid=Grid(quick=cells(d=[1], draws=[1])),
        because="with finitely many tasks the regret stops growing",
    ),
    substitutes=GAUSSIAN,
    seconds={"quick": 0.8, "standard": 2.5},
)


def average_continuous(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Mean average regret of a continuous concept."""
    x, told = _gaussian_curve(cell, rng)
    return {"value": (told / x)[None, FIRST:], "x": x[FIRST:]}


def average_finite(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Mean average regret of four coins that can be told apart."""
    x, told = _finite_curve()
    return {"value": (told / x)[None, FIRST:], "x": x[FIRST:]}


ICL_3F = Claim(
    id="ICL-3f",
    paper=PAPER,
    title="The regret is O(1/T) whatever the concept space (it is not, where the concept is continuous)",
    statement="slope of log E[regret_T] in log T = -1 +- 0.05 for every concept space",
    source="abstract ('a regret bound O(1/T)'), read without the atoms of the prior that Corollary 4.2 needs",
    provenance="abstract",
    statistic=Slope(target=-1.0, side="two-sided", tolerance=0.05, method="exact"),
    grid=Grid(quick=cells(d=[1, 4], draws=[8])),
    measure=average_continuous,
    control=PositiveControl(
        measure=average_finite,
        grid=Grid(quick=cells(d=[1], draws=[1])),
        because="four coins of positive prior probability, as the corollary assumes: log 4 / T",
    ),
    expected="fail",
    corrected_by="ICL-3e",
    counterexample={
        "concept": "z ~ N(0, 1), v = z phi + noise of variance 1, phi = 1",
        "mean cumulative regret": "log(1 + T)/2, unbounded",
    },
    substitutes=GAUSSIAN,
    seconds={"quick": 0.8, "standard": 0.8},
)

GENERAL_PRIOR = (ICL_3A, ICL_3B, ICL_3C, ICL_3D, ICL_3E, ICL_3F, *CONCEPT_NET)
