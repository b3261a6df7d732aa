"""Variants of chain of thought: votes, search with a beam, and two modules in turn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.verification.figures import Figure, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence

Evidence = Mapping[str, "ClaimEvidence"]


def _legend(ax: Axes, title: str, columns: int) -> None:
    """Put title and legend above the panel, off the data."""
    ax.legend(
        loc="lower center",
        bbox_to_anchor=(0.45, 1.0),
        ncols=columns,
        title=title,
        title_fontsize=8,
        handlelength=1.4,
        columnspacing=0.9,
    )


def _votes(ax: Axes, evidence: Evidence) -> None:
    seen, copied = evidence["COT-6a"].measure[0].data, evidence["COT-6a"].control[0].data
    samples = seen["samples"][0]
    bound_line(ax, samples, seen["sharp"][0])
    ax.plot(samples, seen["error"][0], marker="o", label="vote of $K$")
    control_line(ax, samples, copied["error"][0], label="control: copies")
    ax.set(xlabel="sampled chains $K$", ylabel="error of the vote", yscale="log")
    _legend(ax, "(a) self-consistency, answer law known", 3)


def _prompts(ax: Axes, evidence: Evidence) -> None:
    item, shuffled = evidence["COT-6c"].measure[0], evidence["COT-6c"].control[0]
    lengths, voters = item.data["lengths"][0], item.cell["samples"]
    floors = item.data["floor"][0]
    for index, (count, floor) in enumerate(zip(voters, floors, strict=True)):
        ax.plot(lengths, item.data["error"][0][:, index], marker="o", label=f"$K = {count}$")
        ax.plot([lengths[0], lengths[-1]], [floor, floor], color=f"C{index}", linestyle=":", linewidth=0.8)
    control_line(ax, lengths, shuffled.data["error"][0][:, -1], label="control: shuffled")
    ax.set(xlabel="demonstrations $n$", ylabel="error of the vote", yscale="log")
    _legend(ax, "(b) self-consistency, task in the prompt", 3)


def _search(ax: Axes, evidence: Evidence) -> None:
    two, alone = evidence["COT-7c"].measure[0].data, evidence["COT-7c"].control[0].data
    prompted = evidence["COT-7b"].measure[0]
    proposals = two["proposals"][0]
    bound_line(ax, proposals, two["limit"][0], label="bound")
    ax.plot(proposals, two["failed"][0], marker="o", linestyle="none", label="garden, $B = 2$")
    control_line(ax, proposals, alone["failed"][0], label="control: $B = 1$")
    for index, n in enumerate(prompted.cell["lengths"]):
        ax.plot(
            prompted.data["proposals"][0],
            prompted.data["failed"][0][index],
            color=f"C{1 + index}",
            marker="s",
            markersize=2.5,
            label=f"$n = {n}$",
        )
    bound_line(ax, prompted.data["proposals"][0], prompted.data["limit"][0][-1], label="_", linewidth=0.8)
    ax.set(xlabel="proposals $k$", ylabel="chance to miss the target", yscale="log", ylim=(3e-6, 2.0))
    ax.set_xscale("log", base=2)
    ax.set_xlim(0.93, 17.5)
    _legend(ax, "(c) tree of thought", 3)


def _modules(ax: Axes, evidence: Evidence) -> None:
    seen, swapped = evidence["COT-7h"].measure[0], evidence["COT-7h"].control[0]
    lengths = seen.data["lengths"][0]
    bound_line(ax, lengths, seen.data["limit"][0])
    ax.plot(lengths, seen.data["apart"][0], marker="o", label="both prompted")
    control_line(ax, lengths, swapped.data["apart"][0], label="control: swapped")
    ax.set(xlabel="demonstrations $n$ of each module", ylabel="distance of the final states", yscale="log")
    _legend(ax, "(d) selection-inference", 3)


def draw(evidence: Evidence) -> Drawing:
    """Draw the four panels from the evidence of COT-6a, 6c, 7b, 7c and 7h."""
    import matplotlib.pyplot as plt

    drawing, axes = plt.subplots(2, 2, figsize=(7.0, 5.6))
    for ax, panel in zip(np.ravel(axes), (_votes, _prompts, _search, _modules), strict=True):
        panel(ax, evidence)
    return drawing


VARIANTS_FIGURE = Figure(
    name="variants",
    title="Self-consistency, tree of thought and selection-inference: exact errors and their bounds",
    caption="All curves are exact. (a) Chance that a vote over K sampled chains misses the likeliest of "
    "three answers of probabilities .5, .3 and .2. Black: the sum over rivals of (1 - (sqrt p_1 - sqrt "
    "p_y)^2)^K. Dashed grey: the control, one chain copied K times. (b) The same where the task has "
    "to be inferred from n demonstrations (two symmetric tasks of two noisy steps on three states), "
    "in the mean over prompts. Dotted: the floors of a known task, 1 - p_1 for one chain. With few "
    "demonstrations more votes do not help, for the prompt itself misleads. Dashed grey: the control, "
    "K = 125 with steps shuffled across demonstrations. (c) Blue: a beam of two on a garden path, "
    "whose likeliest first step (.55) is not that of its likeliest path. Thick black: its bound .55^k "
    "+ .05^k. Dashed grey: the control, a beam of one, which is led away the more surely the more it "
    "proposes. Squares: a beam of one on the tasks of (b) misses the greedy path, after n "
    "demonstrations. Thin black: the bound in n and k, for n = 24. (d) Mean total variation between "
    "the final states of the true and of the prompted modules after three rounds on two states, "
    "against the length of both prompts. Black: three times the sum of the bounds on the modules' "
    "doubts. Dashed grey: the control, a selection module that is fed inference demonstrations. The "
    "exact Bayesian average over two tasks stands for a pretrained language model, Markov steps on "
    "two or three symbols for steps of reasoning.",
    claims=("COT-6a", "COT-6c", "COT-7b", "COT-7c", "COT-7h"),
    draw=draw,
)
