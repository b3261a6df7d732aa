"""Regret in time where the drafter with the longest drafts is not the fastest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.papers.bandit_spec.plots.adversarial import mean_and_error
from tightbound.verification.figures import Figure, band, control_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw time regret against B on two logarithmic axes."""
    import matplotlib.pyplot as plt

    drawing, ax = plt.subplots()
    found, blind = evidence["BS-11b"].measure[0], evidence["BS-11b"].control[0]
    x = np.array(found.cell["budgets"], dtype=float)
    control_line(ax, x, blind.data["curve"].mean(axis=0), label="UCBSpec, counts rounds")
    mean, half = mean_and_error(found.data["curve"])
    ax.plot(x, mean, marker="o", label="index per unit of time")
    band(ax, x, mean - half, mean + half)
    ax.set(xscale="log", yscale="log", xlabel="tokens B", ylabel="regret (time units)")
    ax.legend(loc="upper left")
    return drawing


TIME_REGRET = Figure(
    name="time_regret",
    title="Regret in time against the token budget",
    caption="Time regret where one drafter accepts a token with probability 0.8 but takes twice as long as "
    "one that accepts 0.6 (L = 4), with 99 % bands. Coloured: UCBSpec with its index divided by the cost "
    "of a round. Grey: UCBSpec as published, the control: it counts rounds and settles on the slower "
    "drafter. There is no bound in this figure. Tokens per round drawn from truncated geometric laws and "
    "given times per round stand in for models and a machine.",
    claims=("BS-11b",),
    draw=draw,
)
