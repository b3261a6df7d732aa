"""TIARA-S2: one step of attention as a denoiser, and how much to take off its diagonal."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from tightbound.simulators.video.one_step_denoise import DriftAndBurst, NoisyVideos, draw_videos, separation
from tightbound.theory._validation import Array
from tightbound.theory.video.reweighting import reduce_diagonal
from tightbound.theory.video.tiara import Reweighting, row_intensity, tiara_weights
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import Order

PAPER = "tiara"
ONE_STEP = (
    "one layer of attention with identity projections stands for a temporal layer, a point that drifts and "
    "for a while alternates for a video"
)
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0)
NEAR = (0.75, 1.0, 1.25, 1.5)
"""Reductions as multiples of sigma^2 sqrt(d); those strictly between one half and two."""
# the fast band begins past the main lobe of the window, 3 * 64 / 8
WINDOW = Reweighting(alpha=0.0, window_length=9, slow_below=24, abnormal_above=33)

Arrays = dict[str, Any]


def self_bias(noise: float, dim: int) -> float:
    """Return sigma^2 sqrt(d), by which noise raises the diagonal in expectation."""
    return noise**2 * math.sqrt(dim)


def _draw(cell: Cell, rng: np.random.Generator) -> NoisyVideos:
    model = DriftAndBurst(jump=cell.get("jump", 1.0))
    return draw_videos(model, cell["noise"], cell["runs"], rng=rng)


def _curves(videos: NoisyVideos, noise: float, shares: tuple[float, ...]) -> tuple[Array, Array]:
    """Return the errors on slow and on fast frames, shape (R, shares)."""
    bias = self_bias(noise, videos.model.dim)
    found = [videos.errors(reduce_diagonal(videos.logits, share * bias)) for share in shares]
    slow, fast = (np.stack(errors, axis=1) for errors in zip(*found, strict=True))
    return slow, fast


def _total(videos: NoisyVideos, slow: Array, fast: Array) -> Array:
    share = float(videos.model.fast.mean())
    return (1.0 - share) * slow + share * fast


def reduced_by_the_bias(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Errors without reweighting and with the bias taken off, on slow and fast frames, and curves.

    Besides, the errors under TiARA and the chance that a fast frame has the higher motion intensity.
    """
    videos = _draw(cell, rng)
    slow, fast = _curves(videos, cell["noise"], SHARES)
    bias = self_bias(cell["noise"], videos.model.dim)
    adaptive = [
        videos.errors(tiara_weights(videos.logits, replace(WINDOW, alpha=share * bias))) for share in SHARES
    ]
    intensity = row_intensity(videos.logits, WINDOW)
    none, full = SHARES.index(0.0), SHARES.index(1.0)
    return {
        "greater": np.stack([slow[:, none], fast[:, none]], axis=1),
        "smaller": np.stack([slow[:, full], fast[:, full]], axis=1),
        "x": bias * np.array([SHARES]),
        "slow": slow,
        "fast": fast,
        "tiara_slow": np.stack([errors[0] for errors in adaptive], axis=1),
        "tiara_fast": np.stack([errors[1] for errors in adaptive], axis=1),
        "auc": separation(intensity, videos.model.fast),
    }


def best_reduction(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Errors at half and twice the bias, and at the best share in between.

    The share is chosen on the first quarter of the videos and judged on the others.
    """
    videos = _draw(cell, rng)
    shares = (0.5, 2.0, *NEAR)
    total = _total(videos, *_curves(videos, cell["noise"], shares))
    cut = cell["runs"] // 4
    best = 2 + int(total[:cut, 2:].mean(axis=0).argmin())
    return {
        "greater": total[cut:, :2],
        "smaller": np.repeat(total[cut:, best, None], 2, axis=1),
        "share": np.array([shares[best]]),
    }


def overdone(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Errors on fast frames at four times the bias, and with the bias taken off."""
    videos = _draw(cell, rng)
    _, fast = _curves(videos, cell["noise"], (4.0, 1.0))
    return {"greater": fast[:, 0], "smaller": fast[:, 1]}


NOISY = Grid(
    quick=cells(noise=[0.5, 1.0], runs=[100]),
    standard=cells(noise=[0.5, 0.7, 1.0], runs=[400]),
    full=cells(noise=[0.5, 0.6, 0.7, 0.8, 0.9, 1.0], runs=[2000]),
)
QUIET = Grid(quick=cells(noise=[0.25], runs=[100]))

TIARA_S2A = Claim(
    id="TIARA-S2a",
    paper=PAPER,
    title="Under noise, taking its bias off the diagonal denoises better, on slow and on fast frames",
    statement=r"MSE(\alpha = 0) > MSE(\alpha = \sigma^2 \sqrt d) for sigma in [1/2, 1], coordinates being of "
    "size 1",
    source="derived: noise raises the diagonal by sigma^2 sqrt(d) (TIARA-7)",
    provenance="derived",
    statistic=Order(method="t"),
    grid=NOISY,
    measure=reduced_by_the_bias,
    control=NegativeControl(
        grid=QUIET,
        because="where there is little noise a frame is its own best estimate, and mixing only blurs it",
    ),
    substitutes=ONE_STEP,
    seconds={"quick": 0.8, "standard": 3.0},
)

TIARA_S2B = Claim(
    id="TIARA-S2b",
    paper=PAPER,
    title="The best fixed reduction lies between half and twice the bias",
    statement=r"MSE(\alpha^*/2), MSE(2 \alpha^*) > MSE(c \alpha^*) for the c in (1/2, 2) that is best on "
    r"other videos, \alpha^* = \sigma^2 \sqrt d",
    source="derived",
    provenance="derived",
    statistic=Order(method="t"),
    grid=Grid(
        quick=cells(noise=[0.5, 1.0], runs=[400]),
        standard=cells(noise=[0.5, 0.7, 1.0], runs=[1000]),
        full=cells(noise=[0.5, 0.6, 0.7, 0.8, 0.9, 1.0], runs=[4000]),
    ),
    measure=best_reduction,
    control=NegativeControl(
        grid=QUIET,
        because="where there is little noise the best reduction is none, so half the bias beats all of it",
    ),
    substitutes=ONE_STEP,
    seconds={"quick": 0.5, "standard": 2.5},
)

TIARA_S2C = Claim(
    id="TIARA-S2c",
    paper=PAPER,
    title="Beyond the bias, reweighting blurs fast frames again",
    statement=r"MSE on fast frames at 4 \sigma^2 \sqrt d > MSE on them at \sigma^2 \sqrt d",
    source="derived",
    provenance="derived",
    statistic=Order(method="t"),
    grid=Grid(
        quick=cells(noise=[0.5, 0.7], runs=[100]),
        # the difference is smaller than its noise where sigma is 1
        standard=cells(noise=[0.5, 0.7, 1.0], runs=[2500]),
    ),
    measure=overdone,
    control=NegativeControl(
        grid=Grid(quick=cells(noise=[1.0], runs=[200], jump=[0.0])),
        because="frames that do not alternate lose nothing by being averaged with their neighbours",
    ),
    substitutes=ONE_STEP,
    seconds={"quick": 0.1, "standard": 3.5},
)

DENOISE = (TIARA_S2A, TIARA_S2B, TIARA_S2C)
