"""TIARA-1: reducing the diagonal of logits moves every row on a line between itself and the other frames."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.papers.tiara.checks._kernels import NO_MODEL, UNSEEN
from tightbound.theory.video.reweighting import affine_path, attention_weights, reduce_diagonal, reweight
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import Equality

Arrays = dict[str, Any]


def _instances(cell: Cell, rng: np.random.Generator) -> tuple[Any, Any]:
    """Random logits, a third of them with all mass on the diagonal, and reductions of either sign."""
    count, frames = cell["instances"], cell["frames"]
    logits = rng.normal(0.0, 3.0, (count, frames, frames))
    logits[::3] += 60.0 * np.eye(frames)
    return logits, rng.uniform(-3.0, 70.0, (count, frames))


def paths(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Softmax of reduced logits beside the affine path, for all rows."""
    logits, reduction = _instances(cell, rng)
    value, reference = reduce_diagonal(logits, reduction), affine_path(logits, reduction)
    return {"value": value.ravel(), "reference": reference.ravel()}


def after_the_softmax(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with the reduction taken off the weights."""
    logits, reduction = _instances(cell, rng)
    late = attention_weights(logits) - reduction[..., np.newaxis] * np.eye(cell["frames"])
    return {"value": late.ravel(), "reference": affine_path(logits, reduction).ravel()}


def _random(instances: int, frames: tuple[int, ...]) -> tuple[Cell, ...]:
    return cells(frames=frames, instances=[instances])


TIARA_1A = Claim(
    id="TIARA-1a",
    paper="tiara",
    title="A reduced diagonal shifts the log odds of a frame on itself and leaves the others' ratios",
    statement=r"sm(S - diag(a)) = diag(\beta) + (I - diag(\beta)) B, logit \beta_i = logit p_i - a_i",
    source=UNSEEN,
    provenance="derived",
    statistic=Equality(atol=1e-13),
    grid=Grid(
        quick=_random(200, (2, 4, 16)),
        standard=_random(200, (2, 4, 16, 64)),
        full=_random(2000, (2, 4, 16, 64)),
    ),
    measure=paths,
    control=NegativeControl(
        measure=after_the_softmax,
        because="a reduction of weights in place of logits does not renormalise the row",
    ),
    substitutes=NO_MODEL,
    seconds={"quick": 0.1, "standard": 0.5},
)


def tilts(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Softmax of changed logits beside the tilted weights."""
    count, frames = cell["instances"], cell["frames"]
    logits, change = rng.normal(0.0, 2.0, (2, count, frames, frames))
    tilted = attention_weights(logits) * np.exp(change)
    tilted /= tilted.sum(axis=-1, keepdims=True)
    return {"value": reweight(logits, change).ravel(), "reference": tilted.ravel()}


def tilts_without_the_rest(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same beside weights that are not divided by their sum."""
    count, frames = cell["instances"], cell["frames"]
    logits, change = rng.normal(0.0, 2.0, (2, count, frames, frames))
    tilted = attention_weights(logits) * np.exp(change)
    return {"value": reweight(logits, change).ravel(), "reference": tilted.ravel()}


TIARA_1B = Claim(
    id="TIARA-1b",
    paper="tiara",
    title="Any change of logits tilts the weights",
    statement=r"sm(S + \Lambda)_ij = A_ij e^{\Lambda_ij} / \sum_k A_ik e^{\Lambda_ik}",
    source=UNSEEN,
    provenance="derived",
    statistic=Equality(atol=1e-13),
    grid=Grid(
        quick=_random(200, (4, 16)), standard=_random(200, (4, 16, 64)), full=_random(2000, (4, 16, 64))
    ),
    measure=tilts,
    control=NegativeControl(
        measure=tilts_without_the_rest, because="tilted weights do not sum to 1 before they are renormalised"
    ),
    substitutes=NO_MODEL,
    seconds={"quick": 0.1, "standard": 0.5},
)

AFFINE_PATH = (TIARA_1A, TIARA_1B)
