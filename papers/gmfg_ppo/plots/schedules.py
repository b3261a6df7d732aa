"""Schedules of GMFG-PPO: averaged errors against T, and the course of single runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tightbound.verification.figures import Figure, band, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence
    from tightbound.verification.statistics.base import CellEvidence

COUPLING = -0.4
NAMES = {"T^-2/3": r"$\alpha = T^{-2/3}$", "T^-1/2": r"$\alpha = T^{-1/2}$", "constant": r"$\alpha = 0.3$"}
MARKERS = {"T^-2/3": "o", "T^-1/2": "s", "constant": "^"}


def _found(items: Sequence[CellEvidence], **wanted: object) -> CellEvidence:
    """Return the first cell with the given entries and the coupling that is drawn."""
    entries = {"coupling": COUPLING, **wanted}
    return next(item for item in items if all(item.cell[name] == value for name, value in entries.items()))


def _averages(ax: Axes, curves: Mapping[str, Mapping[str, np.ndarray]], control: CellEvidence) -> None:
    published = curves["T^-2/3"]
    bound_line(ax, published["x"], published["curve_bound"].ravel(), label=r"bound at $\alpha = T^{-2/3}$")
    control_line(ax, control.data["x"], control.data["value"].mean(axis=0), label=r"$\alpha = 1/T$, control")
    for name, data in curves.items():
        errors = data.get("error", data["value"])
        ax.plot(data["x"], errors.mean(axis=0), marker=MARKERS[name], label=NAMES[name])
        band(ax, data["x"], errors.min(axis=0), errors.max(axis=0))
    ax.set(xscale="log", yscale="log", xlabel="iterations $T$ of a run", ylabel="averaged error")
    ax.set_xticks(data["x"], [f"{x:.0f}" for x in data["x"]], minor=False)
    ax.minorticks_off()
    ax.set_ylim(top=40.0)
    ax.legend(loc="upper right", ncols=2, handlelength=1.8, columnspacing=1.0)


def _courses(ax: Axes, curves: Mapping[str, Mapping[str, np.ndarray]], control: CellEvidence) -> None:
    at = np.unique(np.geomspace(1, control.data["distance"].shape[1], 80).round().astype(int))
    control_line(ax, at, control.data["distance"].mean(axis=0)[at - 1], label="_")
    for name, data in curves.items():
        ax.plot(at, data["distance"].mean(axis=0)[at - 1], label=NAMES[name])
    tracking = curves["T^-2/3"]["tracking"].mean(axis=0)[at - 1]
    ax.plot(at, tracking, color="black", linestyle=":", label=r"tracking error $\delta_t$")
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="iteration $t$ of the longest run",
        ylabel="error $e_t$",
        xlim=(1, at[-1]),
    )
    ax.legend(loc="lower left")


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw both panels from the evidence of GMFG-6e and GMFG-6g."""
    import matplotlib.pyplot as plt

    published = _found(evidence["GMFG-6e"].measure, error="mean of errors")
    control = _found(evidence["GMFG-6e"].control, error="mean of errors")
    others = evidence["GMFG-6g"].measure
    curves = {"T^-2/3": published.data} | {
        name: _found(others, schedule=name).data for name in ("T^-1/2", "constant")
    }
    drawing, (top, bottom) = plt.subplots(2, 1, figsize=(3.5, 4.4))
    _averages(top, curves, control)
    _courses(bottom, curves, control)
    return drawing


SCHEDULES_FIGURE = Figure(
    name="schedules",
    title="What the schedule of GMFG-PPO does to its averaged error, and why",
    caption="Top: distance of the mean field from the equilibrium's, averaged over the T iterations of a "
    "run, one run per T; mean over random games, bands from the smallest to the largest. Every schedule "
    "shows the exponent that its own steps imply: alpha = T^-2/3 falls like T^-1/3, larger steps faster, the "
    "control alpha = 1/T (dashed grey) not at all. Black: the bound at alpha = T^-2/3 with certified "
    "constants. Bottom: the same distance during the longest runs; the start is forgotten at the rate alpha, "
    "down to the floor left by mixing 1/T. Dotted: distance of the policy from the best response to the "
    "current mean field, which is small after a few steps. Exact tabular policy steps and exact action "
    "values stand in for PPO with neural networks.",
    claims=("GMFG-6e", "GMFG-6g"),
    draw=draw,
)
