"""How much the prompt of each denoising step weighs, for layout and detail."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tightbound.verification.figures import Figure, control_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence

STEPS = 25
LATE = 15
SPREADS = {"layout": 2.0, "detail": 0.2}
COLOURS = {"layout": "#009E73", "detail": "#CC79A7"}


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw the weights over the noise level."""
    import matplotlib.pyplot as plt

    found = evidence["PB-4b"]
    roles = (found.measure, found.control)
    item, broken = (next(c for c in role if c.cell["steps"] == STEPS) for role in roles)
    drawing, ax = plt.subplots(figsize=(3.5, 2.6))
    levels = item.data["x"].ravel()
    bare = broken.data["reference"].ravel()
    for start, (name, spread) in zip((0, STEPS + 1), SPREADS.items(), strict=True):
        label = rf"{name}, $\tau={spread:g}$"
        ax.plot(levels, item.data[name].ravel(), color=COLOURS[name], marker="o", label=label)
        label = "_" if start == 0 else "control: $b_s$ alone"
        control_line(ax, levels, bare[start : start + STEPS], label=label)
        ax.axvline(math.sqrt(2.0) * spread, color=COLOURS[name], linestyle=":", linewidth=0.9)
    ax.axvspan(levels[-1], levels[LATE], color="0.93", linewidth=0, zorder=0)
    middle = math.sqrt(levels[-1] * levels[LATE])
    ax.text(middle, 0.155, "gate: late steps", ha="center", fontsize=6.5, color="0.3")
    ax.set(xscale="log", ylabel="weight $w_s$", xlabel=r"noise level $\sigma_s$ (denoised to the right)")
    ax.set_xlim(levels[0] * 1.1, levels[-1] * 0.95)
    ax.set_ylim(0.0, 0.17)
    ax.set_xticks([4.0, 2.0, 1.0, 0.5, 0.2, 0.1], ["4", "2", "1", "0.5", "0.2", "0.1"])
    ax.set_xticks([], minor=True)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, handlelength=1.6, columnspacing=1.0)
    return drawing


PROMPT_WEIGHTS = Figure(
    name="prompt_weights",
    title="Weight of the prompt by denoising step",
    caption="Weight w_s of the prompt of each of 25 steps in the sample, exact, for a block with a wide prior"
    " (layout) and one with a narrow prior (detail). Dotted: sqrt(2) tau, where it peaks for many "
    "steps (PB-4d). Shaded: late steps as in the other figures; they hold 2 % of the layout's weight "
    "and 45 % of the detail's. Dashed grey, the control: what each step takes from its prompt, as if "
    "later steps did not overwrite it. A linear Gaussian denoiser stands for a video diffusion model.",
    claims=("PB-4b",),
    draw=draw,
)
