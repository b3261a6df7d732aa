"""The sink metric against the number of tokens, at three thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.verification.figures import Figure, band, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw the metric of the longest networks, one curve per threshold, beside the same before training."""
    import matplotlib.pyplot as plt

    found = evidence["SINK-T11"]
    item, control = found.measure[-1], found.control[-1]
    lengths = item.data["lengths"]
    drawing, ax = plt.subplots(figsize=(3.5, 2.6))
    for index, eps in enumerate(item.data["thresholds"]):
        runs = item.data["metric"][:, :, index]
        ax.plot(
            lengths,
            runs.mean(axis=0),
            color=f"C{index}",
            marker="os^"[index],
            markersize=3.5,
            label=rf"$\varepsilon = {eps:g}$",
        )
        band(ax, lengths, runs.min(axis=0), runs.max(axis=0))
        control_line(
            ax,
            lengths,
            control.data["metric"][:, :, index].mean(axis=0),
            label="control, untrained" if index == 0 else "_",
            marker="os^"[index],
            markersize=2.5,
        )
    bound_line(ax, lengths[[0, -1]], np.full(2, item.bound), label="bound", linewidth=0.9)
    ax.set(xscale="log", xlabel="tokens $T$", ylabel=r"$\mathrm{Sink}_1^\varepsilon$", ylim=(-0.04, 1.04))
    ax.set_xticks(lengths, [str(int(length)) for length in lengths])
    ax.minorticks_off()
    drawing.legend(loc="outside upper center", ncols=3, columnspacing=1.0, handlelength=1.6)
    return drawing


THRESHOLDS_FIGURE = Figure(
    name="thresholds",
    title="The sink metric at several thresholds and lengths",
    caption="Share of validation sequences in which the importance of the first token, over the first T "
    "tokens, exceeds a threshold, at the end of training. Lines are means over training runs, bands their "
    "range. Black: what the claim asks for. Dashed grey, with the marks of the three thresholds: the "
    "control, the same networks before training. A transformer of one layer and one head trained on "
    "Bigram-Backcopy, whose first token is fixed, is in place of language models on natural text (the "
    "paper's Figure 3).",
    claims=("SINK-T11",),
    draw=draw,
)
