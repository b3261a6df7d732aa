"""TIARA-7 and TIARA-9: noise lifts the diagonal, and what taking it off costs."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.papers.tiara.checks._kernels import UNSEEN
from tightbound.theory.video.reweighting import self_logit
from tightbound.theory.video.self_weight import (
    flicker_gain,
    least_flicker_reduction,
    scene_blur,
    self_weight_bias,
)
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import Equality, Order

PAPER = "tiara"
FRAMES, DIMENSION = 16, 64

Arrays = dict[str, Any]


def _excess(clean: Any, noisy: Any) -> tuple[Any, Any]:
    """Mean excess of logits on and off the diagonal, per replication."""
    logits = (noisy @ np.swapaxes(noisy, -1, -2) - clean @ clean.T) / np.sqrt(DIMENSION)
    diagonal = np.trace(logits, axis1=-2, axis2=-1)
    others = logits.sum(axis=(-1, -2)) - diagonal
    return diagonal / FRAMES, others / (FRAMES * (FRAMES - 1))


def excess_of_noise(cell: Cell, rng: np.random.Generator, normalise: bool = False) -> Arrays:
    """Excess of logits on and off the diagonal, beside sigma^2 sqrt(d) and 0."""
    clean = rng.normal(size=(FRAMES, DIMENSION))
    noisy = clean + cell["sigma"] * rng.standard_normal((cell["replications"], FRAMES, DIMENSION))
    if normalise:
        clean, noisy = (_normalised(z) for z in (clean, noisy))
    return {
        "value": np.stack(_excess(clean, noisy), axis=1),
        "reference": np.array([[self_weight_bias(cell["sigma"], DIMENSION), 0.0]]),
    }


def _normalised(z: Any) -> Any:
    centred = z - z.mean(axis=-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True))


def excess_after_layer_norm(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for frames that are normalised before they attend."""
    return excess_of_noise(cell, rng, normalise=True)


TIARA_7 = Claim(
    id="TIARA-7",
    paper=PAPER,
    title="Noise lifts the diagonal of the logits, and nothing else",
    statement=r"E S_nm = <x_n, x_m> / \sqrt d + 1\{n = m\} \sigma^2 \sqrt d for z = x + \sigma e",
    source=UNSEEN,
    provenance="derived",
    # a shift of 0.05 moves no weight of a softmax by more than 0.05 / 4
    statistic=Equality(method="t", atol=0.05),
    grid=Grid(
        quick=cells(sigma=(0.25, 0.5, 1.0), replications=[16_000]),
        standard=cells(sigma=(0.25, 0.5, 1.0), replications=[40_000]),
        full=cells(sigma=(0.25, 0.5, 1.0), replications=[100_000]),
    ),
    measure=excess_of_noise,
    control=NegativeControl(
        measure=excess_after_layer_norm,
        grid=Grid(quick=cells(sigma=(0.25, 0.5, 1.0), replications=[2000])),
        because="normalised frames all have the same length, so noise cannot lift the diagonal",
    ),
    substitutes="Gaussian frames that are their own queries and keys; no video model is involved",
    seconds={"quick": 2.3, "standard": 15.0},
)


# --- TIARA-9: what a reduction trades -----------------------------------------------------------------------


def _logits(cell: Cell, rng: np.random.Generator) -> Any:
    frames = cell["frames"]
    return rng.normal(0.0, 1.5, (cell["instances"], 1, frames, frames)) + 3.0 * np.eye(frames)


def _reductions(cell: Cell) -> Any:
    return np.linspace(0.0, 8.0, cell["points"])[:, np.newaxis] * np.ones(cell["frames"])


def blur(cell: Cell, rng: np.random.Generator, sign: float = 1.0) -> Arrays:
    """Distance that a cut moves, at each reduction and at the one before."""
    found = scene_blur(_logits(cell, rng), cell["frames"] // 2, sign * _reductions(cell))
    return {"greater": found[:, 1:].reshape(1, -1), "smaller": found[:, :-1].reshape(1, -1)}


def blur_when_strengthened(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where the diagonal is strengthened."""
    return blur(cell, rng, sign=-1.0)


def _random(frames: tuple[int, ...], instances: int, points: int) -> tuple[Cell, ...]:
    return cells(frames=frames, instances=[instances], points=[points])


TIARA_9A = Claim(
    id="TIARA-9a",
    paper=PAPER,
    title="Every reduction blurs a cut between two scenes, the more the larger it is",
    statement=r"|(\bar A v - v)_i| = (1 - \beta_i) \sum_{other scene} B_ij increases in a",
    source=UNSEEN,
    provenance="derived",
    statistic=Order(method="exact"),
    grid=Grid(quick=_random((8, 24), 20, 33), standard=_random((8, 24, 64), 50, 65)),
    measure=blur,
    control=NegativeControl(
        measure=blur_when_strengthened, because="a stronger diagonal keeps frames as they are"
    ),
    substitutes="a step for two still scenes, and random logits; no video model is involved",
    seconds={"quick": 0.1, "standard": 1.0},
)

STEP = 0.01


def least_flicker(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Reduction that leaves the least noise in a frame, on a fine grid, beside the closed form."""
    frames = cell["frames"]
    logits = _logits(cell, rng)[:, 0]
    grid = np.arange(-10.0, 20.0 + STEP / 2, STEP)
    gains = flicker_gain(logits[:, np.newaxis], grid[:, np.newaxis] * np.ones(frames))
    best = grid[gains.argmin(axis=1)]
    return {"value": best.ravel(), "reference": least_flicker_reduction(logits).ravel()}


def equal_weights(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the reduction that gives every frame the weight 1/N on itself, beside the same closed form."""
    logits = _logits(cell, rng)[:, 0]
    wanted = self_logit(logits) + np.log(cell["frames"] - 1)
    return {"value": wanted.ravel(), "reference": least_flicker_reduction(logits).ravel()}


TIARA_9B = Claim(
    id="TIARA-9b",
    paper=PAPER,
    title="Independent noise on frames is least at one reduction and grows beyond it",
    statement=r"argmin_a \sum_j \bar A_ij^2 = logit p_i - log \sum_j B_ij^2",
    source=UNSEEN,
    provenance="derived",
    statistic=Equality(atol=STEP),
    grid=Grid(quick=_random((8, 24), 5, 1), standard=_random((8, 24, 64), 5, 1)),
    measure=least_flicker,
    control=NegativeControl(
        measure=equal_weights,
        because="where other frames do not count alike, the weight 1/N on oneself is not the best",
    ),
    substitutes="random logits and independent noise; no video model is involved",
    seconds={"quick": 0.2, "standard": 1.0},
)

SELF_WEIGHT = (TIARA_7, TIARA_9A, TIARA_9B)
