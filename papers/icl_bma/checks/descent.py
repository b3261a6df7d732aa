"""ICL-8a to ICL-8e: blocks of linear attention that descend, momentum and squaring included."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tightbound.papers.icl_bma.checks._depth import PAPER, SOURCE, WRITTEN, Arrays, one
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Equality, ExponentialRate

ROUNDING = 1e-12
"""Relative to ||q|| ||w*||, for condition numbers below 100 and sums of 100 terms."""


def _regression(cell: Cell, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw one prompt for linear regression: inputs (T, d), targets (T,), queries (Q, d)."""
    dim, count = cell["dim"], cell["demonstrations"]
    inputs = rng.standard_normal((count, dim))
    targets = inputs @ rng.standard_normal(dim) + 0.5 * rng.standard_normal(count)
    return inputs, targets, rng.standard_normal((cell["queries"], dim))


FIXED = {"too long": 2.1, "short": 1.0}
"""Steps in units of 1/L."""


def _schedule(method: str, blocks: int, bounds: tuple[float, float]) -> Any:
    from tightbound.theory.in_context.networks import linear_attention as la

    if method in FIXED:
        return la.Schedule(np.full(blocks, FIXED[method] / bounds[1]), np.zeros(blocks))
    return getattr(la, f"{method}_schedule")(blocks, *bounds)


def _descent(
    inputs: np.ndarray, targets: np.ndarray, ridge: float, step: np.ndarray, momentum: np.ndarray
) -> np.ndarray:
    """Return the weights of explicit gradient descent after every step, shape (steps + 1, d)."""
    weights = [np.zeros(inputs.shape[1])]
    before = weights[0]
    for eta, beta in zip(step, momentum, strict=True):
        now = weights[-1]
        slope = inputs.T @ (inputs @ now - targets) + ridge * now
        weights.append(now + beta * (now - before) - eta * slope)
        before = now
    return np.stack(weights)


def _against_descent(cell: Cell, rng: np.random.Generator, kept: float) -> Arrays:
    from tightbound.theory.in_context.networks.linear_attention import linear_attention_stack, spectrum

    inputs, targets, queries = _regression(cell, rng)
    ridge = cell["ridge"]
    schedule = _schedule(cell["method"], cell["blocks"], spectrum(inputs, ridge))
    stack = linear_attention_stack(cell["dim"], schedule.step, momentum=schedule.momentum, ridge=kept * ridge)
    scale = np.linalg.norm(queries, axis=1)
    return {
        "value": (stack(inputs, targets, queries) / scale)[None],
        "reference": (_descent(inputs, targets, ridge, *schedule) @ queries.T / scale)[None],
    }


