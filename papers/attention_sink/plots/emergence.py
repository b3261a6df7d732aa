"""A sink and the drain of its value, in the course of training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.verification.figures import Figure, band, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw the sink metric and the value drain against steps."""
    import matplotlib.pyplot as plt

    drawing, axes = plt.subplots(3, 1, figsize=(3.5, 4.8), sharex=True)
    panels = (
        ("SINK-T1a", "sink", r"$\mathrm{Sink}_1^{0.3}$", True),
        ("SINK-T1b", "value_drain", r"$\|v_1\| \,/\, \mathrm{mean}\,\|v_j\|$", True),
        ("SINK-T1a", "excess_loss", "loss minus\nfloor, nats", False),
    )
    for ax, (name, what, label, bounded) in zip(axes, panels, strict=True):
        item, control = evidence[name].measure[0], evidence[name].control[0]
        steps, runs = item.data["steps"], item.data[what]
        ax.plot(steps, runs.mean(axis=0), color="C0", label="trained")
        band(ax, steps, runs.min(axis=0), runs.max(axis=0))
        control_line(ax, steps, control.data[what].mean(axis=0), label="control: rate / 30")
        if bounded and item.bound is not None:
            bound_line(ax, [0, steps[-1]], np.full(2, item.bound), linewidth=0.9)
        ax.set_ylabel(label)
    axes[0].set_ylim(-0.03, 1.03)
    axes[1].set_ylim(bottom=0.0)
    axes[2].set(yscale="log", xlabel="step", xlim=(0, steps[-1]))
    axes[0].legend(
        loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=3, columnspacing=1.0, handlelength=1.6
    )
    return drawing


EMERGENCE_FIGURE = Figure(
    name="emergence",
    title="A sink emerges in training, and its value is drained",
    caption="Share of validation sequences in which the importance of the first token exceeds 0.3 (top), "
    "length of its value over the mean of the others' (middle), and validation loss above the exact law of "
    "the next token on the same sequences (bottom), against optimiser steps. Lines are means over training "
    "runs, bands their range. Black: what the claims ask for at the last step, a share above 0.6 and a ratio "
    "below one half. Dashed grey: the control, a learning rate 30 times smaller. A transformer of one layer "
    "and one head trained on Bigram-Backcopy, whose first token is fixed, is in place of a language model of "
    "60 million weights trained on natural text.",
    claims=("SINK-T1a", "SINK-T1b"),
    draw=draw,
)
