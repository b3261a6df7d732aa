"""BS-7a and b: the explicit constant of the lower bound, as read and corrected."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.theory.bandits import (
    corrected_lower_bound_constant,
    expected_trials,
    lower_bound_constant,
    stated_lower_bound_constant,
)
from tightbound.verification.claim import Claim, NegativeControl, PositiveControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds

PAPER = "bandit_spec"
SYNTHETIC = "truncated geometric rounds in place of a language model and its drafters"
AS_READ = "Proposition 4.5, as read in arXiv 2505.15141v2 through a plain-text conversion"

Arrays = dict[str, Any]


def _instances(cell: Cell, rng: np.random.Generator) -> np.ndarray:
    """Return random pairs (p*, p_i) with p_i < p*, shape (R, 2)."""
    best = rng.uniform(0.0, 1.0, int(cell["instances"]))
    return np.stack((best, best * rng.uniform(0.0, 1.0, best.size)), axis=1)


def _map(draft: int) -> Arrays:
    """Return ratios of both explicit constants to the lower bound over a grid of (p*, p* - p_i)."""
    best = 1.0 - np.geomspace(0.9, 1e-3, 60)
    share = np.linspace(0.01, 0.99, 50)
    pairs = np.stack(np.broadcast_arrays(best[:, np.newaxis], best[:, np.newaxis] * (1.0 - share)), axis=-1)
    scale = np.asarray(lower_bound_constant(pairs, draft))
    return {
        "map_best": best,
        "map_share": share,
        "map_stated": np.asarray(stated_lower_bound_constant(pairs, draft)) / scale,
        "map_corrected": np.asarray(corrected_lower_bound_constant(pairs, draft)) / scale,
    }


def _beside_lower_bound(constant: Any, instances: np.ndarray, draft: int) -> Arrays:
    limit = np.asarray(lower_bound_constant(instances, draft))
    value = np.asarray(constant(instances, draft))
    advertised = instances[:, 0] > 2.0 ** (-1.0 / draft)
    above = value > limit * (1.0 + 1e-9)
    return {
        "value": value,
        "bound": limit,
        "share_above": above.mean(),
        "share_above_where_advertised": above[advertised].mean(),
    }


def stated_constant(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Explicit constant as read, beside the constant of the lower bound, per random instance."""
    draft = cell["max_draft"]
    return _beside_lower_bound(stated_lower_bound_constant, _instances(cell, rng), draft)


def corrected_constant(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for the corrected constant, with both ratios over a regular grid for the figure."""
    draft = cell["max_draft"]
    found = _beside_lower_bound(corrected_lower_bound_constant, _instances(cell, rng), draft)
    return {**found, **_map(draft)}


def stated_constant_near_a_tie(cell: Cell, rng: np.random.Generator) -> Arrays:
    r"""Return the stated constant where it provably holds, part of it inside the advertised range.

    With :math:`1/2 \le r \le p`: :math:`\mathrm{kl}(r, p) = \int_r^p \frac{x - r}{x (1 - x)} dx
    \le \frac{(p - r)^2}{2 p (1 - p)}`, since 1/(x(1-x)) grows there, and :math:`\Delta \ge (p - r)
    \mu'(r)`, since :math:`p^k - r^k \ge k r^{k-1} (p - r)`. The constant needs
    :math:`G(r)\, \mathrm{kl}(r, p) \le \Delta^2 (1 - p) / (p (1 - p^L)) = \Delta^2 / (p\, G(p))`, for which
    :math:`G(r)\, G(p) \le 2 (1 - p)\, \mu'(r)^2` therefore suffices.
    """
    draft = cell["max_draft"]
    edge = 2.0 ** (-1.0 / draft)
    best = rng.uniform(edge, 1.0, int(cell["instances"]))
    worse = rng.uniform(0.5, best)
    powers = np.arange(draft)
    slope = np.sum((powers + 1) * worse[:, np.newaxis] ** powers, axis=1)
    product = expected_trials(worse, draft) * expected_trials(best, draft)
    inside = product <= 2.0 * (1.0 - best) * slope**2
    pairs = np.stack((best[inside], worse[inside]), axis=1)
    return _beside_lower_bound(stated_lower_bound_constant, pairs, draft)


def _draft_cells(instances: int, drafts: tuple[int, ...] = (1, 2, 4, 8, 16)) -> tuple[Cell, ...]:
    return cells(max_draft=drafts, instances=[instances])


_ALL_DRAFTS = Grid(quick=_draft_cells(10_000), standard=_draft_cells(40_000), full=_draft_cells(2_000_000))
_NO_TIE_AT_ONE = (2, 4, 8, 16)

BS_7A = Claim(
    id="BS-7a",
    paper=PAPER,
    title="As read in arXiv v2, the explicit constant of Proposition 4.5 is a lower bound",
    statement=r"H p^* (1 - (p^*)^L) / (1 - p^*) <= C_{LB} for truncated geometric arms",
    source=AS_READ,
    provenance="text",
    statistic=BoundHolds(method="exact"),
    grid=_ALL_DRAFTS,
    measure=stated_constant,
    expected="fail",
    corrected_by="BS-7b",
    counterexample={
        "max_draft": 4,
        "acceptance": (0.95, 0.9),
        "stated": round(float(stated_lower_bound_constant((0.95, 0.9), 4)), 4),
        "lower_bound": round(float(lower_bound_constant((0.95, 0.9), 4)), 4),
    },
    control=PositiveControl(
        measure=stated_constant_near_a_tie,
        grid=Grid(quick=_draft_cells(10_000, _NO_TIE_AT_ONE), standard=_draft_cells(40_000, _NO_TIE_AT_ONE)),
        because="two good arms, not too close to acceptance 1, where its inequality can be proved",
    ),
    substitutes=SYNTHETIC,
    seconds={"quick": 0.3, "standard": 1.0},
)

BS_7B = Claim(
    id="BS-7b",
    paper=PAPER,
    title="Without the factor 1/(1 - p*) the explicit constant is a lower bound everywhere",
    statement=r"H p^* (1 - (p^*)^L) <= C_{LB} for truncated geometric arms",
    source="Corrects Proposition 4.5; proof in corrected_lower_bound_constant",
    provenance="derived",
    statistic=BoundHolds(method="exact"),
    grid=_ALL_DRAFTS,
    measure=corrected_constant,
    control=NegativeControl(
        measure=stated_constant, because="with the factor 1/(1 - p*) it exceeds the lower bound near p* = 1"
    ),
    substitutes=SYNTHETIC,
    seconds={"quick": 0.3, "standard": 1.0},
)
