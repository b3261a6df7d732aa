"""Importance of the positions of one repeated token, and what the bound by lengths says about the first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tightbound.verification.figures import Figure, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence
    from tightbound.verification.statistics import CellEvidence

GAIN, LENGTH, EPS = 0.2, 64, 0.3
CURVES: tuple[tuple[str, str, dict[str, Any], str], ...] = (
    ("none", "SINK-P1a", {"norm": "pre"}, "o"),
    ("ALiBi", "SINK-P3a", {"heads": 4}, "s"),
    ("relative, decreasing", "SINK-P2a", {"bias": "decreasing"}, "^"),
    ("relative, bucket index", "SINK-P2a", {"bias": "bucket_index"}, "v"),
    ("rotary", "SINK-P4b", {"gain": GAIN}, "D"),
)
HEAD = 5  # the second head of the second block


def _cell(items: Sequence[CellEvidence], wanted: Mapping[str, Any]) -> CellEvidence:
    return next(item for item in items if wanted.items() <= item.cell.items())


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw the importance of each position, and that of the first against the size of the logits."""
    import matplotlib.pyplot as plt

    drawing, (top, bottom) = plt.subplots(2, 1, figsize=(3.5, 5.4), height_ratios=(1.25, 1.0))
    position = np.arange(1, LENGTH + 1)
    shown = np.unique(np.round(np.geomspace(1, LENGTH, 16)).astype(int)) - 1
    for index, (label, name, wanted, marker) in enumerate(CURVES):
        data = _cell(evidence[name].measure, wanted).data
        top.plot(position, data["closed_form"][HEAD], color=f"C{index}", linewidth=1.0)
        top.plot(
            position[shown],
            data["importance"][HEAD][shown],
            color=f"C{index}",
            marker=marker,
            markersize=3.0,
            linestyle="none",
            label=label,
        )
    rotary = _cell(evidence["SINK-P4b"].measure, {"gain": GAIN}).data
    bound_line(top, position, rotary["importance_bound"][HEAD], label="bound, rotary")
    learned = _cell(evidence["SINK-P0a"].control, {"position": "learned"}).data["importance"]
    control_line(top, position, learned[HEAD], label="control, learned")
    top.set(xscale="log", yscale="log", xlim=(0.9, 75), ylim=(0.007, 0.5))
    top.set(xlabel="position $k$", ylabel=r"importance $\alpha_k$")
    top.set_xticks([1, 2, 4, 8, 16, 32, 64], ["1", "2", "4", "8", "16", "32", "64"])
    top.minorticks_off()
    top.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, handlelength=1.6, columnspacing=1.2)

    items = [item for item in evidence["SINK-P4c"].measure if item.cell["length"] == LENGTH]
    radius = np.concatenate([item.data["radius"] for item in items])
    first = np.concatenate([item.data["value"] for item in items])
    bound = np.concatenate([item.data["bound"] for item in items])
    order = np.argsort(radius)
    bound_line(bottom, radius[order], bound[order], label="bound")
    bottom.plot(radius, first, color="C4", marker="D", markersize=2.5, linestyle="none", label="rotary")
    biased = np.concatenate([item.data["radius"] for item in evidence["SINK-P4c"].control])
    worst = np.concatenate([item.data["value"] for item in evidence["SINK-P4c"].control])
    order = np.argsort(biased)
    control_line(bottom, biased[order], worst[order], label="control, bucket index")
    span = [radius.min(), radius.max()]
    bottom.plot(span, [EPS, EPS], color="C2", linestyle=":", linewidth=1.0, label=r"$\varepsilon=0.3$")
    bottom.set(xscale="log", yscale="log", ylim=(0.03, 1.2), xlabel=r"size of the logits $\xi$")
    bottom.set_ylabel(r"importance $\alpha_1$")
    bottom.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, handlelength=1.6)
    return drawing


REPEATED_TOKENS_FIGURE = Figure(
    name="repeated_tokens",
    title="Importance of the positions of one repeated token under five position codes",
    caption="One token repeated 64 times in random transformers of 3 blocks and 4 heads of width 8, which "
    "stand for language models. Top: importance of each position in one head; marks are measured, lines of "
    "the same colour are the closed forms. Black: the bound on the rotary head from the lengths of its query "
    "and key. Dashed grey: the control, learned position vectors, whose states differ, so no closed form "
    "holds. With the number of the distance's bucket as bias the first token is a sink (importance 0.334) "
    "from its position alone; that curve goes on below the axis. Bottom: importance of the first token in "
    "every block and head of rotary networks with logits of five sizes, against xi = ||q|| ||k|| / "
    "sqrt(d_h). Black: the bound (1/T)[1 + c log(1 + (T-1)/c)], c = exp(2 xi), which exceeds the sink "
    "threshold 0.3 (dotted) from xi = 1.07 on and rules out nothing there, although no head comes near it. "
    "Dashed grey: the control, the bucket's number as bias where the lengths are small: it breaks the bound.",
    claims=("SINK-P0a", "SINK-P1a", "SINK-P2a", "SINK-P3a", "SINK-P4b", "SINK-P4c"),
    draw=draw,
)
