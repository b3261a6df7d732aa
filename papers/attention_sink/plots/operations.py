"""Raw scores of the first token beside the proxy, under several attention operations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tightbound.verification.figures import Figure, bound_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence


def _name(cell: Mapping[str, Any]) -> str:
    plain = {"softmax": "softmax", "sigmoid": "sigmoid", "relu": "ReLU", "elu1": "elu + 1"}[cell["operation"]]
    if cell["normaliser"] == "sum":
        return plain if plain == "softmax" else f"{plain}, normalised"
    if cell.get("norm") == "none":
        return f"{plain}, no RMSNorm"
    if cell.get("logit_bias", 0.0) != 0.0:
        return rf"{plain}, $-\log T$"
    return plain


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw raw score over typical, and the proxy, one row per operation."""
    import matplotlib.pyplot as plt

    found = evidence["SINK-T2"]
    rows = [(item, False) for item in found.measure] + [(item, True) for item in found.control]
    place = np.arange(len(rows))[::-1]
    drawing, (left, right) = plt.subplots(1, 2, figsize=(7.0, 2.7), sharey=True)
    for y, (item, control) in zip(place, rows, strict=True):
        colour = "0.5" if control else "C0"
        for ax, values in ((left, item.data["value"]), (right, item.data["proxy_sink"])):
            if control:
                ax.plot([values.min(), values.max()], [y, y], color=colour, linestyle="--", linewidth=1.0)
            ax.plot(values, np.full(values.size, y), "o", color=colour, markersize=3.5)
    left.set(xscale="log", xlabel="raw score of token 1 / mean over columns", ylim=(-0.6, len(rows) - 0.4))
    right.set(xlabel=r"proxy $\mathrm{Sink}_1^{0.3}$ (rows divided by their sum)", xlim=(-0.04, 1.04))
    bound_line(left, [1.0, 1.0], left.get_ylim(), linewidth=0.9)
    left.text(1.06, -0.5, "bound", fontsize=6)
    left.set_yticks(place, [_name(item.cell) for item, _ in rows])
    return drawing


OPERATIONS_FIGURE = Figure(
    name="operations",
    title="Raw scores and the proxy under several attention operations",
    caption="Left: mean raw score of the first token over the mean over all columns at the end of training, "
    "one point per run. Black: the bound, a typical column. Right: the sink metric of the same networks "
    "after each row was divided by its sum, the proxy that tables of un-normalised attention give. Blue: "
    "without a normaliser; grey and dashed: the controls, whose rows sum to one. Where a row's scores are "
    "all nearly zero, the proxy can report a sink although the raw score of the first token is below a "
    "typical one. A transformer of one layer and one head trained on Bigram-Backcopy, whose first token is "
    "fixed, is in place of a language model.",
    claims=("SINK-T2",),
    draw=draw,
)
