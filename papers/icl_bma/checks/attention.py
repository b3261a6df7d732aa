"""ICL-5c, ICL-5d: kernel ridge attention is the posterior mean of the Gaussian linear model, exactly."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.theory.in_context.gaussian_linear import GaussianLinear
from tightbound.theory.in_context.ridge_attention import (
    LinearKernel,
    RBFKernel,
    ridge_attention,
    ridge_variance,
)
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import Equality

PAPER = "icl_bma"
NONE = "none: three exact computations of one Gaussian posterior; no model is trained"
SOURCE = (
    "(4.6) to (4.8), Appendix E.1 (displays lost in the copy read); the ridge sigma^2 / lambda_0 is derived"
)

# machine epsilon times a condition number of at most 1e5, with room for sums over keys
ACCURACY = 1e-10
# beyond this degree the kernel's eigenvalues on the circle are below 1e-18 for kappa <= 4
DEGREES = 24

Arrays = dict[str, Any]


def _prompts(
    cell: Cell, rng: np.random.Generator
) -> tuple[GaussianLinear, np.ndarray, np.ndarray, np.ndarray, Any]:
    """Return the model, keys (R, T, d), their features, values, and the kernel."""
    from tightbound.simulators.in_context.gaussian_linear import (
        sample_concept,
        sample_features,
        sample_values,
    )
    from tightbound.simulators.in_context.sphere import uniform_sphere
    from tightbound.theory.in_context.sphere_harmonics import circle_features

    steps = max(cell["lengths"]) + 1
    variances = {"prior_variance": cell["prior_variance"], "noise_variance": cell["noise_variance"]}
    kernel: LinearKernel | RBFKernel
    if "kappa" in cell:
        problem = GaussianLinear(2 * DEGREES + 1, 2, **variances)
        keys = uniform_sphere(2, steps, batch=cell["prompts"], rng=rng)
        features, kernel = circle_features(keys, cell["kappa"], DEGREES), RBFKernel(cell["kappa"])
    else:
        problem = GaussianLinear(cell["dim"], 2, **variances)
        keys = sample_features(problem, steps, batch=cell["prompts"], rng=rng)
        features, kernel = keys, LinearKernel()
    concept = sample_concept(problem, batch=cell["prompts"], rng=rng)
    return problem, keys, features, sample_values(problem, features, concept, rng=rng), kernel


def _routes(cell: Cell, rng: np.random.Generator, factor: float = 1.0, softmax: bool = False) -> Arrays:
    """Return mean and variance of the next value by attention, beside primal form and Kalman recursion.

    The last axis of value and reference runs over lengths, over the two references, and over the coordinates
    of the mean and the variance.
    """
    from tightbound.theory.in_context.softmax_attention import softmax_attention

    problem, keys, features, values, kernel = _prompts(cell, rng)
    law = {"prior_variance": problem.prior_variance, "noise_variance": problem.noise_variance}
    filtered_mean, filtered_variance = problem.predictive_moments(features, values)
    value, reference = [], []
    for t in cell["lengths"]:
        seen, shown, query = keys[:, :t], values[:, :t], keys[:, t : t + 1]
        if softmax and t:
            mean = softmax_attention(seen, shown, query, cell["kappa"])[:, 0]
        else:
            mean = ridge_attention(seen, shown, query, kernel=kernel, ridge=factor * problem.ridge)[:, 0]
        dual = np.column_stack([mean, ridge_variance(seen, query, kernel=kernel, **law)])
        concept, covariance = problem.posterior(features[:, :t], shown)
        row = features[:, t]
        primal_variance = problem.noise_variance + np.einsum("ri,rij,rj->r", row, covariance, row)
        primal = np.column_stack([(concept @ row[..., None])[..., 0], primal_variance])
        filtered = np.column_stack([filtered_mean[:, t], filtered_variance[:, t]])
        value.append(np.stack([dual, dual], axis=1))
        reference.append(np.stack([primal, filtered], axis=1))
    flat = (cell["prompts"], -1)
    return {
        "value": np.stack(value, axis=1).reshape(flat),
        "reference": np.stack(reference, axis=1).reshape(flat),
        "lengths": np.array(cell["lengths"]),
    }


def three_routes(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Dual, primal and recursive computation at the Bayes ridge."""
    return _routes(cell, rng)


def tenfold_ridge(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with ten times that ridge in attention."""
    return _routes(cell, rng, factor=10.0)


def softmax_in_its_place(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with softmax attention for ridge attention, same kernel."""
    return _routes(cell, rng, softmax=True)


_VARIANCES = {"prior_variance": [1.0, 4.0], "noise_variance": [0.25, 1.0]}
_SHORT, _LONG = (0, 1, 2, 4, 8, 16, 32, 64), (0, 1, 2, 4, 8, 16, 32, 64, 128, 256)

ICL_5C = Claim(
    id="ICL-5c",
    paper=PAPER,
    title="Linear ridge attention is the posterior mean: dual form, primal form and Kalman recursion agree",
    statement=r"V^T (K K^T + \lambda I)^{-1} K q = E[z | S_t] q at \lambda = \sigma^2/\lambda_0, with the "
    r"predictive variance",
    source=SOURCE,
    provenance="derived",
    statistic=Equality(atol=ACCURACY, rtol=ACCURACY),
    grid=Grid(
        quick=cells(dim=[1, 8], **_VARIANCES, lengths=[_SHORT], prompts=[20]),
        standard=cells(dim=[1, 8, 32], **_VARIANCES, lengths=[_LONG], prompts=[50]),
    ),
    measure=three_routes,
    control=NegativeControl(
        measure=tenfold_ridge,
        because="ten times the ridge is the posterior mean under another prior",
    ),
    substitutes=NONE,
    seconds={"quick": 0.2, "standard": 4},
)

ICL_5D = Claim(
    id="ICL-5d",
    paper=PAPER,
    title="Gaussian-kernel ridge attention is the posterior mean under the kernel's features",
    statement=r"V^T (\mathcal K(K,K) + \lambda I)^{-1} \mathcal K(K,q) = E[z | S_t] \varphi(q), circle, "
    r"with the predictive variance",
    source=SOURCE,
    provenance="derived",
    statistic=Equality(atol=ACCURACY, rtol=ACCURACY),
    grid=Grid(
        quick=cells(kappa=[1.0, 4.0], **_VARIANCES, lengths=[_SHORT], prompts=[20]),
        standard=cells(kappa=[1.0, 4.0], **_VARIANCES, lengths=[_LONG], prompts=[50]),
    ),
    measure=three_routes,
    control=NegativeControl(
        measure=softmax_in_its_place,
        because="softmax attention with the same kernel averages values; it is not the posterior mean",
    ),
    substitutes=NONE,
    seconds={"quick": 0.6, "standard": 4},
)

ATTENTION = (ICL_5C, ICL_5D)
