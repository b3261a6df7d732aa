"""Acceptance against the number of candidates, rule by rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.verification.figures import Figure, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence

DISTANCES = (0.5, 1.0)
RULES = (
    ("recursive", "recursive rejection", "o"),
    ("k_seq", "K-SEQ", "s"),
    ("top_tokens", "likeliest $k$, target only", "^"),
)


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw mean acceptances over the instances that the control has too."""
    import matplotlib.pyplot as plt

    drawing, panels = plt.subplots(1, 2, figsize=(7.0, 2.9), sharey=True)
    vocabulary = evidence["CORE-8a"].measure[0].cell["vocabulary"]
    for ax, distance in zip(panels, DISTANCES, strict=True):
        wanted = {"distance": distance, "vocabulary": vocabulary}
        found = next(item for item in evidence["CORE-8a"].measure if wanted.items() <= item.cell.items())
        other = next(item for item in evidence["CORE-8a"].control if wanted.items() <= item.cell.items())
        shared = len(other.data["value"])
        ks = np.arange(1, found.cell["most"] + 1)
        best = found.data["optimum"][:shared].mean(axis=0)
        bound_line(ax, ks, best, label="optimum, independent candidates")
        least = (1.0 - (1.0 - 1.0 / ks) ** ks) * best
        bound_line(ax, ks, least, label="$1-(1-1/k)^k$ of it", linestyle=":", linewidth=1.0)
        for index, (name, label, marker) in enumerate(RULES):
            mean = found.data[name][:shared].mean(axis=0)
            ax.plot(ks, mean, color=f"C{index}", marker=marker, markersize=3.5, linewidth=1.0, label=label)
        control_line(ax, ks, other.data["acceptance"].mean(axis=0), label="control: without replacement")
        ax.set(xlabel="candidates $k$", xticks=ks, ylim=(0.15, 1.02))
        ax.set_title(f"random part of the drafter: {distance:g}", fontsize=7)
    panels[0].set_ylabel("acceptance probability")
    handles, labels = panels[0].get_legend_handles_labels()
    drawing.legend(handles, labels, loc="outside upper center", ncols=3, fontsize=6, frameon=False)
    return drawing


CANDIDATES_FIGURE = Figure(
    name="candidates",
    title="Acceptance against the number of candidates",
    caption="Exact acceptance probability at one node, mean over 100 random pairs of laws over five tokens "
    "at quick size; the drafter is half target and half random (left) or unrelated to the target (right). "
    "Black: the optimum over all couplings for independent candidates, which bounds recursive rejection "
    "and K-SEQ; dotted: the share of it that K-SEQ is sure of. Dashed grey: the control, recursive "
    "rejection of candidates drawn without replacement, whose joint law is another one and which that "
    "optimum does not bind. Nor does it bind the k likeliest tokens of the drafter, verified against "
    "the target alone. Random laws stand in for language models.",
    claims=("CORE-8a",),
    draw=draw,
)
