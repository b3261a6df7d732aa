"""Accepted share of drafts, one bar per way to make them cheap."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.papers._real_model import VARIES
from tightbound.papers.sparse_to_dense.checks.acceptance import METHODS
from tightbound.verification.figures import Figure, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence

NAMES = {
    "guided": "keys by\nquestion",
    "streaming": "first and\nlatest keys",
    "random": "random\nkeys",
    "layers": "every\n2nd layer",
}


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw shares with their intervals."""
    import matplotlib.pyplot as plt

    item = evidence["STD-4a"].measure[0]
    share, low, high = (item.data[name][0] for name in ("share", "low", "high"))
    place = np.arange(len(METHODS))
    drawing, ax = plt.subplots(figsize=(3.5, 2.5))
    ax.bar(place, share, width=0.6, color=[f"C{number}" for number in place], alpha=0.8)
    ax.errorbar(
        place,
        share,
        [np.maximum(share - low, 0.0), np.maximum(high - share, 0.0)],
        fmt="none",
        color="0.2",
        linewidth=0.8,
        capsize=2,
    )
    ends = [-0.5, len(METHODS) - 0.5]
    bound_line(ax, ends, item.data["smaller"][0, [0, 0]], label="bound: random keys", linewidth=1.0)
    control_line(ax, ends, np.repeat(share[METHODS.index("layers")], 2), label="control: every 2nd layer")
    ax.set_xticks(place, [NAMES[method] for method in METHODS])
    ax.tick_params(axis="x", length=0)
    ax.set(ylabel="accepted share of drafts", ylim=(0.0, 1.0), xlim=ends)
    ax.legend(fontsize=6, loc="upper right", frameon=False)
    return drawing


METHODS_FIGURE = Figure(
    name="methods",
    title="Accepted drafts by the way they are made cheap",
    caption="Share of drafted tokens that the dense pass accepts, a ratio of totals over prompts: sparse "
    "drafts with as many keys of the document each, chosen by the question, first and latest, or "
    "random; and drafts by every other layer with all keys. Bars: 95 % bootstrap intervals over prompts. "
    "Black: the bound that "
    "the first bar must exceed, random keys. Dashed grey: the control, every other layer, which does not. "
    "SmolLM2-135M-Instruct and pages of Python's documentation stand in for a video language model and "
    "videos; it was not trained to skip layers.",
    claims=("STD-4a",),
    draw=draw,
    varies=VARIES,
)
