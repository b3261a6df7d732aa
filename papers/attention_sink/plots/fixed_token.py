"""The sink follows the fixed token; without one there is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.verification.figures import Figure, band, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence

SHOWN = 12


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw the sink metric by position, one curve for every position of the fixed token."""
    import matplotlib.pyplot as plt

    first = evidence["SINK-T4b"].control[0]
    items = [first, *evidence["SINK-T4a"].measure]
    none = evidence["SINK-T4b"].measure[0]
    drawing, ax = plt.subplots(figsize=(3.5, 2.6))
    position = np.arange(1, SHOWN + 1)
    for index, item in enumerate(items):
        sink = item.data["sink"][:, :SHOWN]
        label = f"fixed at {item.cell['fixed_position']}"
        ax.plot(
            position, sink.mean(axis=0), color=f"C{index}", marker="os^"[index], markersize=3.0, label=label
        )
        band(ax, position, sink.min(axis=0), sink.max(axis=0))
    control_line(ax, position, none.data["sink"][:, :SHOWN].mean(axis=0), label="no fixed token", marker=".")
    bound_line(ax, [1, SHOWN], np.full(2, none.bound), label="bound, no fixed token", linewidth=0.9)
    ax.set(
        xlabel="position $k$", ylabel=r"$\mathrm{Sink}_k^{0.3}$", xlim=(0.8, SHOWN + 0.2), ylim=(-0.03, 1.05)
    )
    ax.set_xticks(position)
    drawing.legend(loc="outside upper center", ncols=2, columnspacing=1.0, handlelength=1.6)
    return drawing


FIXED_TOKEN_FIGURE = Figure(
    name="fixed_token",
    title="The sink follows the fixed token",
    caption="Share of validation sequences in which the importance of position k exceeds 0.3 at the end of "
    "training, for a fixed token at position 1, 3 or 4. Lines are means over training runs, bands their "
    "range. Dashed grey: no fixed token; black: what the claim allows it at position 1. A transformer of one "
    "layer and one head trained on Bigram-Backcopy is in place of a language model of 60 million weights "
    "(the paper's Table 10).",
    claims=("SINK-T4a", "SINK-T4b"),
    draw=draw,
)
