"""Regret against the number of drafters, with full and with bandit feedback."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.papers.bandit_spec.plots.adversarial import mean_and_error
from tightbound.verification.figures import Figure, band, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence

_NAMES = {"full": "Hedge, all rounds seen", "one-step": "HedgeSpec, estimates"}
_BANDITS = {"full": ("EXP3Spec", "--"), "one-step": ("UCBSpec", ":")}


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw regret against K on two logarithmic axes."""
    import matplotlib.pyplot as plt

    drawing, ax = plt.subplots()
    found = evidence["BS-16b"]
    for feedback, (name, dashes) in _BANDITS.items():
        cells = [c for c in found.control if c.cell["feedback"] == feedback]
        arms = [c.cell["arms"] for c in cells]
        control_line(ax, arms, [float(c.data["value"].mean()) for c in cells], label=name, linestyle=dashes)
    cells = [c for c in found.measure if c.cell["feedback"] == "full"]
    bound = [float(c.data["hedge_bound"].mean()) for c in cells]
    bound_line(ax, [c.cell["arms"] for c in cells], bound, label="bound of Hedge")
    for feedback, name in _NAMES.items():
        cells = [c for c in found.measure if c.cell["feedback"] == feedback]
        arms = [c.cell["arms"] for c in cells]
        mean, half = mean_and_error(np.stack([c.data["value"] for c in cells], axis=1))
        ax.plot(arms, mean, marker="o", label=name)
        band(ax, arms, mean - half, mean + half)
    ax.set_xscale("log", base=2)
    ax.set(yscale="log", xlabel="number of drafters K", ylabel="regret (rounds)")
    ticks = sorted({c.cell["arms"] for c in found.measure})
    ax.set_xticks(ticks, [str(k) for k in ticks])
    ax.set_ylim(bottom=0.8, top=4e4)
    ax.legend(loc="upper left", ncols=2, handlelength=1.6, columnspacing=1.0)
    return drawing


FULL_INFORMATION = Figure(
    name="full_information",
    title="Regret against the number of drafters",
    caption="Regret at a fixed token budget against the number of drafters K (one accepts a token with "
    "probability 0.8, the others with 0.6; L = 4), with 99 % bands. Coloured: learners that are shown what "
    "every drafter would have done. Black: the worst-case bound of Hedge with rate sqrt(8 log K / t). Grey: "
    "learners that see the chosen drafter only, the control. Independent truncated geometric rounds stand "
    "in for a target model and K drafters.",
    claims=("BS-16b",),
    draw=draw,
)
