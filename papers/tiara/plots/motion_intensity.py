"""Motion intensity of still and moving rows between its floor and its ceiling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.verification.figures import Figure, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence

FRAMES = 16
LOWEST = 1e-5


def _rows(ax: Axes, evidence: Mapping[str, ClaimEvidence]) -> None:
    cells = [item for item in evidence["TIARA-6e"].measure if item.cell["frames"] == FRAMES]
    for index, item in enumerate(cells):
        widths, length = np.array(item.cell["widths"]), item.cell["length"]
        found = item.data["value"][0]
        seen = found > LOWEST
        ax.plot(
            widths[seen], found[seen], color=f"C{index}", marker="o", markersize=2.5, label=f"$L={length}$"
        )
        floor = float(item.data["floor"][0])
        if floor > LOWEST:
            ax.axhline(floor, color=f"C{index}", linestyle=":", linewidth=1.0)
    bound_line(ax, [widths[0], widths[-1]], [item.data["bound"][0, 0]] * 2, label="ceiling", zorder=1)
    for index, item in enumerate(evidence["TIARA-6e"].control):
        if item.cell["frames"] == FRAMES:
            label = "control" if index == 0 else "_"
            control_line(ax, item.cell["widths"], item.data["value"][0], label=label)
    ax.set(xscale="log", yscale="log", xlabel="width of the row (frames)", ylabel=r"motion intensity $\rho$")
    ax.set(xticks=[0.3, 1, 3, 8], xticklabels=["0.3", "1", "3", "8"], ylim=(LOWEST, 1.0))
    ax.minorticks_off()
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, handlelength=1.6, columnspacing=0.9)


def _thresholds(ax: Axes, evidence: Mapping[str, ClaimEvidence]) -> None:
    shown, end = {"frames": FRAMES, "padding": "periodic"}, FRAMES // 2 + 1
    cells = [item for item in evidence["TIARA-6b"].measure if shown.items() <= item.cell.items()]
    for index, item in enumerate(cells):
        chosen = item.data["thresholds"][:, 1] == end
        first, found = item.data["thresholds"][chosen, 0], item.data["value"][0, chosen]
        seen, length = found > LOWEST, item.cell["length"]
        name = f"$L={length}$"
        ax.plot(first[seen], found[seen], color=f"C{index}", marker="o", markersize=2.5, label=name)
        ax.axvline(3 * FRAMES / (length - 1), color=f"C{index}", linestyle=":", linewidth=1.0)
    bound_line(ax, first, (end - first) / end, label="ceiling")
    wanted = shown | {"window": "boxcar", "length": 8}
    item = next(i for i in evidence["TIARA-6b"].control if wanted.items() <= i.cell.items())
    found = item.data["value"][0, chosen]
    control_line(ax, first[found > LOWEST], found[found > LOWEST], label="control: boxcar")
    ax.set(xlabel=r"threshold $\varphi_1$", ylabel=r"motion intensity $\rho$")
    ax.set(yscale="log", ylim=(LOWEST, 1.2))
    ax.minorticks_off()
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, handlelength=1.6, columnspacing=0.9)


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw the intensity against the width of rows, and of uniform rows against the threshold."""
    import matplotlib.pyplot as plt

    drawing, (left, right) = plt.subplots(1, 2, figsize=(7.0, 2.8))
    _rows(left, evidence)
    _thresholds(right, evidence)
    return drawing


MOTION_INTENSITY_FIGURE = Figure(
    name="motion_intensity",
    title="Motion intensity of still and of moving rows, with floor and ceiling",
    caption="Exact motion intensity of rows of attention over 16 frames for Blackman windows of L frames, "
    "phi_2 = 9. Left, phi_1 = 6: bell-shaped rows, still by construction, by their width. A row that "
    "sees its own frame alone is at the ceiling (phi_2 - phi_1)/phi_2 (black), so the stiller the "
    "attention the more of the reduction it is spared; wide rows reach the floor (dotted), what leaks "
    "out of the window (for L = 9 it lies below the axis). Dashed grey: the control, rows that see "
    "every second frame: they exceed the ceiling by little. Right: the floor, "
    "of uniform rows, against phi_1; dotted, the end of the main lobe, 3N/(L-1), which is the highest "
    "frequency for L = 7. Dashed grey: the control, a window without a taper (L = 8). Rows given "
    "directly stand in for a video model.",
    claims=("TIARA-6b", "TIARA-6e"),
    draw=draw,
)
