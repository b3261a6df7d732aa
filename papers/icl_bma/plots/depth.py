"""Error against depth: gradient descent in linear attention, and ReLU layers before Bayes' rule."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.verification.figures import Figure, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence
    from tightbound.verification.statistics.base import CellEvidence

PROMPT = {"demonstrations": 20, "ridge": 0.0}
LENGTH = {"demonstrations": 8}
FLOOR = 1e-13
OTHER_LAYERS = 3
"""Layers of the second network besides those that square."""


def _pick(cells: tuple[CellEvidence, ...], wanted: Mapping[str, float]) -> CellEvidence:
    return next(item for item in cells if wanted.items() <= item.cell.items())


def _descent(ax: Axes, evidence: Mapping[str, ClaimEvidence]) -> None:
    for index, (claim, label) in enumerate(
        (("ICL-8b", "gradient steps"), ("ICL-8d", "Chebyshev steps"), ("ICL-8e", "squaring"))
    ):
        data = _pick(evidence[claim].measure, PROMPT).data
        blocks, factor, distance = (data[name][0] for name in ("blocks", "factor", "distance"))
        depth = 2 * blocks + 2 if claim == "ICL-8e" else blocks
        kept, seen = factor > FLOOR, distance > FLOOR
        bound_line(ax, depth[kept], factor[kept], label="bound" if index == 0 else "_", linewidth=0.8)
        ax.plot(depth[seen], distance[seen], "o", markersize=2.0, color=f"C{index}", label=label)
    wrong = _pick(evidence["ICL-8b"].control, PROMPT).data
    control_line(ax, wrong["blocks"][0], wrong["distance"][0], label="control, steps 2.1/L")
    ax.set(xlabel="blocks of linear attention", ylabel=r"$|f_q - \langle q, w^*\rangle| / (\|q\|\,\|w^*\|)$")
    ax.set(yscale="log", ylim=(FLOOR, 1e3))


def _guide(depth: np.ndarray, bound: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the curve a exp(-c D^(1/4)) that touches the bound where it first is below 1/2."""
    start = int(np.argmax(bound < 0.5))
    first = float(depth[start])
    c = 4.0 * math.log(4.0) * first**0.75
    return depth[start:], bound[start] * np.exp(-c * (depth[start:] ** 0.25 - first**0.25))


def _squaring(ax: Axes, evidence: Mapping[str, ClaimEvidence]) -> None:
    data = _pick(evidence["ICL-8f"].measure, LENGTH).data
    wide = _pick(evidence["ICL-8f"].control, LENGTH).data
    depth = data["levels"][0] + float(OTHER_LAYERS)
    bound = data["bound"][0]
    bound_line(ax, depth, bound)
    ax.plot(depth, data["value"].max(axis=0), "o", markersize=2.5, label="largest over prompts")
    ax.plot(depth, data["value"].mean(axis=0), "s", markersize=2.5, label="mean over prompts")
    ax.plot(*_guide(depth, bound), color="C3", linestyle=":", label=r"guide $a\,e^{-cD^{1/4}}$")
    control_line(ax, depth, wide["value"].max(axis=0), label="control, one layer")
    ax.set(
        xlabel="depth $D$ in layers", ylabel="total variation to posterior", yscale="log", ylim=(1e-11, 3.0)
    )
    ax.set_xticks(np.arange(4, depth.max() + 1, 4))


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw both networks, one under the other."""
    import matplotlib.pyplot as plt

    drawing, (top, bottom) = plt.subplots(2, 1, figsize=(3.5, 5.2))
    _descent(top, evidence)
    _squaring(bottom, evidence)
    for ax in (top, bottom):
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, handlelength=1.8, columnspacing=1.2)
    return drawing


DEPTH_FIGURE = Figure(
    name="depth",
    title="Error of constructed networks against depth",
    caption="Top: linear attention on ridge regression (5 features, 20 demonstrations, no ridge; one random "
    "prompt per curve, largest error over 8 queries) whose blocks are gradient steps, steps with Chebyshev's "
    "momentum, or two blocks per squaring of the error. Black: the bounds rho^l, 2 r^l/(1 + r^(2l)) and "
    "rho^(2^k). Dashed grey: the control, steps of 2.1/L, which diverge. Bottom: ReLU layers that square "
    "residuals before two attention blocks of Bayes' rule, on 64 prompts of 8 demonstrations of one of 4 "
    "linear tasks. Black: the bound tanh(eta/4), a factor of 4 per layer. Dotted: a stretched exponential "
    "a exp(-c D^(1/4)), the shape that the printed proof gives for general targets, drawn to touch the bound "
    "where it falls below 1/2; its constants are not the paper's. Dashed grey: the control, as many ReLUs "
    "in one layer. Weights written down stand in for a pretrained transformer: the networks are "
    "ours, so the straight lines are consistent with the printed rate and do not confirm its exponent.",
    claims=("ICL-8b", "ICL-8d", "ICL-8e", "ICL-8f"),
    draw=draw,
)
