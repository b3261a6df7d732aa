"""Prompts with wrong responses: all of them, or a share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.verification.figures import Figure, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence
    from tightbound.verification.statistics.base import CellEvidence

SHOWN = {"two near": ("2 tokens tell", "o"), "two far": ("4 tokens tell", "s")}
FLOOR = 0.05


def _cell(items: tuple[CellEvidence, ...], book: str) -> CellEvidence:
    wanted = {"book": book, "floor": FLOOR}
    return next(one for one in items if wanted.items() <= one.cell.items() and "first" not in one.cell)


def _rewritten(ax: Axes, evidence: Mapping[str, ClaimEvidence]) -> None:
    for index, (book, (name, marker)) in enumerate(SHOWN.items()):
        item = _cell(evidence["ICL-13a"].measure, book)
        x, bound = item.data["x"], item.data["bound"][0]
        bound_line(ax, x, bound, label="bound" if index == 0 else "_")
        ax.plot(x, item.data["value"][0], color=f"C{index}", marker=marker, label=name)
    printed = _cell(evidence["ICL-13f"].measure, "two far")
    ax.plot(x, printed.data["bound"][0], color="C3", linestyle="-.", label="printed term, 4 tokens")
    broken = _cell(evidence["ICL-13a"].control, "two near")
    control_line(ax, x, broken.data["value"][0], label="control: no such token")
    ax.set(yscale="log", ylim=(1e-33, 1e3), xlabel="examples $t$, all responses rewritten")
    ax.set_ylabel("posterior error")
    ax.legend(loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=2, handlelength=1.6, columnspacing=1.0)


def _share(ax: Axes, evidence: Mapping[str, ClaimEvidence]) -> None:
    noise = min(one.cell["noise"] for one in evidence["ICL-9d"].measure if one.cell["noise"] >= 0.2)
    items = [one for one in evidence["ICL-9d"].measure if one.cell["noise"] == noise]
    shares = [one.cell["share"] for one in items]
    errors = np.stack([one.data["error"][0] for one in items])
    at = float(np.asarray(items[0].data["threshold"]).reshape(-1)[0])
    bound_line(ax, [shares[0], at, at, shares[-1]], [0, 0, 1, 1], label=r"$n \to \infty$", linewidth=1.0)
    for count, column in zip(items[0].data["x"].reshape(-1), errors.T, strict=False):
        ax.plot(shares, column, marker="o", markersize=2.5, label=f"$n = {count:.0f}$")
    ax.axvline(at, color="black", linestyle=":", linewidth=1.0)
    ax.text(at - 0.01, 1.06, "drift 0", fontsize=6, ha="right", va="bottom")
    ax.set(xlabel="share of labels replaced by the decoy's", ylabel="posterior error", ylim=(-0.04, 1.18))
    ax.legend(loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=4, handlelength=1.2, columnspacing=0.7)


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw both panels."""
    import matplotlib.pyplot as plt

    drawing, (top, bottom) = plt.subplots(2, 1, figsize=(3.5, 4.6))
    _rewritten(top, evidence)
    _share(bottom, evidence)
    drawing.align_ylabels()
    return drawing


LABEL_CORRUPTION_FIGURE = Figure(
    name="label_corruption",
    title="Posterior error where responses in the prompt are wrong",
    caption="Top: exact posterior weight of wrong tasks after t examples, every response rewritten to the "
    "symbol that the truth finds least likely (two tasks, binary tokens, all probabilities at least 0.05), "
    "for covariates with two or four tokens that depend on the task. Black: the derived bound, exponential "
    "in t. Dash-dotted: the term of the printed proof, exponential in the root of t. Dashed grey: the "
    "control, covariates that do not depend on the task, where the error rises to 1. Bottom: exact posterior "
    "error with three tasks that prefer one label each (probability 0.8), against the share of labels "
    "replaced by a wrong task's. Black: the limit of many examples; it jumps where the drift of the log odds "
    "changes sign (dotted). The exact posterior over finitely many tasks stands in for a language model.",
    claims=("ICL-9d", "ICL-13a", "ICL-13f"),
    draw=draw,
)
