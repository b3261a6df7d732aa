"""Regret of UCBSpec against the token budget, with everything it is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.papers.bandit_spec.plots.adversarial import mean_and_error
from tightbound.verification.figures import Figure, band, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw regret against B on two logarithmic axes."""
    import matplotlib.pyplot as plt

    drawing, ax = plt.subplots()
    found, greedy = evidence["BS-4b"].measure[0], evidence["BS-4b"].control[0]
    x = np.array(found.cell["budgets"], dtype=float)
    bound_line(ax, x, found.data["curve_bound"][0], label="bound")
    trivial = found.data["curve_trivial"][0]
    ax.plot(x, trivial, color="black", linestyle=":", linewidth=1.0, label="trivial bound")
    broken = np.array(greedy.cell["budgets"], dtype=float)
    control_line(ax, broken, greedy.data["curve"].mean(axis=0), label="greedy")
    mean, half = mean_and_error(found.data["curve"])
    ax.plot(x, mean, marker="o", label="UCBSpec")
    band(ax, x, mean - half, mean + half)
    ax.plot(x, found.data["curve_fluid"][0], linestyle="--", label="fluid limit")
    ax.plot(x, found.data["curve_lower"][0], linestyle="-.", label=r"$C_{\mathrm{LB}} \log B$")
    ax.set(xscale="log", yscale="log", xlabel="tokens B", ylabel="regret (rounds)")
    ax.set_ylim(bottom=1.0, top=3e6)
    ax.legend(loc="upper left", ncols=2, handlelength=1.8, columnspacing=1.0)
    return drawing


REGRET = Figure(
    name="regret",
    title="Regret of UCBSpec against the token budget",
    caption="Stopping-time regret of UCBSpec on four arms that accept a token with probability 0.9, 0.6, "
    "0.5 and 0.2 (L = 4), with 99 % bands. Black: the bound of the theorem with its constants, which says "
    "less than the trivial bound (dotted) where it lies above it. Dashed: the fluid limit. Dash-dotted: "
    "the slope that no consistent policy undercuts in the long run. Grey: greedy, the control, whose "
    "regret is linear. Tokens per round drawn from truncated geometric laws stand in for a language model "
    "and its drafters.",
    claims=("BS-4b",),
    draw=draw,
)
