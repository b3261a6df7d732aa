"""Naive execution beside epsilon-greedy planning, on instances that grow with T and on fixed ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tightbound.verification.figures import Figure, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence


def _reveal(ax: Axes, evidence: Mapping[str, ClaimEvidence]) -> None:
    naive, fixed = evidence["PLN-5b"].measure[0].data, evidence["PLN-5b"].control[0].data
    explored = evidence["PLN-8b"].measure[0].data
    bound_line(ax, explored["x"], explored["bound"][0], label="bound, exploring")
    ax.plot(
        explored["x"],
        explored["recalled"],
        color="black",
        linestyle=":",
        linewidth=1.0,
        label="recalled rate",
    )
    ax.plot(naive["x"], naive["value"][0], marker="o", label="naive, $|Z|=T$")
    ax.plot(explored["x"], explored["regret"], marker="s", label="exploring, $|Z|=T$")
    ax.plot(
        naive["x"], naive["bound"][0], color="C0", linestyle="-.", linewidth=1.0, label="lower bound, naive"
    )
    control_line(ax, fixed["x"], fixed["value"][0], label="control: naive, $|Z|=8$")
    ax.set(xscale="log", yscale="log", xlabel="episodes $T$", ylabel="regret on REVEAL")
    ax.legend(loc="upper left", ncols=2, handlelength=1.8, columnspacing=1.0, labelspacing=0.3)
    ax.set_ylim(top=ax.get_ylim()[1] * 40)


def _lock(ax: Axes, evidence: Mapping[str, ClaimEvidence]) -> None:
    cells = evidence["PLN-7b"].measure
    far = cells[0].data["curve_x"]
    bound_line(ax, far, (0.25 + 0.375) * far, label="linear")
    for item in cells:
        ax.plot(far, item.data["curve"], label=f"$d={item.cell['depth']}$")
    for index, item in enumerate(cells):
        last = item.data["x"][-1], item.data["value"][0, -1]
        ax.plot(*last, "o", color=f"C{index}", markersize=4)
    control_line(ax, far, evidence["PLN-7b"].control[0].data["curve"], label="control: $d=4$")
    ax.set(xscale="log", yscale="log", xlabel="episodes $T$", ylabel="naive regret on LOCK")
    ax.set_ylim(bottom=0.4, top=3e6)
    ax.legend(loc="upper left", ncols=2, handlelength=1.8, columnspacing=1.0, labelspacing=0.3)


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw regret against T on logarithmic axes: REVEAL above, LOCK below."""
    import matplotlib.pyplot as plt

    drawing, (top, bottom) = plt.subplots(2, 1, figsize=(3.5, 4.6))
    _reveal(top, evidence)
    _lock(bottom, evidence)
    return drawing


REGRET = Figure(
    name="regret",
    title="Naive execution and epsilon-greedy planning",
    caption="Exact regret in an environment where only trying is right. Top, REVEAL: with as many "
    "environments as episodes naive sampling (blue) is linear and stays above its lower bound "
    "(dash-dotted); "
    "exploring whole episodes with the derived probability (vermilion) grows like the square root of T, "
    "below its bound (black). Dotted: the rate H^(3/2) sqrt(T log(|Z| sqrt T) / eta) as remembered from "
    "the paper, with constant 1; it decides nothing. Dashed grey, the control: on one fixed instance "
    "naive sampling is not linear, its regret stays below (|Z| - 1)/2. Bottom, LOCK with two "
    "environments: naive regret is linear until the lock opens, after about 2^d episodes, and flat from "
    "there; the dots mark T = 2^d / 10, up to which the slope is checked. Black: linear regret. Dashed "
    "grey: the control, a lock of depth 4. The exact posterior mixture of experts stands for the "
    "language model, a table for the reporter, one transition kernel for the actor.",
    claims=("PLN-5b", "PLN-7b", "PLN-8b"),
    draw=draw,
)
