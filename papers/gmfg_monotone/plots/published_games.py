"""Figure 3: threshold policies in SIS, investment over the agents, and the Boltzmann iteration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.verification.figures import Figure, control_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence

_STEP = 20
_COLOURS = {"unif-att": "#0072B2", "rank-att": "#D55E00", "er": "#009E73"}


def _thresholds(ax: Axes, evidence: Mapping[str, ClaimEvidence]) -> None:
    seen = evidence["GMFG-1f"]
    weights = {min(i.cell["lam"] for i in seen.measure): "-", max(i.cell["lam"] for i in seen.measure): ":"}
    for item in seen.measure:
        name, lam = str(item.cell["graphon"]), item.cell["lam"]
        if lam in weights:
            chance = item.data["chance"][0][:, _STEP]
            alpha = (np.arange(len(chance)) + 0.5) / len(chance)
            label = name if weights[lam] == "-" else None
            ax.plot(alpha, chance, color=_COLOURS[name], linestyle=weights[lam], label=label)
    control = min(seen.control, key=lambda i: i.cell["lam"])
    chance = control.data["chance"][0][:, _STEP]
    control_line(ax, (np.arange(len(chance)) + 0.5) / len(chance), chance, label="control")
    ax.set(xlabel=r"agent $\alpha$", ylabel="chance to protect", title="SIS", ylim=(-0.03, 1.03))


def _settling(ax: Axes, evidence: Mapping[str, ClaimEvidence]) -> None:
    seen = evidence["GMFG-1g"]
    low = min(item.cell["lam"] for item in seen.measure)
    for item in seen.measure:
        if item.cell["lam"] == low:
            name = str(item.cell["graphon"])
            for key, style in (("boltzmann", "-"), ("damped", ":")):
                curve = np.maximum(item.data[key][0][1:], 1e-16)
                width = 0.6 if key == "boltzmann" else 1.4
                ax.plot(
                    np.arange(1, len(curve) + 1),
                    curve,
                    color=_COLOURS[name],
                    linestyle=style,
                    linewidth=width,
                )
    for item in seen.control:
        curve = np.maximum(item.data["boltzmann"][0][1:], 1e-16)
        control_line(ax, np.arange(1, len(curve) + 1), curve)
    ax.set(yscale="log", xlabel="iteration", ylabel="change of the flow", title="SIS, low temperature")
    ax.set_yticks([1e-16, 1e-12, 1e-8, 1e-4, 1.0])


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw thresholds, the Boltzmann iteration and two investment maps."""
    import matplotlib.pyplot as plt
    from matplotlib.lines import Line2D

    drawing, axes = plt.subplot_mosaic("ab;cd", figsize=(3.5, 4.2))
    _thresholds(axes["a"], evidence)
    _settling(axes["b"], evidence)
    maps = {
        str(item.cell["graphon"]): item.data["policy"][0]
        for item in evidence["GMFG-1h"].measure
        if item.cell["game"] == "investment" and item.cell["lam"] == 0.05
    }
    for ax, name in ((axes["c"], "unif-att"), (axes["d"], "rank-att")):
        invest = maps[name][:, _STEP, :, 1]
        alpha = (np.arange(len(invest)) + 0.5) / len(invest)
        mesh = ax.pcolormesh(
            alpha,
            np.arange(invest.shape[1]),
            invest.T,
            vmin=0.0,
            vmax=1.0,
            shading="nearest",
            rasterized=True,
        )
        ax.set(xlabel=r"agent $\alpha$", title=f"investment, {name}")
        ax.grid(visible=False)
    axes["c"].set_ylabel("quality")
    axes["d"].set_yticklabels([])
    bar = drawing.colorbar(
        mesh, ax=[axes["c"], axes["d"]], ticks=[0.0, 0.5, 1.0], location="bottom", aspect=40, pad=0.03
    )
    bar.set_label("chance to invest")
    handles, labels = axes["a"].get_legend_handles_labels()
    handles.insert(2, Line2D([], [], color=_COLOURS["er"]))
    labels.insert(2, "er(1/2)")
    drawing.legend(handles, labels, loc="outside upper center", ncols=4, columnspacing=1.2)
    return drawing


PUBLISHED_GAMES_FIGURE = Figure(
    name="published_games",
    title="SIS and investment: thresholds, maps, and an iteration that does not settle",
    caption="Top left: chance that a susceptible agent protects himself at step 20 of 50, for the "
    "smallest (solid) and largest (dotted) entropy weight; better connected agents protect themselves, "
    "which nears a threshold; dashed grey the control exp(3), whose degree rises in alpha. Top right: "
    "distance of consecutive flows at temperature 0.02 on the same graphons and er(1/2) (green); solid "
    "the Boltzmann iteration, which keeps jumping, dotted damped mirror descent, which settles; dashed "
    "grey the control, the Boltzmann iteration at temperature 0.3. Bottom: chance to invest at step 20 "
    "over agents and quality, lam = 0.05. After the figures of Cui and Koeppl (ICLR 2022); damped mirror "
    "descent stands in for their fixed-point iterations and learned policies.",
    claims=("GMFG-1f", "GMFG-1g", "GMFG-1h"),
    draw=draw,
)
