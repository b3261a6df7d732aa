"""ICL-14: pretraining with the squared loss has the fast rate 1/N, twice the exponent of total variation."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.theory.in_context.least_squares import least_squares_risk, total_variation_of_fit
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import Equality, Slope

PAPER = "icl_bma"
SOURCE = "Theorem F.6 (squared loss; display lost in the copy read); the exact risk is derived"
LINEAR = (
    "least squares over a linear class with a Gaussian design stands in for a transformer with pooled "
    "read-out, and Gaussian noise for a bounded label"
)

Arrays = dict[str, Any]


def _distances(cell: Cell, rng: np.random.Generator, noise: Any = "normal") -> np.ndarray:
    from tightbound.simulators.in_context.pretraining.least_squares import least_squares_errors

    return least_squares_errors(cell["samples"], cell["dimension"], cell["runs"], noise=noise, rng=rng)


def squared_error(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Squared error of least squares, beside its exact mean."""
    exact = [least_squares_risk(n, cell["dimension"]) for n in cell["samples"]]
    return {
        "x": np.array(cell["samples"], dtype=np.float64),
        "value": _distances(cell, rng) ** 2,
        "reference": np.array(exact)[None],
    }


def squared_error_against_large_samples(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the squared error beside the limit form d/N, which forgets that the design is random."""
    rough = np.array([[cell["dimension"] / n for n in cell["samples"]]])
    return squared_error(cell, rng) | {"reference": rough}


def squared_error_without_variance(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the squared error where the noise has no variance, against the number of pairs."""
    return {"x": np.array(cell["samples"], dtype=np.float64), "value": _distances(cell, rng, "student") ** 2}


def fitted_total_variation(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Total variation between the true and the fitted law of the label, mean over fresh covariates."""
    return {
        "x": np.array(cell["samples"], dtype=np.float64),
        "value": total_variation_of_fit(_distances(cell, rng)),
    }


def fitted_total_variation_without_variance(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where the noise has no variance."""
    return {
        "x": np.array(cell["samples"], dtype=np.float64),
        "value": total_variation_of_fit(_distances(cell, rng, "student")),
    }


# The squared error of one run has relative standard deviation sqrt(2/d) = 0.45. At 1/30000 and four
# comparisons the interval of 20000 runs reaches 4.6 x 0.32 % = 1.5 %, which leaves 4.7 standard errors of
# room.
ICL_14A = Claim(
    id="ICL-14a",
    paper=PAPER,
    title="The squared loss of least squares is exactly s^2 d / (N - d - 1)",
    statement=r"E\|\hat w - w\|^2 = \sigma^2 d/(N - d - 1), within 3 %",
    source=SOURCE,
    provenance="derived",
    statistic=Equality(rtol=0.03, method="t"),
    grid=Grid(
        quick=cells(dimension=[10], samples=[(30, 60, 120, 240)], runs=[32_000]),
        standard=[
            *cells(dimension=[10], samples=[(30, 60, 120, 240)], runs=[40_000]),
            *cells(dimension=[20], samples=[(60, 120, 240, 480)], runs=[20_000]),
        ],
    ),
    measure=squared_error,
    control=NegativeControl(
        measure=squared_error_against_large_samples,
        grid=Grid(quick=cells(dimension=[10], samples=[(30, 60, 120, 240)], runs=[5000])),
        because="d/N forgets the randomness of the design, which costs 5 to 58 % at these sizes",
    ),
    substitutes=LINEAR,
    seconds={"quick": 1.8, "standard": 8.0},
)

# The slope of one run has standard deviation about 0.12, so 1000 runs give intervals of 4.2 x 0.004; the
# exact slope, with N - d - 1 in place of N, is -1.026 over this range.
RATE_GRID = Grid(
    quick=cells(dimension=[10], samples=[(100, 400, 1600, 6400)], runs=[1000]),
    standard=cells(dimension=[5, 10], samples=[(100, 400, 1600, 6400)], runs=[3000]),
)
MORE_RUNS = Grid(
    quick=cells(dimension=[10], samples=[(100, 400, 1600, 6400)], runs=[1600]), standard=RATE_GRID.standard
)
FEW_RUNS = Grid(quick=cells(dimension=[10], samples=[(100, 400, 1600, 6400)], runs=[200]))

ICL_14B = Claim(
    id="ICL-14b",
    paper=PAPER,
    title="Under the squared loss pretraining has the fast rate 1/N",
    statement=r"d log \|\hat w - w\|^2 / d log N = -1 +- 0.06 over N = 100 to 6400",
    source=SOURCE,
    provenance="derived",
    statistic=Slope(target=-1.0, side="two-sided", tolerance=0.06, method="per_seed"),
    grid=MORE_RUNS,
    measure=squared_error,
    control=NegativeControl(
        measure=squared_error_without_variance,
        grid=FEW_RUNS,
        because="noise with 1.5 moments breaks the boundedness of labels: the error falls like N^{-2/3}",
    ),
    substitutes=LINEAR,
    seconds={"quick": 1.5, "standard": 5.0},
)

ICL_14C = Claim(
    id="ICL-14c",
    paper=PAPER,
    title="The same fits, measured in total variation, have the slow rate of Theorem 5.3",
    statement=r"d log TV / d log N = -1/2 +- 0.03 for the laws of the label at a fresh covariate",
    source="derived: squared loss and total variation of one fit; cf. Theorems 5.3 and F.6",
    provenance="derived",
    statistic=Slope(target=-0.5, side="two-sided", tolerance=0.03, method="per_seed"),
    grid=RATE_GRID,
    measure=fitted_total_variation,
    control=NegativeControl(
        measure=fitted_total_variation_without_variance,
        grid=FEW_RUNS,
        because="noise with 1.5 moments breaks the boundedness of labels: the rate is N^{-1/3}",
    ),
    substitutes=LINEAR,
    seconds={"quick": 1.5, "standard": 5.0},
)

LEAST_SQUARES = (ICL_14A, ICL_14B, ICL_14C)
