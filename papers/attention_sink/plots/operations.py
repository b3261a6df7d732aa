"""Raw scores of the first token beside the proxy, under several attention operations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tightbound.papers.attention_sink.checks.operations import DRAINED
from tightbound.verification.figures import Figure, bound_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence


def _name(cell: Mapping[str, Any]) -> str:
    plain = {"softmax": "softmax", "sigmoid": "sigmoid", "relu": "ReLU", "elu1": "elu + 1"}[cell["operation"]]
    if cell["normaliser"] == "sum":
        return plain if plain == "softmax" else f"{plain}, normalised"
    if cell.get("logit_bias", 0.0) != 0.0:
        return rf"{plain}, $-\log T$"
    return plain


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw raw score over typical, value drain, and the proxy, one row per operation."""
    import matplotlib.pyplot as plt

    found = evidence["SINK-T2"]
    rows = [(item, False) for item in found.measure] + [(item, True) for item in found.control]
    place = np.arange(len(rows))[::-1]
    drawing, axes = plt.subplots(1, 3, figsize=(7.0, 2.6), sharey=True)
    for y, (item, control) in zip(place, rows, strict=True):
        for ax, name in zip(axes, ("raw", "value_drain", "proxy_sink"), strict=True):
            values = item.data[name]
            if control:
                ax.plot([values.min(), values.max()], [y, y], color="0.5", linestyle="--", linewidth=1.0)
            ax.plot(values, np.full(values.size, y), "o", color="0.5" if control else "C0", markersize=3.5)
    axes[0].set(xscale="log", xlabel="raw score of token 1\n/ mean over columns")
    axes[1].set(xlabel="length of its value\n/ mean of the others'")
    axes[1].set_xlim(left=0.0)
    axes[2].set(xlabel="proxy $\\mathrm{Sink}_1^{0.3}$\n(rows divided by their sum)", xlim=(-0.04, 1.04))
    axes[0].set(ylim=(-0.6, len(rows) - 0.4))
    for ax, bound in zip(axes, (1.0, DRAINED), strict=False):
        bound_line(ax, [bound, bound], axes[0].get_ylim(), linewidth=0.9)
    axes[0].set_yticks(place, [_name(item.cell) for item, _ in rows])
    return drawing


OPERATIONS_FIGURE = Figure(
    name="operations",
    title="Raw scores and the proxy under several attention operations",
    caption="Networks at the end of training, one point per run. Left: mean raw score of the first token "
    "over the mean over all columns. Middle: length of its value over the mean of the others'. Black: the "
    "bound; a sink is right of it on the left and left of it in the middle. Right: the sink metric after "
    "each row was divided by its sum, the proxy that tables of un-normalised attention give. Blue: without a "
    "normaliser; grey and dashed: the controls, whose rows sum to one. Where a row's scores are all nearly "
    "zero, the proxy reports a sink although the raw score of the first token is below a typical one. A "
    "transformer of one layer and one head trained on Bigram-Backcopy, whose first token is fixed, is in "
    "place of a language model.",
    claims=("SINK-T2",),
    draw=draw,
)
