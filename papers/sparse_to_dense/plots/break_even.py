"""What drafts with fewer keys can gain: the keys alone, and with the weights read too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.papers.sparse_to_dense.checks.memory_traffic import CONTEXTS
from tightbound.verification.figures import Figure, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence

SHARES = (0.3, 0.622, 1.0)
FIXED = {"gigabytes": 15.0, "kilobytes": 57.0, "gamma": 9}


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw one panel per batch size."""
    import matplotlib.pyplot as plt

    keys = np.array(CONTEXTS)
    drawing, panels = plt.subplots(2, 1, figsize=(3.5, 4.6), sharex=True)
    for ax, batch in zip(panels, (1, 8), strict=True):
        for number, share in enumerate(SHARES):
            wanted = {**FIXED, "batch": batch, "share": share}
            found = next(item for item in evidence["STD-5a"].measure if dict(item.cell) == wanted)
            free = next(item for item in evidence["STD-5a"].control if dict(item.cell) == wanted)
            once = number == 0
            ax.plot(keys, found.data["value"][0], color=f"C{number}", label=f"{share:.0%} of drafts accepted")
            bound_line(
                ax, keys, found.data["bound"][0], label="bound: keys alone" if once else "_", linewidth=0.9
            )
            control_line(
                ax, keys, free.data["value"][0], label="control: weights free for drafts" if once else "_"
            )
        ax.axhline(1.0, color="0.8", linewidth=0.6, zorder=0)
        ax.set(xscale="log", yscale="log", ylabel="speed-up", xlim=(keys[0], keys[-1]))
        ax.set_yticks([0.3, 1, 3, 10], ["0.3", "1", "3", "10"])
        ax.minorticks_off()
        ax.set_title(f"batch {batch}", fontsize=7)
    panels[1].set_xlabel("keys of a sequence (tokens), of which 1024 are kept")
    handles, labels = panels[0].get_legend_handles_labels()
    drawing.legend(handles, labels, loc="outside upper center", ncols=2, fontsize=6, frameon=False)
    return drawing


BREAK_EVEN_FIGURE = Figure(
    name="break_even",
    title="Predicted speed-up with and without the weights",
    caption="Coloured: speed-up of rounds of nine sparse drafts over plain decoding where time is bytes read,"
    " for a model of 15 GB of weights and 57 kB of keys and values per token, with 1024 keys kept; 62"
    " % is the mean acceptance reported for Sparse-to-Dense. Black: the bound, the same with keys "
    "alone, as the paper's analysis counts. Dashed grey: the control, in which drafts are not charged"
    " for weights; it exceeds the bound. Counts of bytes stand in for a clock; nothing was timed.",
    claims=("STD-5a",),
    draw=draw,
)
