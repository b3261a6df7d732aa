"""Tokens per round of block verification over those of chain verification, against divergence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tightbound.verification.figures import Figure, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence
    from tightbound.verification.statistics import CellEvidence


def _ratios(items: Sequence[CellEvidence]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return divergence and ratio of every instance, and their means per cell."""
    apart = [np.ravel(item.data["divergence"]) for item in items]
    ratio = [np.ravel(item.data["value"] / item.data["bound"]) for item in items]
    middle = np.array([x.mean() for x in apart])
    order = np.argsort(middle)
    means = np.array([y.mean() for y in ratio])
    return np.concatenate(apart), np.concatenate(ratio), middle[order], means[order]


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw every instance, and the mean at each distance between drafter and target."""
    import matplotlib.pyplot as plt

    drawing, (ax, below) = plt.subplots(2, 1, figsize=(3.5, 3.6), sharex=True, height_ratios=(2, 1))
    gammas = sorted({item.cell["gamma"] for item in evidence["CORE-5b"].measure})
    for index, gamma in enumerate(gammas):
        items = [item for item in evidence["CORE-5b"].measure if item.cell["gamma"] == gamma]
        x, y, middle, means = _ratios(items)
        ax.plot(x, y, linestyle="none", marker=".", markersize=2, alpha=0.5, color=f"C{index}")
        ax.plot(middle, means, color=f"C{index}", label=rf"block, $\gamma={gamma}$")
        wrong = [item for item in evidence["CORE-5b"].control if item.cell["gamma"] == gamma]
        _, _, middle, means = _ratios(wrong)
        control_line(below, middle, means)
        below.text(middle[-1] + 0.01, means[-1], rf"$\gamma={gamma}$", fontsize=6, va="center")
    for panel, label in ((ax, "bound: chain verification"), (below, "_")):
        bound_line(panel, [0.0, 0.6], [1.0, 1.0], label=label, linewidth=1.0)
    control_line(ax, [], [], label="control: to the first failure")
    ax.set(ylabel="tokens per round,\nratio to chain", ylim=(0.995, None), xlim=(0.0, 0.6))
    below.set(xlabel="mean total variation of drafter and target", ylim=(None, 1.05))
    below.set_ylabel("ratio to chain")
    ax.legend(loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=2, fontsize=6)
    return drawing


BLOCK_GAIN_FIGURE = Figure(
    name="block_gain",
    title="What block verification gains over chain verification",
    caption="Ratio of the mean tokens per round of block verification to those of chain verification, exact, "
    "against the total variation between drafter and target (mean per position along texts of the "
    "target). Points: random instances over four tokens; lines: means at each mixing weight of the "
    "drafter. Black: the bound, ratio 1, never undercut. Dashed grey: the control, block verification "
    "that stops at the first coin that fails. Random tables stand in for language models.",
    claims=("CORE-5b",),
    draw=draw,
)
