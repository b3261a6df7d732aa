"""Where the time of a round goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.papers.longspec.checks.shipped_draft import PARTS
from tightbound.verification.figures import Figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence

NAMES = ("draft", "attention", "rest of the target's pass", "verification")


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw two stacked bars, attention merged from cache and tree and attention under one mask."""
    import matplotlib.pyplot as plt

    found = evidence["LS-3c"].measure
    seconds = np.median([item.data["seconds"][0] for item in found], axis=0)
    each = dict(zip(PARTS, 1e3 * seconds, strict=True))
    hybrid = [each[name] for name in PARTS[:4]]
    eager = [each["attention under one mask"] if name == "attention" else each[name] for name in PARTS[:4]]
    drawing, ax = plt.subplots(figsize=(3.5, 1.9))
    left = np.zeros(2)
    for index, name in enumerate(NAMES):
        widths = np.array([eager[index], hybrid[index]])
        ax.barh([1, 0], widths, left=left, height=0.55, color=f"C{index}", label=name)
        if name == "attention":
            for place, width, start in zip((1, 0), widths, left, strict=True):
                told = f"{width:.0f}"
                ax.text(start + width / 2, place, told, ha="center", va="center", color="white", fontsize=6)
        left = left + widths
    for place, total in zip((1, 0), left, strict=True):
        ax.text(total, place, f" {total:.0f}", ha="left", va="center", fontsize=6)
    ax.set_yticks([1, 0], ["one mask", "hybrid"])
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False, axis="y")
    ax.set(xlabel="processor time of one round, ms (this machine)", xlim=(0.0, 1.12 * left.max()))
    drawing.legend(loc="outside upper center", ncols=2, fontsize=6, frameon=False)
    return drawing


LATENCY = Figure(
    name="latency",
    title="Where the time of a round goes, with hybrid attention and under one mask",
    caption="Processor time of one round with the paper's tree of 68 drafted nodes: the draft's five layers, "
    "attention of the target's pass, the rest of that pass (projections, MLPs, read-out), and verification. "
    "Attention is replayed on the queries of that pass, once merged from cache and tree (hybrid), once under "
    "a mask of all pairs. SmolLM2-135M-Instruct on the CPU, with 2048 keys in its cache at the quick size, "
    "else 4096, in place of a model of 7 billion weights on an A100: here projections are the larger "
    "part. No verdict depends on these times.",
    claims=("LS-3c",),
    draw=draw,
    varies="these are times of the machine that ran it",
)
