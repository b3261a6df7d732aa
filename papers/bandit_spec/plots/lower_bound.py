"""The explicit lower-bound constant as read and as corrected, and regret slopes beside both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.verification.figures import Figure, band, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence

MAP_DRAFT = 4


def _ratio_map(ax: Axes, data: Mapping[str, np.ndarray], name: str, title: str) -> None:
    from matplotlib.colors import TwoSlopeNorm

    rejection, share, ratio = 1.0 - data["map_best"], data["map_share"], np.log10(data[name])
    mesh = ax.pcolormesh(
        rejection, share, ratio.T, cmap="RdBu_r", norm=TwoSlopeNorm(0.0, -2.0, 2.0), shading="nearest"
    )
    if (ratio > 0).any():
        ax.contour(rejection, share, ratio.T, levels=[0.0], colors="black", linewidths=1.2)
    ax.axvline(1.0 - 2.0 ** (-1.0 / MAP_DRAFT), color="black", linestyle=":", linewidth=1.0)
    ax.set(title=title, xscale="log", xlabel="$1 - p^*$")
    ax.grid(visible=False)
    if name == "map_corrected":
        bar = ax.figure.colorbar(mesh, ax=ax, ticks=[-2, -1, 0, 1, 2])
        bar.set_ticklabels(["0.01", "0.1", "1", "10", "100"])
    else:
        ax.set_ylabel("relative gap $1 - p_i/p^*$")


def _slopes(ax: Axes, evidence: Mapping[str, ClaimEvidence]) -> None:
    seen = evidence["BS-7c"]
    first = seen.measure[0].data
    x = first["x"].astype(float)
    stated, limit = float(first["stated_constant"][0]), float(first["lower_bound_constant"][0])
    for item in seen.measure:
        regret = item.data["value"] * stated
        mean = regret.mean(axis=0)
        half = 2.576 * regret.std(axis=0, ddof=1) / np.sqrt(regret.shape[0])
        ax.plot(x, mean, marker="o", label=str(item.cell["policy"]))
        band(ax, x, mean - half, mean + half)
    broken = (seen.control[0].data["value"] * stated).mean(axis=0)
    control_line(ax, x, broken, label="UCBSpec")
    start = float((first["value"][:, 0] * stated).mean())
    bound_line(ax, x, start + limit * np.log(x / x[0]), label="slope $C_{LB}$")
    bound_line(ax, x, start + stated * np.log(x / x[0]), label="slope as read", linestyle=":")
    ax.set(xscale="log", yscale="log", xlabel="tokens $B$", ylabel="regret (rounds)")
    ax.set_ylim(top=float(broken.max()) * 6)
    ax.set_xticks(x, [f"{b / 1000:.0f}k" for b in x])
    ax.set_xticks([], minor=True)
    ax.legend(loc="upper left", ncols=2, columnspacing=1.0, handlelength=1.6)


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw both maps from the evidence of BS-7b and the slopes from that of BS-7c."""
    import matplotlib.pyplot as plt

    drawing, axes = plt.subplot_mosaic("ab;cc", figsize=(3.5, 4.4))
    data = next(item.data for item in evidence["BS-7b"].measure if item.cell["max_draft"] == MAP_DRAFT)
    _ratio_map(axes["a"], data, "map_stated", "as read / $C_{LB}$")
    _ratio_map(axes["b"], data, "map_corrected", "corrected / $C_{LB}$")
    axes["b"].set_yticklabels([])
    _slopes(axes["c"], evidence)
    return drawing


LOWER_BOUND_FIGURE = Figure(
    name="lower_bound",
    title="The explicit lower-bound constant, as read and corrected",
    caption="Top: ratio of the explicit constant to the constant C_LB of the lower bound for two truncated "
    "geometric arms with L = 4, over the best arm's rejection probability 1 - p* and the relative gap; "
    "left as read (a lower bound only where the ratio is at most 1, right of the black line), right "
    "without the factor 1/(1 - p*). Dotted: p* = 2^(-1/L); the advertised range lies left of it. Bottom: "
    "regret at acceptances 0.995, 0.99, 0.9 and L = 8 with 99 % bands; the black line grows with slope "
    "C_LB, the dotted one with the constant as read, both from the first point of Thompson sampling; "
    "dashed grey the control, UCBSpec. Truncated geometric rounds stand in for a language model and its "
    "drafters.",
    claims=("BS-7b", "BS-7c"),
    draw=draw,
)
