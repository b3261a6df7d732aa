"""Speed-up over acceptance and draft length, with the best draft length."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.verification.figures import Figure, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence

PRICES = (0.05, 0.2)
LEVELS = (0.5, 0.75, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0)
HIGHEST = 16


def _panel(ax: Axes, evidence: Mapping[str, ClaimEvidence], price: float) -> None:
    exact = next(item for item in evidence["CORE-12a"].measure if item.cell["cost"] == price)
    wrong = next(item for item in evidence["CORE-12a"].control if item.cell["cost"] == price)
    alphas = np.array(exact.cell["alphas"])
    speeds = exact.data["speedup"][:, : HIGHEST + 1].T
    gammas = np.arange(HIGHEST + 1)
    lines = ax.contour(alphas, gammas, speeds, levels=LEVELS, colors="C0", linewidths=0.6)
    ax.clabel(lines, fmt="%g", fontsize=6, inline_spacing=2)
    # along gamma = 0 the speed is 1 everywhere
    ax.contour(alphas, gammas[1:], speeds[1:], levels=[1.0], colors="C0", linewidths=1.6)
    forgetful = np.minimum(wrong.data["value"].ravel(), HIGHEST + 1)
    control_line(
        ax, alphas, forgetful, label="control: token after the drafts forgotten", drawstyle="steps-mid"
    )
    best = np.minimum(exact.data["value"].ravel(), HIGHEST + 1)
    bound_line(ax, alphas, best, label=r"best draft length $\gamma^*$", drawstyle="steps-mid")
    seen = [item for item in evidence["CORE-12c"].measure if item.cell["cost"] == price]
    ax.plot(
        [item.cell["alpha"] for item in seen],
        [int(np.argmax(item.data["speeds"])) for item in seen],
        linestyle="none",
        marker="o",
        color="C1",
        markersize=4,
        label="best in simulated rounds",
    )
    ax.set(ylabel=r"draft length $\gamma$", ylim=(0, HIGHEST), xlim=(0.0, alphas[-1]))
    ax.set_title(f"price of a draft step $c = {price:g}$", fontsize=7)


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw one panel per price of a draft step."""
    import matplotlib.pyplot as plt

    drawing, panels = plt.subplots(2, 1, figsize=(3.5, 4.8), sharex=True)
    for ax, price in zip(panels, PRICES, strict=True):
        _panel(ax, evidence, price)
    panels[1].set_xlabel(r"acceptance probability $\alpha$ of one draft")
    handles, labels = panels[0].get_legend_handles_labels()
    drawing.legend(handles, labels, loc="outside upper center", ncols=1, fontsize=6, frameon=False)
    return drawing


DRAFT_LENGTH_FIGURE = Figure(
    name="draft_length",
    title="Speed-up against acceptance and draft length",
    caption="Blue: tokens per unit of time relative to plain decoding, thick where equal, (1 - "
    "alpha^(gamma+1)) / ((1 - alpha)(gamma c + 1)), exact. Black: the best draft length for each "
    "acceptance, by the rule that stops when one draft more does not gain; it is 0, plain decoding, "
    "up to alpha = c. Orange: the draft length that was fastest in 100 000 simulated rounds at "
    "quick size; near the top S is flat, so neighbours tie. Dashed grey: the control, the best "
    "length for someone who forgets the token after the accepted drafts. Laws over three tokens "
    "stand in for two language models, a price per draft step for a clock.",
    claims=("CORE-12a", "CORE-12c"),
    draw=draw,
)
