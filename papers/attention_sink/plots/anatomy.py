"""What distinguishes the token that is the sink: lengths of state, key and value, and angles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.verification.figures import Figure, control_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence

LENGTHS = (
    ("state_norm", r"state $\|h\|$", "o"),
    ("key_norm", r"key $\|k\|$", "s"),
    ("value_norm", r"value $\|v\|$", "^"),
)


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw lengths by position, and maps of cosines and of attention, of one trained network."""
    import matplotlib.pyplot as plt

    item, control = evidence["SINK-T1b"].measure[0].data, evidence["SINK-T1b"].control[0].data
    drawing, axes = plt.subplots(1, 3, figsize=(7.0, 2.5), width_ratios=(1.0, 1.05, 1.05))
    position = np.arange(1, item["value_norm"].size + 1)
    for index, (name, label, marker) in enumerate(LENGTHS):
        axes[0].plot(
            position,
            item[name] / np.median(item[name]),
            color=f"C{index}",
            marker=marker,
            markersize=2.5,
            label=label,
        )
    control_line(
        axes[0], position, control["value_norm"] / np.median(control["value_norm"]), label=r"control, $\|v\|$"
    )
    axes[0].set(xlabel="position", ylabel="mean length / median over positions", ylim=(0.0, None))
    axes[0].legend(loc="lower right")
    hidden = np.triu(np.ones_like(item["scores"], dtype=bool), 1)
    for ax, name, title, colours, limits in (
        (axes[1], "cosine", r"mean $\cos(q_i, k_j)$", "RdBu_r", (-1.0, 1.0)),
        (axes[2], "scores", r"mean attention $A_{ij}$", "viridis", (0.0, 1.0)),
    ):
        shown = ax.imshow(
            np.ma.masked_where(hidden, item[name]),
            cmap=colours,
            vmin=limits[0],
            vmax=limits[1],
            extent=(0.5, position[-1] + 0.5, position[-1] + 0.5, 0.5),
            interpolation="nearest",
        )
        ax.grid(visible=False)
        ax.set(xlabel="key $j$", ylabel="query $i$", title=title)
        ax.set_xticks([1, 8, 16, 24, 32])
        ax.set_yticks([1, 8, 16, 24, 32])
        drawing.colorbar(shown, ax=ax, shrink=0.8)
    return drawing


ANATOMY_FIGURE = Figure(
    name="anatomy",
    title="Anatomy of a sink: lengths and angles",
    caption="One trained network on validation sequences. Left: mean lengths by position of the state before "
    "the final norm, of keys and of values, each over its median. Middle: mean cosine of query and key. "
    "Right: mean attention. The first token's key points along the queries of all rows but its own and is "
    "longer than others (in the paper's models it is shorter, and the angle alone makes the sink); its value "
    "is short. Dashed grey: lengths of values in the control, trained at a learning rate 30 times smaller. A "
    "transformer of one layer and one head trained on Bigram-Backcopy, whose first token is fixed, is in "
    "place of LLaMA3-8B on natural text (the paper's Figure 2); with one layer no massive activation arises.",
    claims=("SINK-T1b",),
    draw=draw,
)
