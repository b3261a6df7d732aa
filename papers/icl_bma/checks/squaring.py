"""ICL-8f, ICL-8g: ReLU layers that square residuals, before two attention blocks of Bayes' rule."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tightbound.papers.icl_bma.checks._depth import PAPER, SOURCE, WRITTEN, Arrays, one
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, ExponentialRate


def _line_tasks(cell: Cell, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw regression tasks on the unit sphere and prompts (R, n, d + 1) of tokens (c, r)."""
    dim, tasks = cell["dim"], cell["tasks"]
    weights = rng.standard_normal((tasks, dim))
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    truth = rng.integers(tasks, size=cell["prompts"])
    inputs = rng.uniform(-1.0, 1.0, size=(cell["prompts"], cell["demonstrations"], dim))
    noise = cell["noise"] * rng.standard_normal(inputs.shape[:2])
    targets = (inputs * weights[truth][:, None]).sum(axis=-1) + noise
    maps = np.concatenate([-weights, np.ones((tasks, 1))], axis=1)[:, None]
    prompts = np.concatenate([inputs, targets[..., None]], axis=-1)
    return maps, np.full(tasks, 1.0 / tasks), prompts


def _exact_posterior(maps: np.ndarray, prior: np.ndarray, prompts: np.ndarray, noise: float) -> np.ndarray:
    from scipy.special import log_softmax

    residual = np.einsum("mkd,rnd->rnmk", maps, prompts)
    logits = -(residual**2).sum(axis=(1, 3)) / (2.0 * noise**2) + np.log(prior)
    return np.asarray(np.exp(log_softmax(logits, axis=-1)))


def _squares(cell: Cell, wide: bool) -> list[Any]:
    """Return the networks that square: L levels, or one layer with as many ReLUs."""
    from tightbound.theory.in_context.networks.relu_square import interpolated_square, relu_square

    deep = [relu_square(level) for level in cell["levels"]]
    return [interpolated_square(square.relus) for square in deep] if wide else deep


def _total_variation(cell: Cell, rng: np.random.Generator, wide: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the error of the network for every prompt and depth, and the bound of the deep one."""
    from tightbound.theory.in_context.networks.relu_posterior import relu_posterior_network

    maps, prior, prompts = _line_tasks(cell, rng)
    exact = _exact_posterior(maps, prior, prompts, cell["noise"])
    how = {"scale": cell["scale"], "noise": cell["noise"]}
    found, bound = [], []
    for square, deep in zip(_squares(cell, wide), _squares(cell, False), strict=True):
        weights = relu_posterior_network(maps, prior, square, **how)(prompts)
        found.append(0.5 * np.abs(weights - exact).sum(axis=-1))
        bound.append(relu_posterior_network(maps, prior, deep, **how).bound(cell["demonstrations"]))
    return np.stack(found, axis=-1), np.array(bound)


def _against_levels(cell: Cell, rng: np.random.Generator, wide: bool) -> Arrays:
    value, bound = _total_variation(cell, rng, wide)
    return {"value": value, "bound": bound[None], "levels": np.array([cell["levels"]])}


def deep_posterior(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Total variation to the posterior for every number of levels, beside tanh(eta/4)."""
    return _against_levels(cell, rng, False)


def wide_posterior(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for a single layer that has as many ReLUs as the levels together."""
    return _against_levels(cell, rng, True)


LINES: dict[str, list[Any]] = {"dim": [2], "tasks": [4], "noise": [1.0], "scale": [16.0]}
WIDER = "one layer of W ReLUs interpolates the square with an error of order W^-2, whatever its weights"

ICL_8F = Claim(
    id="ICL-8f",
    paper=PAPER,
    title="ReLU layers and two attention blocks reach the posterior up to an error exponential in depth",
    statement=r"TV(network, posterior) <= tanh(eta/4), eta = n A^2 4^{-(L+1)}/(2 sigma^2)",
    source=SOURCE,
    provenance="derived",
    statistic=BoundHolds(method="exact", slack=1e-12),
    grid=Grid(
        quick=cells(**LINES, demonstrations=[2, 8], levels=[tuple(range(1, 19))], prompts=[64]),
        standard=cells(
            **LINES, demonstrations=[1, 2, 8, 32, 128], levels=[tuple(range(1, 19))], prompts=[128]
        ),
    ),
    measure=deep_posterior,
    trivial=one,
    control=NegativeControl(measure=wide_posterior, because=WIDER),
    substitutes=WRITTEN,
    seconds={"quick": 0.2, "standard": 3.0},
)


def _batches(cell: Cell, rng: np.random.Generator, wide: bool) -> Arrays:
    value, _ = _total_variation(cell, rng, wide)
    means = value.reshape(cell["batches"], -1, value.shape[-1]).mean(axis=1)
    return {"x": np.array(cell["levels"], dtype=np.float64), "value": means}


def deep_slope(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Mean error of batches of prompts against the number of levels."""
    return _batches(cell, rng, False)


def wide_slope(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for a single layer that has as many ReLUs as the levels together."""
    return _batches(cell, rng, True)


ICL_8G = Claim(
    id="ICL-8g",
    paper=PAPER,
    title="The error falls by a factor of 4 with every level, down to rounding",
    statement=r"slope of log TV per level = -log 4 within 3 %",
    source=SOURCE,
    provenance="derived",
    statistic=ExponentialRate(
        target=-math.log(4.0),
        side="two-sided",
        tolerance=0.03 * math.log(4.0),
        floor=1e-13,
        method="per_seed",
    ),
    grid=Grid(
        quick=cells(**LINES, demonstrations=[8], levels=[tuple(range(6, 20))], prompts=[1280], batches=[40]),
        standard=cells(
            **LINES, demonstrations=[2, 8, 32], levels=[tuple(range(6, 20))], prompts=[2560], batches=[64]
        ),
    ),
    measure=deep_slope,
    control=NegativeControl(measure=wide_slope, because=WIDER),
    substitutes=WRITTEN,
    seconds={"quick": 2.0, "standard": 13.0},
)

SQUARING = (ICL_8F, ICL_8G)
