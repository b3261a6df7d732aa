"""The U of regret over the probability of exploration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tightbound.verification.figures import Figure, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence


MARKS = (("best", "at_best", "o", "least"), ("derived", "at_derived", "s", "derived"))
RECALLED = ("recalled", "at_recalled", "^", "recalled")


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw regret against the probability, for every eta at the largest T."""
    import matplotlib.pyplot as plt
    from matplotlib.lines import Line2D

    drawing, ax = plt.subplots(figsize=(3.5, 3.0))
    longest = max(item.cell["episodes"] for item in evidence["PLN-19a"].measure)
    chosen = [item for item in evidence["PLN-19a"].measure if item.cell["episodes"] == longest]
    for index, item in enumerate(chosen):
        data, colour = item.data, f"C{index}"
        ax.plot(data["eps"][1:], data["regret"][1:], color=colour, label=rf"$\eta={item.cell['eta']:g}$")
        for x, y, marker, _ in (*MARKS, RECALLED):
            ax.plot(data[x], data[y], marker, color=colour, markersize=4)
        ax.plot(data["expected"], data["at_best"], "+", color="black", markersize=7, markeredgewidth=0.8)
    middle = chosen[len(chosen) // 2]
    bound_line(
        ax,
        middle.data["eps"][1:],
        middle.data["curve_bound"][1:],
        label=rf"bound, $\eta={middle.cell['eta']:g}$",
    )
    same = {name: middle.cell[name] for name in ("eta", "episodes")}
    broken = next(item for item in evidence["PLN-19a"].control if same.items() <= item.cell.items())
    control_line(ax, broken.data["eps"][1:], broken.data["regret"][1:], label="control: $|Z|=8$")
    ax.set(xscale="log", yscale="log", xlabel=r"probability of exploration $\varepsilon$", ylabel="regret")
    ax.set_ylim(top=3e6 * longest / 1e5)
    first = ax.legend(loc="lower right")
    ax.add_artist(first)
    look: dict[str, Any] = {"color": "0.3", "linestyle": "", "markersize": 4}
    marks = [Line2D([], [], marker=marker, label=label, **look) for _, _, marker, label in (*MARKS, RECALLED)]
    marks.insert(
        1, Line2D([], [], marker="+", color="black", linestyle="", label=r"$1/\sqrt{2\eta T}$", markersize=7)
    )
    ax.legend(handles=marks, loc="upper right", ncols=2, columnspacing=1.0, handletextpad=0.3)
    return drawing


EXPLORATION_RATE_FIGURE = Figure(
    name="exploration_rate",
    title="Regret against the probability of exploration",
    caption="Exact regret on REVEAL with as many environments as episodes (T = 1e5 at quick size), in the "
    "environment where only trying is right, for three qualities eta of exploration. Circles: the least; "
    "crosses: where the leading terms put it, 1/sqrt(2 eta T). Squares: the probability that makes the "
    "derived bound least, larger by about sqrt(2L). Triangles: the probability as remembered from the "
    "paper, which decides nothing. Black: the derived bound for the middle eta, at most T. Dashed grey, "
    "the control: on one fixed instance, |Z| = 8, the U is gone, and no exploration is best. The exact "
    "posterior mixture of experts stands for the language model, a table for the reporter, one transition"
    " kernel for the actor.",
    claims=("PLN-19a",),
    draw=draw,
)
