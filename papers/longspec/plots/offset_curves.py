"""Losses of drafts that were trained with and without Anchor-Offset positions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tightbound.verification.figures import Figure, band, control_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence

FROM = 50
"""Steps before this one, when losses still fall by whole nats, are left out."""
PLACES = ("first positions", "last positions")


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw losses against steps, and their differences in pairs: of the two kinds, and of the two places."""
    import matplotlib.pyplot as plt

    found, control = (
        next(item for item in items if "loss" in item.data)
        for items in (evidence["LS-7b"].measure, evidence["LS-7b"].control)
    )
    steps = found.data["steps"][0]
    shown = steps >= FROM
    steps = steps[shown]
    offsets, plain = (item.data["loss"][:, shown] for item in (found, control))
    drawing, (left, middle, right) = plt.subplots(1, 3, figsize=(7.0, 2.3))
    for place, name in enumerate(PLACES):
        look: dict[str, Any] = {
            "marker": "so"[place],
            "markersize": (4.5, 2.5)[place],
            "color": f"C{1 - place}",
        }
        _mean(left, steps, offsets[..., place], f"offsets, {name}", **look)
        _mean(middle, steps, offsets[..., place] - plain[..., place], name, **look)
    _mean(left, steps, plain[..., 1], f"control, {PLACES[1]}")
    _mean(right, steps, 1e3 * (offsets[..., 1] - offsets[..., 0]), "offsets", marker="o", markersize=2.5)
    _mean(right, steps, 1e3 * (plain[..., 1] - plain[..., 0]), "control: positions from 0")
    left.set(ylabel="held-out loss, nats", ylim=(5.7, 7.5))
    middle.set(ylabel="offsets less control, nats", ylim=(-0.25, 0.25))
    right.set(ylabel="last less first positions, $10^{-3}$ nats", ylim=(-15.0, 6.0))
    for ax in (left, middle, right):
        ax.set(xlabel="steps of training", xlim=(FROM - 3, steps[-1] + 3))
        ax.legend(fontsize=6, frameon=False, loc="upper right" if ax is left else "lower right")
    for ax in (middle, right):
        ax.axhline(0.0, color="black", linewidth=0.6)
    return drawing


def _mean(ax: Axes, x: np.ndarray, pairs: np.ndarray, label: str, **look: Any) -> None:
    """Draw the mean over pairs and its 95 % interval; without a look of its own, as a control."""
    from scipy.stats import t

    middle, count = pairs.mean(axis=0), len(pairs)
    width = t.ppf(0.975, count - 1) * pairs.std(axis=0, ddof=1) / np.sqrt(count)
    if look:
        ax.plot(x, middle, label=label, **look)
    else:
        control_line(ax, x, middle, label=label, zorder=4)
    band(ax, x, middle - width, middle + width)


OFFSET_CURVES = Figure(
    name="offset_curves",
    title="140 steps of training show no gain from Anchor-Offset positions",
    caption="Ten pairs of LongSpec drafts (W = 512) of SmolLM2-135M-Instruct, from random weights, the two "
    "of a pair alike and on the same texts: one at Anchor-Offset positions up to 8191, the other (dashed "
    "grey, the control) at 0 to 511. Left: cross-entropy to the target's laws on twelve held-out pieces of "
    "512 tokens, at the first 512 positions and at the last ones of 8192; all curves lie on each other. "
    "Middle: what offsets add to it, in pairs. Right: what the last positions add to it. Bands: 95 % "
    "intervals for the mean of the pairs, each step for itself. 140 steps of four texts, in 50 seconds of "
    "one NVIDIA H200 beside another training; steps before 50 are left out. A model of 135 million weights, "
    "documentation and short training stand in for the paper's models and texts.",
    claims=("LS-7b",),
    draw=draw,
)
