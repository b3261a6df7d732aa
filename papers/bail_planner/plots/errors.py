"""Regret per episode against the error of the language model, and against the error of the Reporter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tightbound.verification.figures import Figure, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence

INSTANCES = ("REVEAL", "LOCK")
NOISE = {"uniform": ("uniform", "o"), "adversarial": ("worst", "s")}


def _language_model(ax: Axes, evidence: Mapping[str, ClaimEvidence]) -> None:
    errors = evidence["PLN-12a"].measure[0].data["x"]
    for steps, at in ((1, (0.127, 0.184)), (3, (0.028, 0.2))):
        line = steps**2 * errors
        bound_line(ax, errors, line, label="bound" if steps == 1 else "_", linewidth=2.4, zorder=1)
        ax.text(*at, rf"$(H-1)^2\delta$, $H={steps + 1}$", fontsize=6)
    for item in evidence["PLN-12a"].measure:
        index = 2 * INSTANCES.index(item.cell["instance"]) + (item.cell["noise"] == "adversarial")
        name, marker = NOISE[item.cell["noise"]]
        label = f"{item.cell['instance']}, {name}"
        ax.plot(errors, item.data["value"][0], color=f"C{index}", marker=marker, markersize=2.5, label=label)
    control_line(ax, errors, evidence["PLN-12a"].control[0].data["value"][0], label="control: no noise")
    ax.set(xlabel=r"error of the language model, $\delta$", ylabel="regret per episode")
    ax.set(ylim=(-0.02, 0.5), xlim=(0.0, 0.205), xticks=[0.0, 0.05, 0.1, 0.15, 0.2])
    ax.legend(loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=3, handlelength=1.4, columnspacing=0.9)


def _reporter(ax: Axes, evidence: Mapping[str, ClaimEvidence]) -> None:
    seen, swapped = evidence["PLN-15e"].measure[0], evidence["PLN-15e"].control[0]
    errors, at = seen.data["error"][0], float(seen.data["threshold"][0])
    bound_line(ax, [errors[0], at, at, errors[-1]], [0, 0, 1, 1], label=r"$T \to \infty$", linewidth=1.0)
    for length, share in zip(seen.data["episodes"][0], seen.data["share"][0], strict=True):
        ax.plot(errors, share, marker="o", markersize=2.5, label=f"$T = {length}$")
    control_line(ax, errors, swapped.data["share"][0, -1], label="control: swapped")
    ax.axvline(at, color="black", linestyle=":", linewidth=1.0)
    ax.axvline(0.5, color="0.5", linestyle=":", linewidth=1.0)
    for x, text, side in ((at, "$D = 0$", "left"), (0.5, "coin", "right")):
        shift = 0.012 if side == "left" else -0.012
        ax.text(x + shift, 1.08, text, fontsize=6, ha=side, va="bottom")
    ax.set(xlabel="chance of a wrong report", ylabel="regret per episode\n(cost of a wrong subgoal)")
    ax.set_xlim(errors[0] - 0.02, errors[-1] + 0.02)
    ax.set_ylim(-0.04, 1.18)
    ax.legend(loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=4, handlelength=1.2, columnspacing=0.7)


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw both panels from the evidence of PLN-12a and PLN-15e."""
    import matplotlib.pyplot as plt

    drawing, (top, bottom) = plt.subplots(2, 1, figsize=(3.5, 4.8))
    _language_model(top, evidence)
    _reporter(bottom, evidence)
    return drawing


ERRORS_FIGURE = Figure(
    name="errors",
    title="Regret per episode against the errors of the language model and of the Reporter",
    caption="Top: regret of an exploiting episode once the environment is known, when a share delta of the "
    "language model's answers is noise (uniform, or the worst subgoal), exact on REVEAL (3 "
    "environments, one decision) and LOCK (three decisions). Black: the bound (H-1)^2 delta, attained "
    "on REVEAL by adversarial noise. Dashed grey: the control, answers without noise. Bottom: exact "
    "regret per episode of epsilon-greedy planning on REPORTED-TRIAL, in units of what a wrong "
    "subgoal costs, against the chance that the Reporter is wrong; planners assume 1/9. Dotted black: "
    "where the drift D of the posterior changes sign, the phase transition; black: the limit of many "
    "episodes. A report is worse than a coin from the grey dotted line on. Dashed grey: the control, "
    "a planner that takes each environment for the other. The exact Bayes posterior mixture stands in "
    "for a GPT-scale language model, tables for the Reporter, a product of tabular kernels for the "
    "Actor.",
    claims=("PLN-12a", "PLN-15e"),
    draw=draw,
)
