"""What the bound of EXP3Spec is worth on two-phase tables, where it may finish before the best arm."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.papers.bandit_spec.plots.adversarial import mean_and_error
from tightbound.verification.figures import Figure, band, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw growth with the number of rounds, and the spread at the largest of them."""
    import matplotlib.pyplot as plt
    from matplotlib.ticker import NullLocator

    drawing, (top, bottom) = plt.subplots(2, 1, figsize=(3.5, 4.2), height_ratios=(1.3, 1.0))
    cells, steady = evidence["BS-9d"].measure, evidence["BS-9d"].control
    rounds = np.array([c.cell["rounds"] for c in cells], dtype=float)
    runs = np.stack([c.data["value"] for c in cells], axis=1)
    length = cells[0].cell["max_draft"]
    corrected = [
        2 * length * float(np.sqrt(c.data["stopping_time"] * 2 * math.log(2)).mean())
        + length * float(c.data["deficit"].mean())
        + length
        for c in cells
    ]
    bound_line(top, rounds, corrected, label="corrected bound", color="0.35")
    bound_line(top, rounds, [float(c.data["bound"].mean()) for c in cells], label="printed bound")
    control_line(top, rounds, [float(c.data["value"].mean()) for c in steady], label="no reversal")
    mean, half = mean_and_error(runs)
    top.plot(rounds, mean, marker="o", label="EXP3Spec, reversal")
    band(top, rounds, mean - half, mean + half)
    top.set(xscale="log", yscale="log", xlabel="rounds T of the best arm", ylabel="regret (rounds)")
    top.set_ylim(top=3e7)
    top.set_xticks(rounds, [f"{int(t):,}".replace(",", "\u2009") for t in rounds])
    top.xaxis.set_minor_locator(NullLocator())
    top.legend(loc="upper left", ncols=2, handlelength=1.6, columnspacing=1.0)

    sample = evidence["BS-9a"].measure[-1]
    share = np.sort(sample.data["value"]) / sample.cell["rounds"]
    above = 1.0 - np.arange(share.size) / share.size
    bottom.step(share, above, where="post")
    bottom.axvline(float(share.mean()), linestyle="-.", linewidth=1.0, color="#D55E00", label="mean")
    limit = float(sample.data["bound"].mean()) / sample.cell["rounds"]
    bottom.axvline(limit, color="black", linewidth=1.4, label="printed bound")
    early = float(sample.data["early"].mean())
    bottom.text(
        0.03, 0.38, f"{100 * early:.0f} % of runs\nfinish early", fontsize=7, transform=bottom.transAxes
    )
    bottom.set_xscale("symlog", linthresh=0.1, linscale=0.6)
    bottom.set(yscale="log", xlabel=r"regret / T", ylabel="share of runs above")
    bottom.legend(loc="lower left")
    return drawing


ASSUMPTION = Figure(
    name="assumption",
    title="Without Assumption 5.2 the printed bound of EXP3Spec fails",
    caption="Two-phase tables with K = 2, L = 32: in the first half arm 0 yields 33 tokens and arm 1 yields "
    "29, in the second arm 0 yields 1 and arm 1 yields 33, afterwards every round yields 1. Top: mean "
    "regret of EXP3Spec with its 99 % band, the printed bound of Theorem 5.3 (black), which needs that the "
    "best arm finishes first, the corrected bound (dark grey), and the control without the change of roles "
    "(dashed grey), on which the printed bound holds. Bottom: share of runs whose regret exceeds a value, "
    "at the largest T: most runs finish early by a little, the others are late by up to 14 T. Tables of "
    "accepted tokens stand in for a language model's text.",
    claims=("BS-9a", "BS-9d"),
    draw=draw,
)
