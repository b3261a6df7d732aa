"""Errors of estimated action values, and the level at which MonoMD with sampled values settles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.verification.figures import Figure, band, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence

_PANELS = (
    ("GMFG-5a", "episodes $K$", "error of $Q$", -0.5),
    ("GMFG-5b", "agents $N$", None, -1.0),
    ("GMFG-5c", "episodes $K$", None, -0.5),
)
_TITLES = ("sampled", "nearest", "in MonoMD")


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw three curves with the stated slopes."""
    import matplotlib.pyplot as plt
    from scipy.special import stdtrit

    drawing, axes = plt.subplots(1, 3, figsize=(3.5, 1.9))
    for ax, (claim, across, up, slope), title in zip(axes, _PANELS, _TITLES, strict=True):
        data, control = evidence[claim].measure[0].data, evidence[claim].control[0].data
        x, value = data["x"].astype(float), data["value"]
        mean, count = value.mean(axis=0), len(value)
        half = stdtrit(count - 1, 0.995) * value.std(axis=0, ddof=1) / np.sqrt(count)
        ax.plot(x, mean, marker="o")
        band(ax, x, mean - half, mean + half)
        bound_line(ax, x, mean[0] * (x / x[0]) ** slope, linewidth=0.9)
        control_line(ax, control["x"], control["value"].mean(axis=0))
        ax.set(xscale="log", yscale="log", xlabel=across, title=title)
        ax.set_xticks([x[0], x[-1]], [f"{x[0]:g}", f"{x[-1]:g}"])
        ax.minorticks_off()
        ends = (mean[-1], mean[0], control["value"].mean())
        ax.set_yticks(ends, [f"{end:.1g}" for end in ends])
        if up:
            ax.set_ylabel(up)
    return drawing


Q_ESTIMATION_FIGURE = Figure(
    name="q_estimation",
    title="Errors of estimated action values",
    caption="Left: mean error of Q at the sampled agents over episodes; middle: error of exact Q taken "
    "from the nearest of N agents; right: policy distance at which MonoMD with sampled Q settles. 99 % "
    "bands of the mean; black lines have the stated slopes -1/2, -1 and -1/2 through the first point. "
    "Dashed grey, the controls: a behaviour that never plays one action; agents crowded in the first "
    "tenth; two agents for all blocks. Simulated episodes stand in for an environment.",
    claims=("GMFG-5a", "GMFG-5b", "GMFG-5c"),
    draw=draw,
)
