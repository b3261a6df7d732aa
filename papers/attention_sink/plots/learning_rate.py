"""The emergence of the sink at several learning rates, by steps and by steps times rate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tightbound.papers.attention_sink.checks.learning_rate import EARLY
from tightbound.verification.figures import Figure, band

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw the metric against steps and against steps of the fastest run."""
    import matplotlib.pyplot as plt

    drawing, axes = plt.subplots(2, 1, figsize=(3.5, 4.2))
    colours = {1: "C0", 2: "C1", 4: "C2", 8: "C3"}
    for ax, name in zip(axes, ("SINK-T6a", "SINK-T6b"), strict=True):
        items = evidence[name].measure
        longest = max(items, key=lambda item: item.data["steps"][-1])
        curves = [(1, longest.data["steps"], longest.data["fast"])]
        curves += [(item.cell["slower"], item.data["steps"], item.data["slow"]) for item in items]
        for factor, steps, runs in curves:
            rate = items[0].cell["learning_rate"] / factor
            ax.plot(
                steps,
                runs.mean(axis=0),
                color=colours[factor],
                marker="os^D"[(1, 2, 4, 8).index(factor)],
                markersize=2.5,
                label=rf"$\eta = {rate:g}$",
            )
            band(ax, steps, runs.min(axis=0), runs.max(axis=0))
        ax.axvspan(0, EARLY, color="0.85", linewidth=0.0, zorder=0)
        ax.set(ylabel=r"$\mathrm{Sink}_1^{0.3}$", ylim=(-0.03, 1.03), xlim=(0, longest.data["steps"][-1]))
    axes[0].set_xlabel("step")
    axes[1].set_xlabel(r"step $\times\ \eta\,/\,0.01$")
    handles = {text: line for ax in axes for line, text in zip(*ax.get_legend_handles_labels(), strict=True)}
    drawing.legend(
        handles.values(),
        handles.keys(),
        loc="outside upper center",
        ncols=3,
        columnspacing=1.0,
        handlelength=1.6,
    )
    return drawing


LEARNING_RATE_FIGURE = Figure(
    name="learning_rate",
    title="The sink emerges later at a smaller learning rate, even after proportionally more steps",
    caption="Share of validation sequences in which the importance of the first token exceeds 0.3, in the "
    "course of training at several learning rates: against steps (top), and against steps times rate, where "
    "slower runs take proportionally more steps and warm-up (bottom). Lines are means over training runs, "
    "bands their range. Grey area: the control, the first 50 steps, in which hardly any sequence has a sink "
    "and the rates are in no order yet. A transformer of one layer and one head trained on Bigram-Backcopy, "
    "whose first token is fixed, is in place of a language model of 60 million weights trained on natural "
    "text (the paper's Figure 4 and Table 9).",
    claims=("SINK-T6a", "SINK-T6b"),
    draw=draw,
)
