"""No sink from too little data: few sequences read again and again, and bytes of real text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.verification.figures import Figure, band, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw the metric against steps, by amount of data, and for bytes."""
    import matplotlib.pyplot as plt

    few, letters = evidence["SINK-T10a"], evidence["SINK-T10b"].measure[0]
    item = few.measure[0]
    drawing, (top, bottom) = plt.subplots(2, 1, figsize=(3.5, 4.4))
    steps = item.data["steps"]
    curves = [(str(item.cell["sequences"]), item.data["sink"])]
    curves += [
        (str(amount), item.data["recorded"][:, :, place])
        for place, amount in enumerate(item.cell["recorded"])
    ]
    for index, (label, runs) in enumerate(curves):
        top.plot(
            steps, runs.mean(axis=0), color=f"C{index}", marker="os^"[index], markersize=2.5, label=label
        )
        band(top, steps, runs.min(axis=0), runs.max(axis=0))
    for other, style in zip(few.control, ("--", ":"), strict=False):
        label = f"control: {other.cell['sequences']}"
        control_line(top, steps, other.data["sink"].mean(axis=0), label=label, linestyle=style)
    top.plot(steps, item.data["endless"].mean(axis=0), color="C4", label="all new")
    top.set(ylabel=r"$\mathrm{Sink}_1^{0.3}$", ylim=(-0.03, 1.03), xlabel="step", xlim=(0, steps[-1]))
    top.legend(
        loc="lower center",
        bbox_to_anchor=(0.45, 1.0),
        ncols=3,
        columnspacing=1.0,
        handlelength=1.6,
        title="different sequences",
    )
    steps = letters.data["steps"]
    for index, (name, label) in enumerate(
        (("sink", r"$\mathrm{Sink}_1^{0.3}$"), ("value_drain", r"$\|v_1\|$ / mean $\|v_j\|$"))
    ):
        runs = letters.data[name]
        bottom.plot(
            steps, runs.mean(axis=0), color=f"C{index}", marker="os"[index], markersize=2.5, label=label
        )
        band(bottom, steps, runs.min(axis=0), runs.max(axis=0))
    bound_line(bottom, [0, steps[-1]], np.full(2, letters.bound), label="bound of the metric", linewidth=0.9)
    bottom.set(xlabel="step, bytes of text", ylabel="metric, ratio", xlim=(0, steps[-1]))
    bottom.set_ylim(bottom=-0.03)
    bottom.legend(
        loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=2, columnspacing=1.0, handlelength=1.6
    )
    return drawing


DATA_AMOUNT_FIGURE = Figure(
    name="data_amount",
    title="No sink below a threshold of data",
    caption="Top: share of validation sequences in which the importance of the first token exceeds 0.3, in "
    "the course of training on a number of different sequences that are read again and again, or on "
    "sequences that are all new. Dashed and dotted grey: the controls, some thousand sequences, from which "
    "the sink emerges. A transformer of one layer and one head trained on Bigram-Backcopy, whose first token "
    "is fixed. Bottom: two layers of four heads trained on bytes of Python's help topics, without a fixed "
    "token: the metric of the first position, and the length of its value over the mean of the others'. "
    "Black: what the claim allows the metric. Lines are means over training runs, bands their range. Both "
    "are in place of language models of 60 million weights trained on 50 million to 5 billion tokens (the "
    "paper's Figures 5 and 28).",
    claims=("SINK-T10a", "SINK-T10b"),
    draw=draw,
)
