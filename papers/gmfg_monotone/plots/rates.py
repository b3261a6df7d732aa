"""Divergence of MonoMD beside its bounds, and the averaged iterate beside the steps that set its slope."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.verification.figures import Figure, band, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence

_ROUNDING = 1e-15


def _divergence(ax: Axes, evidence: Mapping[str, ClaimEvidence], claim: str, title: str) -> None:
    seen = evidence[claim]
    for item in seen.measure:
        value, bound = item.data["value"], item.data["bound"]
        x = np.arange(1, value.shape[1] + 1)
        theta = item.cell.get("theta")
        if item.cell["lam"] != seen.measure[0].cell["lam"]:
            continue
        (line,) = ax.plot(
            x,
            np.maximum(value.max(axis=0), _ROUNDING),
            label=rf"$\theta$ = {theta:g}" if theta else r"$\theta_t = 2/(t+2)$",
        )
        bound_line(
            ax, x, bound.max(axis=0), label="", color=line.get_color() if theta else "black", linewidth=0.8
        )
    control = seen.control[0].data["value"][0]
    control_line(ax, np.arange(1, len(control) + 1), control)
    ax.set(xscale="log", yscale="log", xlabel="iteration", title=title)
    ax.set_xticks([1, 10, 100, 1000])
    ax.set_xlim(0.8, 1300)


def _averages(ax: Axes, evidence: Mapping[str, ClaimEvidence]) -> None:
    from scipy.special import stdtrit

    rows = (
        ("GMFG-4d", r"$\lambda\eta = T^{-1/2}$", -0.5),
        ("GMFG-4e", r"$\lambda\eta = 0.2$", -1.0),
    )
    for claim, label, slope in rows:
        data = evidence[claim].measure[0].data
        x, value = data["x"].astype(float), data["value"]
        mean, count = value.mean(axis=0), len(value)
        half = stdtrit(count - 1, 0.995) * value.std(axis=0, ddof=1) / np.sqrt(count)
        ax.plot(x, mean, marker="o", label=label)
        band(ax, x, mean - half, mean + half)
        bound_line(ax, x, mean[0] * (x / x[0]) ** slope, label=f"slope {slope:g}", linewidth=0.8)
    control = evidence["GMFG-4d"].control[0].data
    control_line(ax, control["x"], control["value"].mean(axis=0), label=r"$\lambda\eta = 1/T$")
    ax.set(xscale="log", yscale="log", xlabel="iterations $T$", ylabel="distance of the average")
    ticks = data["x"]
    ax.set_xticks(ticks, [f"{x:g}" for x in ticks])
    ax.set_xticks([], minor=True)
    low, high = ax.get_ylim()
    ax.set_ylim(low, 40.0 * high)
    ax.legend(loc="upper right", ncols=2, columnspacing=1.0)


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw divergences above and averages below."""
    import matplotlib.pyplot as plt

    drawing, axes = plt.subplot_mosaic("ab;cc", figsize=(3.5, 4.3))
    _divergence(axes["a"], evidence, "GMFG-4b", "constant steps")
    _divergence(axes["b"], evidence, "GMFG-4c", r"$\theta_t = 2/(t+2)$")
    handles = axes["a"].get_legend_handles_labels()[0]
    drawing.legend(handles=handles, loc="outside upper center", ncols=4, handlelength=1.2, columnspacing=1.2)
    axes["a"].set_ylabel(r"divergence $\phi$")
    for name in "ab":
        axes[name].set_ylim(1e-16, 1e4)
        axes[name].set_yticks([1e-15, 1e-10, 1e-5, 1.0])
    axes["b"].set_yticklabels([])
    _averages(axes["c"], evidence)
    return drawing


RATES_FIGURE = Figure(
    name="rates",
    title="MonoMD's divergence and the average iterate",
    caption="Top: divergence of the last iterate from the equilibrium in random weakly monotone games "
    "(largest of the instances), with its bound in the same colour, thinner (left), or in black (right); "
    "dashed grey the control, the anti-monotone rotation game, which turns away. Bottom: distance of the "
    "average policy after T steps, 99 % bands over instances; black lines of slopes -1/2 and -1 through "
    "the first points. The slope follows the transient 1/(lam eta), so it is the schedule that is seen; "
    "dashed grey the control, steps 1/T, where the start is never forgotten. Exact tabular Q stands in "
    "for learned critics.",
    claims=("GMFG-4b", "GMFG-4c", "GMFG-4d", "GMFG-4e"),
    draw=draw,
)
