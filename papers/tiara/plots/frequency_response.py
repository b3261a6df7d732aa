"""Gains of reweighted attention, where none of them grows, and the energy left at high frequencies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.verification.figures import Figure, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence
    from tightbound.verification.statistics.base import CellEvidence

BOOST = 2.0
NAMES = {"gauss": "Gauss", "exponential": "exponential", "nearest": "two neighbours"}


def _cell(items: tuple[CellEvidence, ...], **wanted: object) -> CellEvidence:
    return next(item for item in items if (wanted | {"boost": BOOST}).items() <= item.cell.items())


def _gains(ax: Axes, evidence: Mapping[str, ClaimEvidence]) -> None:
    item = _cell(evidence["TIARA-2c"].measure, shape="nearest")
    broken = _cell(evidence["TIARA-2c"].control, shape="nearest")
    half = item.cell["frames"] // 2 + 1
    k = np.arange(half)
    gains, reductions = item.data["gains"], item.data["reductions"]
    ax.fill_between(k, 0.0, gains[0, :half], color="0.93", linewidth=0.0)
    bound_line(ax, k, gains[0, :half], label="$a=0$ (bound)")
    for index in (1, 2, 3):
        label = f"$a={reductions[index]:.1f}$" + (" (limit)" if index == 2 else "")
        ax.plot(k, gains[index, :half], color=f"C{index - 1}", label=label)
    control_line(ax, k, broken.data["value"][-1, :half], label=f"control, $a={-reductions[2]:.1f}$")
    ax.set(xlabel="frequency $k$", ylabel=r"$|f_\beta(k)|$", xlim=(0, half - 1), ylim=(0.0, 1.03))
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, handlelength=1.4, columnspacing=0.9)


def _region(ax: Axes, evidence: Mapping[str, ClaimEvidence]) -> None:
    for index, (shape, name) in enumerate(NAMES.items()):
        item = _cell(evidence["TIARA-2b"].measure, shape=shape)
        reductions, ratio = item.data["reduction"][0], item.data["largest_ratio"][0]
        ax.plot(reductions, ratio, color=f"C{index}", label=name)
        limit = float(item.data["limit"][0])
        if limit <= reductions[-1]:
            ax.plot([limit], [1.0], color=f"C{index}", marker="o", linestyle="none", label="_")
    bound_line(ax, [0.0, 10.0], [1.0, 1.0], label="no gain grows")
    ax.set(xlabel="reduction $a$", ylabel=r"largest $|f_\beta(k)|/|f_p(k)|$, $k>0$")
    ax.set(xlim=(0.0, 10.0), ylim=(0.8, 1.8))
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, handlelength=1.4, columnspacing=0.9)


def _energy(ax: Axes, evidence: Mapping[str, ClaimEvidence]) -> None:
    for index, (shape, name) in enumerate(NAMES.items()):
        item = _cell(evidence["TIARA-3"].measure, shape=shape, spectrum="flat")
        reductions, energy = item.data["reduction"][0], item.data["energy"][0]
        ax.plot(reductions, energy, color=f"C{index}", label=name)
        best = float(item.data["reference"][0])
        ax.plot([best], [energy.min()], color=f"C{index}", marker="o", linestyle="none")
    broken = _cell(evidence["TIARA-3"].control, shape="gauss", spectrum="flat")
    reductions, energy = broken.data["reduction"][0], broken.data["energy"][0]
    control_line(ax, reductions, energy, label="control: low band, Gauss")
    ax.set(xlabel="reduction $a$", ylabel="energy in the band, $E(a)/E(0)$", xlim=(0.0, 10.0), yscale="log")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, handlelength=1.4, columnspacing=0.9)


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw gains, the region where none grows, and the energy at high frequencies."""
    import matplotlib.pyplot as plt

    drawing, axes = plt.subplots(1, 3, figsize=(7.0, 2.6))
    _gains(axes[0], evidence)
    _region(axes[1], evidence)
    _energy(axes[2], evidence)
    return drawing


FREQUENCY_RESPONSE_FIGURE = Figure(
    name="frequency_response",
    title="Gains of reweighted attention, and how far reweighting helps",
    caption="Exact gains of attention over 32 frames that depends on the distance between frames alone, its "
    "diagonal logit raised by 2 and then reduced by a. Left: attention to the two neighbours. Black: "
    "the gains without reduction, which bound all others up to the limit of TIARA-2c (shaded); 4 "
    "beyond it, high frequencies come back with the opposite sign. Dashed grey: the control, a "
    "negative reduction. Middle: the largest gain of any frequency but 0 relative to that without "
    "reduction; at the dots, the closed form of the limit, it crosses the black line. Right: energy "
    "of white noise left in the upper half of the frequencies, with the closed form of the best "
    "reduction (dots); dashed grey: the control, energy in the lower half, which falls throughout. "
    "Logits given directly stand in for a video model.",
    claims=("TIARA-2b", "TIARA-2c", "TIARA-3"),
    draw=draw,
)
