"""A fixed arm's rounds: which arm is fastest at small budgets, and how the regret identity cuts the noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.verification.figures import Figure, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence


def _saved(data: Mapping[str, np.ndarray], parity: int, last: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the budgets of one parity up to ``last`` and the rounds the larger mean saves there."""
    chosen = (data["budgets"] % 2 == parity) & (data["budgets"] <= last)
    return data["budgets"][chosen], (data["greater"] - data["smaller"])[chosen]


def _flips(ax: Axes, evidence: Mapping[str, ClaimEvidence]) -> None:
    before, after = evidence["BS-2c"].control[0].data, evidence["BS-2c"].measure[0].data
    settled = int(after["budgets"][0])
    last = int(1.6 * settled)
    for parity, name in ((0, "even"), (1, "odd")):
        at, saved = _saved(before, parity, last)
        control_line(ax, at, saved, label="control: below" if parity == 0 else "_")
        at, saved = _saved(after, parity, last)
        ax.plot(at, saved, color=f"C{parity}", label=f"beyond $L\\mu_1/\\Delta$, $B$ {name}")
    bound_line(ax, [1, last], [0.0, 0.0], label="equally fast")
    ax.axvline(settled, color="black", linestyle=":", linewidth=1.0)
    ax.set(xlabel="tokens $B$", ylabel="rounds saved by\nthe larger mean")
    ax.legend(loc="upper left")


def _noise(ax: Axes, evidence: Mapping[str, ClaimEvidence]) -> None:
    for item in evidence["BS-3d"].measure[:2]:
        data, name = item.data, item.cell["policy"]
        (line,) = ax.plot(data["ladder"], data["raw_variance"], linestyle="--", label=f"$ST$, {name}")
        ax.plot(data["ladder"], data["identity_variance"], color=line.get_color(), label=f"identity, {name}")
    broken = evidence["BS-3d"].control[0].data
    control_line(ax, broken["ladder"], broken["identity_variance"], label="identity, greedy")
    ax.set(xscale="log", yscale="log", xlabel="tokens $B$", ylabel="variance (rounds$^2$)")
    ax.set_ylim(top=float(np.max(broken["identity_variance"])) * 30)
    ax.legend(loc="upper left", ncols=2, columnspacing=1.0, handlelength=1.6)


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw both panels from the evidence of BS-2c and BS-3d."""
    import matplotlib.pyplot as plt

    drawing, (top, bottom) = plt.subplots(2, 1, figsize=(3.5, 4.4))
    _flips(top, evidence)
    _noise(bottom, evidence)
    return drawing


STOPPING_TIME_FIGURE = Figure(
    name="stopping_time",
    title="Rounds of a fixed arm at small budgets, and the noise of two regret estimators",
    caption="Top: expected rounds of an arm that always yields 2 tokens minus those of one yielding 1 or 4 "
    "with a mean of 2.05, exact at every budget; one curve per parity. Below the black line the arm "
    "with the smaller mean is the faster one. Beyond the budget L mu_1 / Delta (dotted, BS-2c) this "
    "cannot happen; before it, where the control lies (dashed grey), it does. Bottom: variance over "
    "replications of the stopping time (dashed) and of the regret identity (solid) for three truncated"
    " geometric arms with acceptances 0.8, 0.6, 0.5 and L = 4; dashed grey the control, greedy, whose "
    "pulls vary as much as its rounds. Laws of accepted tokens stand in for a language model and its "
    "drafters.",
    claims=("BS-2c", "BS-3d"),
    draw=draw,
)
