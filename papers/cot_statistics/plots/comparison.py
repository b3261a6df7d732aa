"""Prompts with steps against vanilla prompts: on average, for one task, and with noisy steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.verification.figures import Figure, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence


def _relative(values: np.ndarray) -> np.ndarray:
    """Mean over instances, in units of that without demonstrations."""
    mean = values.mean(axis=0)
    return np.asarray(mean / mean[0])


def _average(ax: Axes, evidence: ClaimEvidence) -> None:
    for index, item in enumerate(evidence.measure):
        n, steps = np.array(item.cell["lengths"]), item.cell["steps"]
        vanilla = _relative(item.data["bound"])
        bound_line(ax, n, vanilla, label="vanilla (bound)" if index == 0 else "_", linewidth=0.8)
        if steps > 1:
            ax.annotate(
                f"$H={steps}$",
                (n[-1], vanilla[-1]),
                xytext=(3, -3 if steps == 2 else 2),  # two of the lines end side by side
                textcoords="offset points",
                fontsize=6,
                va="center",
            )
        ax.plot(
            n,
            _relative(item.data["value"]),
            "o-",
            color=f"C{index}",
            markersize=3,
            label=rf"with steps, $H={steps}$",
        )
    wrong = evidence.control[0]
    control_line(
        ax, np.array(wrong.cell["lengths"]), _relative(wrong.data["value"]), label="control: steps misread"
    )
    ax.set(xlabel="demonstrations $n$", ylabel="prompting error / at $n=0$", ylim=(0.0, None))
    ax.set_title("(a) average over tasks")


def _single(ax: Axes, evidence: ClaimEvidence) -> None:
    excess = evidence.measure[0].data["excess"]
    width = (excess.max() - excess.min()) / 40
    edges = width * np.arange(np.floor(excess.min() / width), np.ceil(excess.max() / width) + 1)
    for side, colour, label in (
        (excess < 0.0, "C0", "steps better"),
        (excess >= 0.0, "C3", "steps worse"),
    ):
        ax.hist(excess[side], bins=edges, color=colour, label=label)
    ax.axvline(0.0, color="black", linewidth=0.8)
    ax.set(yscale="log", xlabel="with steps \u2212 vanilla (nats)", ylabel="tasks and lengths")
    ax.set_title("(b) one task at a time, $H=2$")


def _noisy(ax: Axes, evidence: ClaimEvidence) -> None:
    for index, item in enumerate(evidence.measure):
        n, colour = item.data["n"], f"C{index + 4}"
        noise = item.cell["noise"]
        ax.plot(n, item.data["steps"], color=colour, label=rf"with steps, $\epsilon={noise:g}$")
        ax.plot(n, item.data["direct"], ":", color=colour, label=rf"vanilla, $\epsilon={noise:g}$")
    clean = evidence.control[0].data
    control_line(ax, clean["n"], clean["steps"], label=r"control: with steps, $\epsilon=0$")
    ax.set(yscale="log", xlabel="demonstrations $n$", ylabel="error (nats)", ylim=(5e-4, None))
    ax.set_title("(c) noisy steps, $H=3$")


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw the three comparisons side by side."""
    import matplotlib.pyplot as plt

    drawing, axes = plt.subplots(1, 3, figsize=(7.0, 3.1))
    _average(axes[0], evidence["COT-5c"])
    _single(axes[1], evidence["COT-5d"])
    _noisy(axes[2], evidence["COT-5e"])
    for ax in axes:
        ax.title.set_fontsize(8)
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.24), fontsize=6, handlelength=1.6)
    return drawing


COMPARISON_FIGURE = Figure(
    name="comparison",
    title="Prompts with steps against prompts with answers alone",
    caption="Exact means over all prompts, by enumeration. (a) Prompting error averaged over three tasks of "
    "H random binary steps and over random instances, in units of that without demonstrations: with "
    "steps (coloured) and vanilla (black, the bound, H beside it: steps are never worse in this "
    "average). With one step the two coincide, with more a gap opens. Dashed grey, the control: "
    "states in between taken for others by the posterior (H = 2), where steps hurt. (b) The "
    "difference of the two errors, task by task, n = 1 to 4: to the right of 0 prompts with steps "
    "are worse for the task demonstrated. The shares depend on how tasks are drawn; that there are "
    "such tasks does not. (c) A model whose every generated step is uniform with probability "
    "epsilon, on tasks of three near- permutations: steps win with few demonstrations and lose with "
    "many, since they pay for noise three times. Dashed grey, the control: no noise. The exact "
    "Bayesian average over a finite set of tasks stands for the language model, uniform slips for "
    "pretraining errors.",
    claims=("COT-5c", "COT-5d", "COT-5e"),
    draw=draw,
)
