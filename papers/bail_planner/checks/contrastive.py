"""PLN-14: what contrastive pretraining of the Reporter converges to, how fast, and what it cannot learn."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.theory.planning.contrastive import (
    contrastive_error,
    contrastive_gradient,
    contrastive_optimum,
    translation_from_ratio,
)
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Equality, Slope

PAPER = "bail_planner"
SUBSTITUTES = (
    "a table with one ratio per pair of state and observation in place of a vision-language Reporter"
)
SOURCE = "derived; cf. He et al. 2024, contrastive pretraining of the Reporter"

Arrays = dict[str, Any]


def _problem(cell: Cell, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return a random Reporter (S, O) and random negatives (O,), all of them bounded away from 0."""
    states, observations = cell["states"], cell["observations"]
    law = 0.5 * rng.dirichlet(np.ones(observations), size=states) + 0.5 / observations
    return law, 0.5 * rng.dirichlet(np.ones(observations)) + 0.5 / observations


# --- PLN-14a: the population optimum ------------------------------------------------------------------------


def _gradients(cell: Cell, rng: np.random.Generator, *, corrected: bool) -> Arrays:
    found = []
    for _ in range(cell["problems"]):
        law, noise = _problem(cell, rng)
        rate = cell["rate"]
        ratio = contrastive_optimum(law, noise, rate if corrected else 0.5)
        found.append(contrastive_gradient(ratio, law, noise, rate).ravel())
    return {"value": np.array(found), "reference": np.zeros((1, found[0].size))}


