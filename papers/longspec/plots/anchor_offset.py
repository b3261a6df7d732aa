"""Acceptance of trained drafts at near and far positions, with and without Anchor-Offset training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.verification.figures import Figure, control_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw mean acceptance against the offset of the text, with twice its standard error."""
    import matplotlib.pyplot as plt

    items = sorted(
        (*evidence["LS-8"].measure, *evidence["LS-8"].control), key=lambda item: int(item.cell["offset"])
    )
    offsets = np.array([item.cell["offset"] for item in items])

    def means(name: str) -> tuple[np.ndarray, np.ndarray]:
        found = [np.ravel(item.data[name]) for item in items]
        spread = [2.0 * one.std(ddof=1) / np.sqrt(one.size) for one in found]
        return np.array([one.mean() for one in found]), np.array(spread)

    drawing, (ax, below) = plt.subplots(2, 1, figsize=(3.5, 3.4), sharex=True)
    (middle, spread), (plain, _) = means("greater"), means("smaller")
    ax.errorbar(offsets, middle, spread, fmt="o-", markersize=3.5, capsize=2, label="trained with offsets")
    control_line(ax, offsets, plain, label="trained without", marker="s", markersize=3)
    ax.set(ylabel=r"$E \sum_x \min(p, q)$")
    gain = [np.ravel(item.data["greater"] - item.data["smaller"]) for item in items]
    error = [2.0 * one.std(ddof=1) / np.sqrt(one.size) for one in gain]
    below.axhline(0.0, color="0.6", linewidth=0.8)
    below.errorbar(offsets, [one.mean() for one in gain], error, fmt="o-", markersize=3.5, capsize=2)
    below.set(xlabel="offset of the text after its four anchors", ylabel="difference, in pairs")
    drawing.legend(loc="outside upper center", ncols=2, fontsize=6, frameon=False)
    return drawing


ANCHOR_OFFSET = Figure(
    name="anchor_offset",
    title="Acceptance at far positions, by drafts trained with and without Anchor-Offset positions",
    caption="Mean acceptance of the first drafted token, sum over x of min(p, q), in held-out pieces of 128 "
    "bytes that stand behind an offset (bars: two standard errors over pieces; below, of the difference in "
    "pairs). Both drafts were trained on 256 bytes, one with offsets up to 7936, the other (dashed grey) "
    "from position 0 on. One training of each, 300 steps, of the draft of a Llama of 0.8 million weights "
    "over bytes, in place of the paper's loss curves of a 7-billion model.",
    claims=("LS-8",),
    draw=draw,
)
