"""TIARA-5: frames come closer under attention, by a factor that logits bound."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.papers.tiara.checks._kernels import NO_MODEL, UNSEEN
from tightbound.theory.video.contraction import (
    contraction_bound,
    dobrushin,
    logit_spread,
    oscillation,
    uniform_coefficient,
)
from tightbound.theory.video.reweighting import reduce_diagonal, self_logit
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Equality

PAPER = "tiara"

Arrays = dict[str, Any]


def _attention(cell: Cell, rng: np.random.Generator) -> tuple[Any, Any]:
    """Random logits that spread by at most R off the diagonal, and their reweighted attention."""
    count, frames = cell["instances"], cell["frames"]
    logits = cell["spread"] * rng.random((count, frames, frames))
    diagonal = rng.uniform(0.0, 6.0, (count, 1)) + 0.5 * rng.random((count, frames))
    logits[..., np.arange(frames), np.arange(frames)] = diagonal
    reduction = rng.uniform(0.0, 8.0, (count, 1)) + 0.5 * rng.random((count, frames))
    return logits, reduce_diagonal(logits, reduction)


def coefficients(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Dobrushin coefficients beside their bound from the logits."""
    logits, weights = _attention(cell, rng)
    beta = np.diagonal(weights, axis1=-2, axis2=-1)
    spread = np.minimum(logit_spread(logits), cell["known"])
    bound = contraction_bound(cell["frames"], beta.min(axis=-1), beta.max(axis=-1), spread)
    return {"value": dobrushin(weights), "bound": bound, "beta": beta.mean(axis=-1)}


def one(cell: Cell) -> float:
    """Return the coefficient that no attention exceeds."""
    return 1.0


def _spreads(
    frames: tuple[int, ...],
    instances: int,
    spreads: tuple[float, ...] = (0.0, 1.0, 3.0),
    known: float = 100.0,
) -> tuple[Cell, ...]:
    return cells(frames=frames, spread=spreads, instances=[instances], known=[known])


TIARA_5A = Claim(
    id="TIARA-5a",
    paper=PAPER,
    title="Attention whose other logits spread little brings all frames closer",
    statement=r"\delta(\bar A) <= 1 - (N-2) c - 2 min(\beta_min, c), c = (1 - \beta_max) / (1 + (N-2) e^R)",
    source=UNSEEN,
    provenance="derived",
    statistic=BoundHolds(method="exact", slack=1e-12),
    grid=Grid(
        quick=_spreads((4, 8, 24), 100),
        standard=_spreads((2, 4, 8, 24), 1000),
        full=_spreads((2, 4, 8, 24), 10_000),
    ),
    measure=coefficients,
    trivial=one,
    control=NegativeControl(
        grid=Grid(quick=_spreads((4, 8, 24), 100, spreads=(12.0,), known=0.5)),
        because="logits that spread more than is put into the bound let rows look at different frames",
    ),
    substitutes=NO_MODEL,
    seconds={"quick": 0.05, "standard": 0.5},
)


def _worst_values(weights: Any) -> Any:
    """Values, one channel per pair of rows with the first one, that show their distance."""
    apart = weights - weights[..., :1, :]
    return np.swapaxes((apart > 0.0).astype(float), -1, -2)


def oscillations(cell: Cell, rng: np.random.Generator, mean: bool = False) -> Arrays:
    """Oscillation after attention, of random values and of those that tell rows apart, beside the bound."""
    _, weights = _attention(cell, rng)
    random = rng.normal(size=(*weights.shape[:-1], 4))
    values = np.concatenate([random, _worst_values(weights)], axis=-1)
    rate = dobrushin(weights)[:, np.newaxis]
    if mean:
        pairs = 0.5 * np.abs(weights[:, :, np.newaxis] - weights[:, np.newaxis]).sum(axis=-1)
        rate = pairs.mean(axis=(-1, -2))[:, np.newaxis]
    return {"value": oscillation(weights @ values), "bound": rate * oscillation(values)}


def oscillations_by_mean_distance(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with the mean distance of rows in place of the largest."""
    return oscillations(cell, rng, mean=True)


TIARA_5B = Claim(
    id="TIARA-5b",
    paper=PAPER,
    title="Oscillation over frames shrinks by the Dobrushin coefficient",
    statement=r"osc(\bar A v) <= \delta(\bar A) osc(v)",
    source="Dobrushin 1956; derived",
    provenance="derived",
    statistic=BoundHolds(method="exact", slack=1e-12),
    grid=Grid(quick=_spreads((4, 8, 24), 50), standard=_spreads((4, 8, 24), 500)),
    measure=oscillations,
    control=NegativeControl(
        measure=oscillations_by_mean_distance,
        because="the mean distance of rows does not bound the two that are furthest apart",
    ),
    substitutes="random values and logits; no video model is involved",
    seconds={"quick": 0.1, "standard": 1.0},
)


def uniform_coefficients(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Coefficient of attention to all other frames alike beside both formulas, as the diagonal is reduced."""
    frames, reductions = cell["frames"], np.linspace(0.0, 8.0, cell["points"])
    logits = cell["boost"] * np.eye(frames) + cell["noise"] * rng.normal(size=(frames, frames))
    weights = reduce_diagonal(logits, np.repeat(reductions[:, np.newaxis], frames, axis=1))
    beta = 1.0 / (1.0 + np.exp(reductions - self_logit(cell["boost"] * np.eye(frames))[0]))
    value = dobrushin(weights)
    bound = contraction_bound(frames, beta, beta, 0.0)
    return {
        "value": np.concatenate([value, value]),
        "reference": np.concatenate([uniform_coefficient(frames, beta), bound]),
        "reduction": reductions,
        "beta": beta,
    }


def _uniform(frames: tuple[int, ...], points: int, noise: float = 0.0) -> tuple[Cell, ...]:
    return cells(frames=frames, boost=(2.0, 4.0), points=[points], noise=[noise])


TIARA_5C = Claim(
    id="TIARA-5c",
    paper=PAPER,
    title="Attention to all other frames alike attains the bound, and contracts less again below 1/N",
    statement=r"\delta = |N \beta - 1| / (N - 1), and the bound of TIARA-5a is the same number",
    source=UNSEEN,
    provenance="derived",
    statistic=Equality(atol=1e-13),
    grid=Grid(quick=_uniform((4, 16), 41), standard=_uniform((2, 4, 16, 64), 161)),
    measure=uniform_coefficients,
    control=NegativeControl(
        grid=Grid(quick=_uniform((4, 16), 41, noise=0.3)),
        because="logits that differ a little off the diagonal tell rows apart by more than their diagonals",
    ),
    substitutes=NO_MODEL,
    seconds={"quick": 0.05, "standard": 0.2},
)

CONTRACTION = (TIARA_5A, TIARA_5B, TIARA_5C)
