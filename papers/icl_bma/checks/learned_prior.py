"""ICL-7k: why the error of a learned prior does not spoil the averaged rate."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tightbound.theory.in_context.wrong_prior import wrong_prior_error
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import Slope

Arrays = dict[str, Any]


def learned_prior(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exact error of a model that knows the tokens' laws and has counted concepts, mean over positions."""
    return _averaged(cell, cell["coins"])


def learned_prior_with_dull_tokens(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where tokens hardly tell the concepts apart."""
    return _averaged(cell, (0.5, 0.52))


def _averaged(cell: Cell, coins: tuple[float, float]) -> Arrays:
    from scipy.special import gammaln

    n, prior, lengths = cell["documents"], cell["prior"], np.array(cell["lengths"])
    seen = np.arange(n + 1.0)
    logs = gammaln(n + 1.0) - gammaln(seen + 1.0) - gammaln(n - seen + 1.0)
    weight = np.exp(logs + seen * math.log(prior) + (n - seen) * math.log1p(-prior))
    # the mean over training sets is taken first: the error is linear in it
    error = weight @ wrong_prior_error(prior, coins, seen / n, int(lengths[-1]))
    mean = np.cumsum(error)[lengths - 1] / lengths
    return {"x": lengths.astype(np.float64), "value": mean[None], "first": error[:1]}


ICL_7K = Claim(
    id="ICL-7k",
    paper="icl_bma",
    title="Prompts make a learned prior forgotten: its share of the averaged error falls like 1/T_p",
    statement=r"with token laws known and the prior counted on N_p documents, the mean over positions of E "
    r"TV is C(N_p)/T_p (exponent -1 +- 0.05), C(N_p) ~ N_p^{-1/2}",
    source="derived: why the averaged rate of Theorem 5.3 survives at the empty prompt's rate N_p^{-1/2}",
    provenance="derived",
    statistic=Slope(target=-1.0, side="two-sided", tolerance=0.05, method="exact"),
    grid=Grid(
        quick=cells(prior=[0.38], coins=[(0.2, 0.8)], documents=[32, 128], lengths=[(32, 64, 128)]),
        standard=cells(
            prior=[0.38],
            coins=[(0.2, 0.8), (0.1, 0.6)],
            documents=[32, 128, 512],
            lengths=[(32, 64, 128, 256)],
        ),
    ),
    measure=learned_prior,
    control=NegativeControl(
        measure=learned_prior_with_dull_tokens,
        because="where tokens hardly tell concepts apart the prior is needed at every position",
    ),
    substitutes="the exact average with a counted prior stands for a pretrained transformer",
    seconds={"quick": 0.2, "standard": 3.0},
)
