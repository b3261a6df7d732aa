"""How well the graphon is learned: with episodes, and with agents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tightbound.verification.figures import Figure, band, control_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence
    from tightbound.verification.statistics.base import CellEvidence

PANELS = (("exp", r"exp, $\theta = 3$"), ("sbm", "two blocks"))


def mean_band(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mean and 99 % interval over axis 0."""
    from scipy.special import stdtrit

    mean = values.mean(axis=0)
    half = stdtrit(len(values) - 1, 0.995) * values.std(axis=0, ddof=1) / np.sqrt(len(values))
    return mean, np.maximum(mean - half, mean / 20), mean + half


def reference(ax: Axes, x: np.ndarray, start: float, power: float, label: str) -> None:
    """Draw a dotted power law through its first point, with its name at the middle."""
    ax.plot(x, start * (x / x[0]) ** power, color="0.3", linestyle=":", linewidth=1.0, label=label)


def _first(items: Sequence[CellEvidence], graphon: str) -> CellEvidence:
    return next(item for item in items if item.cell["graphon"] == graphon)


def _episodes(ax: Axes, evidence: Mapping[str, ClaimEvidence], graphon: str) -> None:
    unsorted = _first(evidence["GMFG-7a"].control, graphon)
    x = np.array(unsorted.cell["episodes"], dtype=float)
    control_line(ax, x, unsorted.data["value"].mean(axis=0), label="labels at random")
    known = _first(evidence["GMFG-7a"].measure, graphon)
    hidden = _first(evidence["GMFG-8a"].measure, graphon)
    for item, label, marker, dashes, colour in (
        (hidden, "hidden positions", "s", "--", "#D55E00"),
        (known, "known positions", "o", "-", "#0072B2"),
    ):
        x = np.array(item.cell["episodes"], dtype=float)
        mean, low, high = mean_band(item.data["value"])
        ax.plot(x, mean, marker=marker, linestyle=dashes, color=colour, label=label)
        band(ax, x, low, high)
    reference(ax, x, 0.45 * float(known.data["value"].mean(axis=0)[0]), -0.5, r"slope $-1/2$")
    ax.set(xscale="log", yscale="log", xlabel="episodes L", ylim=(2e-4, 1.0))


def _agents(ax: Axes, evidence: Mapping[str, ClaimEvidence]) -> None:
    for name, label, marker, colour, power in (
        ("GMFG-7c", "at $i/N$", "s", "#CC79A7", -1.0),
        ("GMFG-7b", r"at $(i-\frac{1}{2})/N$", "o", "#009E73", -2.0),
    ):
        items = evidence[name].measure
        x = np.array([item.cell["agents"] for item in items], dtype=float)
        y = np.array([float(item.data["value"].mean()) for item in items])
        ax.plot(x, y, marker=marker, color=colour, label=label)
        reference(ax, x, 0.6 * float(y[0]), power, f"slope ${power:.0f}$")
    ax.set_xscale("log", base=2)
    ax.set_xticks(x, [f"{n:.0f}" for n in x])
    ax.set(yscale="log", xlabel="agents N, endless episodes", ylabel=r"error of $\hat\rho\hat W$")
    ax.legend(ncols=2, loc="center", bbox_to_anchor=(0.5, 0.56), handlelength=1.8)


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw error against episodes on two graphons, and bias against the number of agents."""
    import matplotlib.pyplot as plt

    drawing = plt.figure(figsize=(3.5, 4.4))
    top, bottom = drawing.subfigures(2, 1, height_ratios=(1.15, 1.0), squeeze=False).ravel()
    axes = top.subplots(1, 2, sharey=True)
    for ax, (graphon, title) in zip(axes, PANELS, strict=True):
        _episodes(ax, evidence, graphon)
        ax.set_title(title)
    axes[0].set_ylabel(r"error of $\hat\rho\hat W$")
    handles, labels = axes[0].get_legend_handles_labels()
    top.legend(handles, labels, loc="outside upper center", ncols=2, columnspacing=1.4)
    _agents(bottom.subplots(), evidence)
    return drawing


ESTIMATION_FIGURE = Figure(
    name="estimation",
    title="Error of the estimated graphon against episodes and agents",
    caption="Top: root mean squared error of the estimated infection rate times graphon among the agents of "
    "the SIS game, with 99 % bands over data sets, where positions of agents are known (solid) or hidden "
    "and recovered by sorting and swaps (dashed); dashed grey the control, labels handed out at random and "
    "believed; dotted, the slope of parametric least squares. Bottom: error that remains with endless "
    "episodes when the plain mean over N agents stands for the integral, exp(3); exact numbers without "
    "interval; each curve is the control of the other. No bound with known constants exists here. "
    "Simulated single agents in an endless crowd stand in for a sampling oracle, a parametric class for a "
    "class of functions.",
    claims=("GMFG-7a", "GMFG-7b", "GMFG-7c", "GMFG-8a"),
    draw=draw,
)