def block_is_a_step(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Prediction of the stack and of explicit gradient descent, after every block."""
    return _against_descent(cell, rng, 1.0)


def block_without_decay(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for blocks whose skip connection is the identity."""
    return _against_descent(cell, rng, 0.0)


ICL_8A = Claim(
    id="ICL-8a",
    paper=PAPER,
    title="A block of linear attention is one step of gradient descent on ridge regression",
    statement=r"f_q after l blocks = <q, w_l>, w_{l+1} = w_l + beta_l (w_l - w_{l-1}) - eta_l (G w_l - X'y)",
    source=SOURCE,
    provenance="derived",
    statistic=Equality(atol=ROUNDING),
    grid=Grid(
        quick=cells(
            method=["gradient", "chebyshev"],
            dim=[5],
            demonstrations=[3, 40],
            ridge=[0.5],
            blocks=[40],
            queries=[8],
        ),
        standard=cells(
            method=["gradient", "chebyshev"],
            dim=[2, 5, 12],
            demonstrations=[3, 40, 200],
            ridge=[0.5, 4.0],
            blocks=[100],
            queries=[8],
        ),
    ),
    measure=block_is_a_step,
    control=NegativeControl(
        measure=block_without_decay,
        because="a plain residual connection has no weight decay: its fixed point is not the ridge solution",
    ),
    substitutes=WRITTEN,
    seconds={"quick": 0.1, "standard": 0.5},
)


def _distance(cell: Cell, rng: np.random.Generator, method: str) -> tuple[np.ndarray, tuple[float, float]]:
    """Return |f_q - <q, w*>| / (||q|| ||w*||), shape (blocks + 1, Q), and the spectrum."""
    from tightbound.theory.in_context.networks.linear_attention import linear_attention_stack, spectrum
    from tightbound.theory.in_context.networks.newton_schulz import newton_schulz_network

    inputs, targets, queries = _regression(cell, rng)
    ridge, dim = cell["ridge"], cell["dim"]
    bounds = spectrum(inputs, ridge)
    if method == "newton":
        found = newton_schulz_network(dim, cell["blocks"], *bounds, ridge=ridge)(inputs, targets, queries)
    else:
        schedule = _schedule(method, cell["blocks"], bounds)
        stack = linear_attention_stack(dim, schedule.step, momentum=schedule.momentum, ridge=ridge)
        found = stack(inputs, targets, queries)
    best = np.linalg.solve(inputs.T @ inputs + ridge * np.eye(dim), inputs.T @ targets)
    size = np.linalg.norm(queries, axis=1) * np.linalg.norm(best)
    return np.abs(found - queries @ best) / size, bounds


def _contraction(cell: Cell, rng: np.random.Generator, method: str, bound: str) -> Arrays:
    from tightbound.theory.in_context.networks import linear_attention as la

    distance, bounds = _distance(cell, rng, method)
    blocks = np.arange(cell["blocks"] + 1)
    factor = (
        la.chebyshev_bound(blocks, *bounds) if bound == "chebyshev" else la.gradient_bound(blocks, *bounds)
    )
    if bound == "newton":
        factor = la.gradient_bound(2.0**blocks, *bounds)
    seen = factor > ROUNDING
    return {
        "value": distance.T[:, seen],
        "bound": factor[None, seen],
        "blocks": blocks[None],
        "distance": distance.max(axis=1)[None],
        "factor": factor[None],
    }


def gradient_stack(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Distance to the ridge solution after every block of plain gradient steps, beside rho^l."""
    return _contraction(cell, rng, "gradient", "gradient")


def diverging_stack(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for steps of size 2.1/L."""
    return _contraction(cell, rng, "too long", "gradient")


def chebyshev_stack(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Distance after every block of Chebyshev steps, beside their bound."""
    return _contraction(cell, rng, "chebyshev", "chebyshev")


def gradient_for_chebyshev(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the distance after plain gradient steps, beside Chebyshev's bound."""
    return _contraction(cell, rng, "gradient", "chebyshev")


def newton_schulz(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Distance after every squaring of the error, beside rho^(2^k)."""
    return _contraction(cell, rng, "newton", "newton")


def gradient_for_newton(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the distance after plain gradient steps, beside the bound on squarings."""
    return _contraction(cell, rng, "gradient", "newton")


def _prompts(blocks: int, sizes: list[int], ridge: list[float]) -> Any:
    return cells(dim=[5], demonstrations=sizes, ridge=ridge, blocks=[blocks], queries=[8])


REGRESSIONS = Grid(
    quick=_prompts(60, [20, 60], [0.0, 2.0]), standard=_prompts(200, [10, 20, 60, 200], [0.0, 2.0])
)

ICL_8B = Claim(
    id="ICL-8b",
    paper=PAPER,
    title="The error of the stack shrinks by rho in every block",
    statement=r"|f_q - <q, w*>| <= ||q|| ||w*|| rho^l, rho = (L - mu)/(L + mu), eta = 2/(mu + L)",
    source=SOURCE,
    provenance="derived",
    statistic=BoundHolds(method="exact", slack=0.1 * ROUNDING),
    grid=REGRESSIONS,
    measure=gradient_stack,
    trivial=one,
    control=NegativeControl(
        measure=diverging_stack,
        because="a step of 2.1/L multiplies the component along the largest eigenvalue by -1.1",
    ),
    substitutes=WRITTEN,
    seconds={"quick": 0.1, "standard": 0.5},
)


FIRST = 8
"""Blocks before which components other than the two slowest are still seen."""


def _rate(cell: Cell, rng: np.random.Generator, method: str) -> Arrays:
    """Return the root mean square over queries against -l log rho, so that the rate is -1."""
    from tightbound.theory.in_context.networks.linear_attention import contraction_factor

    distance, bounds = _distance(cell, rng, method)
    blocks = np.arange(cell["blocks"] + 1)[FIRST:]
    value = np.sqrt((distance[FIRST:] ** 2).mean(axis=1))
    return {"x": -blocks * math.log(contraction_factor(*bounds)), "value": value[None]}


def gradient_rate(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Error of the stack with steps 2/(mu + L) against depth in units of the rate."""
    return _rate(cell, rng, "gradient")


def half_step_rate(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with steps 1/L."""
    return _rate(cell, rng, "short")


ICL_8C = Claim(
    id="ICL-8c",
    paper=PAPER,
    title="The fitted rate of the stack is log rho",
    statement=r"slope of log error per block = log rho within 5 %",
    source=SOURCE,
    provenance="derived",
    statistic=ExponentialRate(target=-1.0, side="two-sided", tolerance=0.05, floor=ROUNDING, method="exact"),
    grid=REGRESSIONS,
    measure=gradient_rate,
    control=NegativeControl(
        measure=half_step_rate,
        because="with steps of 1/L the error shrinks by 1 - mu/L in a block, about half as fast",
    ),
    substitutes=WRITTEN,
    seconds={"quick": 0.1, "standard": 0.5},
)

ICL_8D = Claim(
    id="ICL-8d",
    paper=PAPER,
    title="With a momentum coordinate the stack reaches Chebyshev's bound",
    statement=r"|f_q - <q, w*>| <= ||q|| ||w*|| 2 r^l/(1 + r^{2l}), r = (sqrt(L/mu) - 1)/(sqrt(L/mu) + 1)",
    source=SOURCE,
    provenance="derived",
    statistic=BoundHolds(method="exact", slack=0.1 * ROUNDING),
    grid=REGRESSIONS,
    measure=chebyshev_stack,
    trivial=one,
    control=NegativeControl(
        measure=gradient_for_chebyshev,
        because="plain gradient steps shrink the error by rho, which is nearer to 1 than r",
    ),
    substitutes=WRITTEN,
    seconds={"quick": 0.1, "standard": 0.5},
)

ICL_8E = Claim(
    id="ICL-8e",
    paper=PAPER,
    title="Blocks that multiply matrices square the error: doubly exponential in depth",
    statement=r"|f_q - <q, w*>| <= ||q|| ||w*|| rho^{2^k} after 2k + 2 blocks",
    source=SOURCE,
    provenance="derived",
    statistic=BoundHolds(method="exact", slack=0.1 * ROUNDING),
    grid=Grid(quick=_prompts(8, [20, 60], [0.0, 2.0]), standard=_prompts(10, [10, 20, 60, 200], [0.0, 2.0])),
    measure=newton_schulz,
    trivial=one,
    control=NegativeControl(
        measure=gradient_for_newton,
        because="a gradient step multiplies the error by rho and does not square it",
    ),
    substitutes=WRITTEN,
    seconds={"quick": 0.1, "standard": 0.2},
)

DESCENT = (ICL_8A, ICL_8B, ICL_8C, ICL_8D, ICL_8E)
