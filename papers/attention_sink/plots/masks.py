"""Mean attention under a full causal mask, a window, and a prefix."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.verification.figures import Figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw one map per mask, and that of the window before training."""
    import matplotlib.pyplot as plt

    window, prefix = evidence["SINK-T9"], evidence["SINK-T12"].measure[0]
    panels = (
        ("causal", evidence["SINK-T1b"].measure[0].data["scores"]),
        (f"window of {window.measure[0].cell['window']}", window.measure[0].data["scores"][0]),
        ("window, untrained (control)", window.control[0].data["scores"][0]),
        (f"prefix of {prefix.cell['prefix']}, fixed third", prefix.data["scores"]),
    )
    drawing, axes = plt.subplots(1, 4, figsize=(7.0, 2.2), sharey=True)
    for ax, (title, scores) in zip(axes, panels, strict=True):
        length = len(scores)
        shown = ax.imshow(
            np.ma.masked_where(scores == 0.0, scores),
            cmap="viridis",
            vmin=0.0,
            vmax=1.0,
            extent=(0.5, length + 0.5, length + 0.5, 0.5),
            interpolation="nearest",
        )
        ax.grid(visible=False)
        ax.set_xlabel("key $j$")
        ax.set_title(title, fontsize="small")
        ax.set_xticks([1, 8, 16, 24, 32])
        ax.set_yticks([1, 8, 16, 24, 32])
    axes[0].set_ylabel("query $i$")
    drawing.colorbar(shown, ax=axes, shrink=0.8, label="mean $A_{ij}$")
    return drawing


MASKS_FIGURE = Figure(
    name="masks",
    title="Attention under a causal mask, a window and a prefix",
    caption="Mean attention over validation sequences, one trained network each; white is hidden. The sink "
    "is a token, not a place in the mask: with a window it is the fixed first token for the rows that see "
    "it, and no column of the window takes over for the others; with a prefix that all rows see it is the "
    "fixed token inside, here the third (the rows of the prefix predict nothing that is trained). Third map: "
    "the control, before training. There is no bound to draw. A transformer of one layer and one head "
    "trained on Bigram-Backcopy, whose first token is fixed, is in place of a language model of 60 million "
    "weights (the paper's Figure 6).",
    claims=("SINK-T1b", "SINK-T9", "SINK-T12"),
    draw=draw,
)
