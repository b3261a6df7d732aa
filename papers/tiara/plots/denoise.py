"""Error of one step of attention over the reduction of its diagonal, on slow and on fast frames."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.verification.figures import Figure, band, control_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence
    from tightbound.verification.statistics.base import CellEvidence

ERRORS = 1.96
COLOURS = {"slow": "#0072B2", "fast": "#D55E00"}
DIM = 64


def _curve(ax: Axes, item: CellEvidence, name: str) -> None:
    x, values = item.data["x"].ravel(), item.data[name]
    mean = values.mean(axis=0)
    error = ERRORS * values.std(axis=0, ddof=1) / math.sqrt(values.shape[0])
    ax.plot(x, mean, color=COLOURS[name], marker="o", markersize=2.5, label=f"{name} frames")
    band(ax, x, mean - error, mean + error)
    adaptive = item.data[f"tiara_{name}"].mean(axis=0)
    ax.plot(x, adaptive, color=COLOURS[name], linestyle=":", label=f"{name}, TiARA")


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw the errors for two noise levels, and for the control's little noise."""
    import matplotlib.pyplot as plt

    found = evidence["TIARA-S2a"]
    drawing, axes = plt.subplots(3, 1, figsize=(3.5, 5.4))
    for ax, item in zip(axes, [*found.measure[:2], found.control[0]], strict=True):
        noise = item.cell["noise"]
        if item is found.control[0]:
            x = item.data["x"].ravel()
            for name, mark in (("slow", "o"), ("fast", "s")):
                control_line(ax, x, item.data[name].mean(axis=0), label=f"control, {name}", marker=mark)
            ax.set_ylim(bottom=0.0)
            ax.legend(loc="lower right", ncols=2)
        else:
            _curve(ax, item, "slow")
            _curve(ax, item, "fast")
            ax.set_ylim(bottom=0.0)
        ax.axvline(noise**2 * math.sqrt(DIM), color="0.2", linestyle="-.", linewidth=0.8)
        auc = float(np.mean(item.data["auc"]))
        ax.set_title(rf"$\sigma={noise:g}$; fast frames have the higher $\rho$: AUC {auc:.2f}")
        ax.set_ylabel("mean squared error")
    axes[-1].set_xlabel(r"reduction of the diagonal $\alpha$")
    handles, labels = axes[0].get_legend_handles_labels()
    drawing.legend(handles, labels, loc="outside upper center", ncols=4, handlelength=1.6, columnspacing=0.9)
    return drawing


DENOISE_FIGURE = Figure(
    name="denoise",
    title="One step of attention as a denoiser, over the reduction of its diagonal",
    caption="Mean squared error of sm(Z Z^T / sqrt(d) - alpha I) Z as an estimate of 64 clean frames, on the "
    "48 that drift and on the 16 that alternate (95 % bands over videos). Dash-dotted: sigma^2 "
    "sqrt(d), by which noise raises the diagonal. The error is least near it; beyond it fast frames "
    "blur again where noise is moderate, and hardly anything changes where it is strong. Dotted: "
    "TiARA, which takes alpha (1 - rho) off each row, so it needs a larger alpha for the same effect."
    " In the titles: chance that a fast frame has a higher motion intensity rho than a slow one. "
    "Bottom, dashed grey: the control, little noise, where a frame is its own best estimate and every"
    " reduction blurs it. One layer of attention with identity projections stands for a temporal "
    "layer, a point that drifts and for a while alternates for a video.",
    claims=("TIARA-S2a",),
    draw=draw,
)
