"""Regret of the average over tasks beside its bounds, and of a continuous concept, which no log M bounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.verification.figures import Figure, band, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence

FROM_PRIOR = {"model": "independent", "prior": "uniform", "source": "prior"}


def draw_regret(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw cumulative regret against T for three numbers of tasks."""
    import matplotlib.pyplot as plt

    drawing, ax = plt.subplots(figsize=(3.5, 2.9))
    cells = [item for item in evidence["ICL-2a"].measure if FROM_PRIOR.items() <= item.cell.items()]
    controls = {item.cell["tasks"]: item.data for item in evidence["ICL-2a"].control}
    for index, item in enumerate(cells):
        tasks, data, colour = item.cell["tasks"], item.data, f"C{index}"
        bound_line(ax, data["x"], np.full(data["x"].size, np.log(tasks)), label="bound" if not index else "_")
        ax.text(data["x"][-1] * 1.15, np.log(tasks), rf"$\log {tasks}$", fontsize=6, va="center")
        ax.plot(data["x"], data["mean"], label=f"$M={tasks}$", color=colour)
        reach = 2.0 * data["error"]
        band(ax, data["x"], np.maximum(data["mean"] - reach, 1e-3), data["mean"] + reach)
        ax.plot(data["x"], data["largest"], linestyle=":", color=colour)
        control_line(
            ax, controls[tasks]["x"], controls[tasks]["mean"], label="control: frozen" if not index else "_"
        )
    ax.plot([], [], color="0.3", linestyle=":", label="largest seen")
    ax.set(xscale="log", yscale="log", xlabel="demonstrations $T$", ylabel=r"$T\cdot$regret (nats)")
    ax.set_ylim(bottom=0.3, top=300.0)
    ax.set_xlim(right=2.5 * cells[0].data["x"][-1])
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, handlelength=1.8, columnspacing=1.2)
    return drawing


def draw_concept(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw cumulative regret against T for finitely many tasks and for Gaussian concepts."""
    import matplotlib.pyplot as plt

    drawing, ax = plt.subplots(figsize=(3.5, 2.9))
    for index, item in enumerate(evidence["ICL-3e"].measure):
        d, x, y = item.cell["d"], item.data["curve_x"], item.data["curve"]
        bound_line(ax, x, 0.5 * d * np.log1p(x), label=r"$\frac{d}{2}\log(1+T)$" if not index else "_")
        ax.plot(x, y, marker="o", linestyle="none", color=f"C{index}", label=f"continuous, $d={d}$")
    plain = evidence["ICL-3e"].control[0].data
    control_line(ax, plain["curve_x"], plain["curve"], label="control: $M=4$ tasks")
    ax.axhline(np.log(4.0), color="black", linewidth=0.8, linestyle="-.", label=r"$\log 4$")
    ax.set(xscale="log", xlabel="demonstrations $T$", ylabel=r"mean $T\cdot$regret (nats)")
    ax.legend(loc="upper left", labelspacing=0.3)
    return drawing


REGRET_FIGURE = Figure(
    name="regret",
    title="Regret of Bayesian model averaging over finitely many tasks",
    caption="Cumulative regret against the best task in hindsight, for M random tables with a uniform prior "
    "(two covariates, four responses, laws from Dirichlet(1)), on demonstrations of a task drawn from "
    "the prior. Lines: the mean, with a band of two standard errors; dotted: the largest over the "
    "sequences. It rises to its bound, log M (black), and never crosses it. Dashed grey, the controls: "
    "averages that keep the prior weights, on tables drawn alike, whose regret is linear in T. Exact "
    "averaging over known tables stands for a perfectly pretrained language model.",
    claims=("ICL-2a",),
    draw=draw_regret,
)

CONCEPT_FIGURE = Figure(
    name="concept",
    title="A continuous concept costs (d/2) log T",
    caption="Mean cumulative regret against the true concept, exactly. Dots: a Gaussian linear concept of "
    "dimension d with unit noise and standard normal features (mean over draws of the features). Black: "
    "(d/2) log(1 + T), a bound on the mean over features, since the log-determinant is concave. The "
    "average regret thus falls like log T / T. Dashed grey, the control: one of four coins, whose "
    "regret stops at the entropy of the prior, log 4 (dash-dotted), so that its average regret falls "
    "like 1/T. Exact averaging stands for a perfectly pretrained language model.",
    claims=("ICL-3e",),
    draw=draw_concept,
)
