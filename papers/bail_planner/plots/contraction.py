"""Contraction of the posterior, episode by episode, against its bound."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.verification.figures import Figure, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence

INSTANCE = {"q": 0.8, "weight": 0.5, "truth": 0}
FLOOR, LAST = 1e-6, 100


def _name(ax: Axes, eps: float, bound: np.ndarray) -> None:
    """Write the probability of exploration beside its bound, at the right edge or above the lower one."""
    last = min(LAST, int(np.argmax(np.append(bound, 0.0) < 10 * FLOOR)) or LAST)
    ax.text(last + 1, bound[last - 1] * 1.1, rf"$\varepsilon={eps:g}$", fontsize=6, va="center")


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw the mean root ratio and the mean doubt for every probability of exploration."""
    import matplotlib.pyplot as plt

    drawing, (top, bottom) = plt.subplots(2, 1, figsize=(3.5, 4.2), sharex=True)
    cells = [item for item in evidence["PLN-9a"].measure if INSTANCE.items() <= item.cell.items()]
    broken = next(
        item for item in evidence["PLN-9a"].control if (INSTANCE | {"eps": 0.3}).items() <= item.cell.items()
    )
    for ax, name, ylabel in (
        (top, "root", r"$E\,\sqrt{R_t}$"),
        (bottom, "doubt", r"$E[1-w_t(z)]$"),
    ):
        found = "root_ratio" if name == "root" else "doubt"
        for index, item in enumerate(cells):
            values, bound = item.data[found], item.data[f"{name}_bound"]
            episodes = np.arange(1, values.size + 1)
            seen, kept = values > FLOOR, bound > FLOOR
            bound_line(
                ax, episodes[kept], bound[kept], label="bound" if index == 0 else "_", linewidth=0.8, zorder=3
            )
            _name(ax, item.cell["eps"], bound)
            ax.plot(
                episodes[seen],
                values[seen],
                color=f"C{index}",
                linewidth=2.0,
                label=rf"$\varepsilon={item.cell['eps']:g}$",
            )
        episodes = np.arange(1, broken.data[found].size + 1)
        control_line(ax, episodes, broken.data[found], label=r"control, $\varepsilon=0.3$")
        ax.set(yscale="log", ylabel=ylabel, ylim=(FLOOR, 3.0), xlim=(1, LAST))
    bottom.set_xlabel("episode $t$")
    top.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, handlelength=1.8, columnspacing=1.2)
    return drawing


CONTRACTION_FIGURE = Figure(
    name="contraction",
    title="Contraction of the posterior against its bound",
    caption="Exact means over everything that can happen on PROBE-BSC (reliability 0.8, eta = 0.2, even "
    "prior) at the start of every episode, for sampling with different probabilities of exploration: of the "
    "root of the posterior ratio R_t = w_t(z')/w_t(z) (top) and of the weight of the wrong environment "
    "(bottom). Thin black, named at their ends: the bounds (1 - eps eta)^(t-1) and half of that. With eps"
    " = 1 the upper one is attained; with eps = 0 they are constant, and the ratio falls because tries "
    "tell. Dashed grey: the control, a posterior that counts all evidence twice, with eps = 0.3: its mean"
    " root ratio stops falling. The exact posterior mixture of experts stands for the language model, a "
    "binary symmetric channel for the reporter, one transition kernel for the actor.",
    claims=("PLN-9a",),
    draw=draw,
)