def gradient_at_optimum(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the gradient of the population loss at the ratio of densities."""
    return _gradients(cell, rng, corrected=True)


def gradient_uncorrected(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same at the ratio for balanced labels, whatever the labels are."""
    return _gradients(cell, rng, corrected=False)


SMALL = {"states": [3], "observations": [4]}

PLN_14A = Claim(
    id="PLN-14a",
    paper=PAPER,
    title="The ratio of densities is stationary for the contrastive loss",
    statement=r"\nabla \ell(f^*) = 0 at f^* = \rho O(o|s) / ((1 - \rho) P^-(o))",
    source=SOURCE,
    provenance="derived",
    statistic=Equality(rtol=0.0, atol=1e-12),
    grid=Grid(
        quick=cells(**SMALL, rate=[0.2, 0.5, 0.8], problems=[20]),
        standard=cells(states=[3, 20], observations=[4, 30], rate=[0.05, 0.2, 0.5, 0.8], problems=[100]),
    ),
    measure=gradient_at_optimum,
    control=NegativeControl(
        measure=gradient_uncorrected,
        grid=Grid(quick=cells(**SMALL, rate=[0.2, 0.8], problems=[20])),
        because="the ratio for balanced labels is not the optimum for others",
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 0.2, "standard": 1.0},
)


# --- PLN-14b, c: the rate and its constant ------------------------------------------------------------------


def _errors(cell: Cell, rng: np.random.Generator, *, corrected: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return errors of learned Reporters, shape (R, T), averaged over states, and their first order (T,)."""
    from tightbound.simulators.planning.language_models.reporter import TabularContrastive, sample_pairs

    law, noise = _problem(cell, np.random.default_rng(cell["problem"]))
    rate, sizes = cell["rate"], 2 ** np.array(cell["log_samples"])
    learner = TabularContrastive(noise, rate if corrected else 0.5)
    found = np.empty((cell["runs"], sizes.size))
    for place in np.ndindex(found.shape):
        learned = learner.fit(sample_pairs(law, noise, int(sizes[place[1]]), rng=rng, positive_rate=rate))
        guess = learned.translation if corrected else learned.product
        found[place] = 0.5 * np.abs(guess - law).sum(axis=1).mean()
    first = [float(contrastive_error(law, noise, int(n), rate).mean()) for n in sizes]
    return found, np.array(first)


def learning_curve(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the total variation of the learned Reporter against the number of labelled pairs."""
    found, first = _errors(cell, rng, corrected=True)
    return {"value": found, "x": 2.0 ** np.array(cell["log_samples"]), "first_order": first}


def curve_uncorrected(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same without correction for unbalanced labels and without normalising."""
    found, first = _errors(cell, rng, corrected=False)
    return {"value": found, "x": 2.0 ** np.array(cell["log_samples"]), "first_order": first}


LADDER = tuple(range(8, 19))
PROBLEM = {"states": [4], "observations": [6], "problem": [1]}

PLN_14B = Claim(
    id="PLN-14b",
    paper=PAPER,
    title="The contrastive Reporter's error falls as one over the root of the number of pairs",
    statement=r"log-log slope of E TV(\hat O, O) is -1/2 within 0.06",
    source=SOURCE,
    provenance="derived",
    statistic=Slope(target=-0.5, side="two-sided", tolerance=0.06, method="delta"),
    grid=Grid(
        quick=cells(**PROBLEM, rate=[0.2, 0.5], log_samples=[LADDER], runs=[50]),
        standard=cells(**PROBLEM, rate=[0.1, 0.2, 0.5, 0.8], log_samples=[LADDER], runs=[200]),
        full=cells(
            states=[4, 16],
            observations=[6],
            problem=[1, 2],
            rate=[0.2, 0.5],
            log_samples=[LADDER],
            runs=[400],
        ),
    ),
    measure=learning_curve,
    control=NegativeControl(
        measure=curve_uncorrected,
        grid=Grid(quick=cells(**PROBLEM, rate=[0.2], log_samples=[LADDER], runs=[50])),
        because="without correction for unbalanced labels f P^- estimates a multiple of the Reporter",
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 1.0, "standard": 5.0, "full": 30.0},
)


def scaled_error(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return sqrt(N) times the error, beside its limit."""
    found, first = _errors(cell, rng, corrected=True)
    root = 2.0 ** (0.5 * np.array(cell["log_samples"]))
    return {"value": found * root, "reference": (first * root)[None, :]}


def scaled_uncorrected(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same without correction for unbalanced labels and without normalising."""
    found, first = _errors(cell, rng, corrected=False)
    root = 2.0 ** (0.5 * np.array(cell["log_samples"]))
    return {"value": found * root, "reference": (first * root)[None, :]}


PLN_14C = Claim(
    id="PLN-14c",
    paper=PAPER,
    title="The constant of the contrastive Reporter's error is the one of its normal limit",
    statement=r"\sqrt N E TV(\hat O, O)(s) \to \frac{1}{\sqrt{2\pi}} \sum_o O(o|s) "
    r"\sqrt{v_o (1 - 2 O(o|s)) + \sum_{o'} O(o'|s)^2 v_{o'}}",
    source=SOURCE,
    provenance="derived",
    statistic=Equality(rtol=0.05, method="t"),
    grid=Grid(
        quick=cells(**PROBLEM, rate=[0.2, 0.5], log_samples=[(14, 16)], runs=[1200]),
        standard=cells(**PROBLEM, rate=[0.1, 0.2, 0.5, 0.8], log_samples=[(14, 16, 18)], runs=[2000]),
    ),
    measure=scaled_error,
    control=NegativeControl(
        measure=scaled_uncorrected,
        grid=Grid(quick=cells(**PROBLEM, rate=[0.2], log_samples=[(14, 16)], runs=[100])),
        because="a biased estimate does not shrink, so sqrt(N) times its error grows",
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 1.0, "standard": 5.0},
)


# --- PLN-14d: what normalising repairs ----------------------------------------------------------------------


def _ratios(cell: Cell, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return ratios of counts without and with correction for unbalanced labels, and the negatives."""
    from tightbound.simulators.planning.language_models.reporter import sample_pairs

    law, noise = _problem(cell, rng)
    pairs = sample_pairs(law, noise, cell["samples"], rng=rng, positive_rate=cell["rate"])
    naive = pairs.positives / np.maximum(pairs.negatives, 1)
    return naive, naive * (1.0 - cell["rate"]) / cell["rate"], noise


def normalised(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the translator learned without correction for unbalanced labels, beside the corrected one."""
    naive, right, noise = _ratios(cell, rng)
    learned = [translation_from_ratio(ratio, noise).ravel()[None] for ratio in (naive, right)]
    return {"value": learned[0], "reference": learned[1]}


def not_normalised(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same before rows are normalised."""
    naive, right, noise = _ratios(cell, rng)
    return {"value": (naive * noise).ravel()[None], "reference": (right * noise).ravel()[None]}


PLN_14D = Claim(
    id="PLN-14d",
    paper=PAPER,
    title="Normalising the translator makes it blind to unbalanced labels",
    statement=r"\hat O(o|s) \propto \hat f(o, s) P^-(o) is the same for f and for c f",
    source=SOURCE,
    provenance="derived",
    statistic=Equality(rtol=0.0, atol=1e-12),
    grid=Grid(
        quick=cells(**SMALL, rate=[0.2, 0.8], samples=[100_000]),
        standard=cells(states=[3, 20], observations=[4, 12], rate=[0.1, 0.2, 0.8], samples=[1_000_000]),
    ),
    measure=normalised,
    control=NegativeControl(
        measure=not_normalised,
        because="f P^- itself estimates rho/(1 - rho) times the Reporter",
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 0.2, "standard": 0.5},
)


# --- PLN-14e: what negatives leave out ----------------------------------------------------------------------


def _missing(cell: Cell, rng: np.random.Generator, *, full: bool) -> Arrays:
    value, bound = [], []
    for _ in range(cell["problems"]):
        law, noise = _problem(cell, rng)
        ratio = contrastive_optimum(law, noise)
        if not full:
            noise = np.concatenate([[0.0], noise[1:]]) / noise[1:].sum()
            ratio = ratio * np.exp(rng.normal(size=law.shape))
        value.append(0.5 * np.abs(translation_from_ratio(ratio, noise) - law).sum(axis=1))
        bound.append(law[:, 0])
    return {"value": np.array(value), "bound": np.array(bound)}


def without_support(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the error of any ratio where negatives leave out an observation, beside its probability."""
    return _missing(cell, rng, full=False)


def with_support(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for negatives that show every observation, at the optimum."""
    return _missing(cell, rng, full=True)


PLN_14E = Claim(
    id="PLN-14e",
    paper=PAPER,
    title="What negatives never show cannot be learned",
    statement=r"TV(\hat O(\cdot|s), O(\cdot|s)) >= O(\{o : P^-(o) = 0\}|s) for every ratio f",
    source=SOURCE,
    provenance="derived",
    statistic=BoundHolds(method="exact", side="lower"),
    grid=Grid(
        quick=cells(**SMALL, problems=[50]),
        standard=cells(states=[3, 20], observations=[4, 30], problems=[500]),
    ),
    measure=without_support,
    control=NegativeControl(
        measure=with_support,
        because="negatives that show every observation let the optimum recover the Reporter",
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 0.2, "standard": 0.5},
)

CONTRASTIVE = (PLN_14A, PLN_14B, PLN_14C, PLN_14D, PLN_14E)
