"""Figure 2: equilibria of the true, estimated and constant graphons, played in the true game."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.papers.gmfg_ppo.plots.estimation import mean_band, reference
from tightbound.verification.figures import Figure, band, control_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence

GAMES = {"sis": "SIS", "investment": "investment"}
GRAPHONS = {"exp": "exp", "sbm": "blocks"}
FLOOR = 1e-9
"""Round-off of the solver and of exploitability; what lies below is drawn here."""


def _rows(ax: Axes, evidence: Mapping[str, ClaimEvidence]) -> None:
    """Draw one row per game, graphon and state of knowledge."""
    rng = np.random.default_rng(0)
    names, height = [], 0.0
    blind = {
        (i.cell["game"], i.cell["graphon"]): i.data["estimated"][:, -1] for i in evidence["GMFG-9a"].control
    }
    for index, item in enumerate(evidence["GMFG-9a"].measure):
        cell = item.cell
        positions = " (hidden)" if cell["positions"] == "hidden" else ""
        names.append(f"{GAMES[cell['game']]}, {GRAPHONS[cell['graphon']]}{positions}")
        height = -float(index)
        wrong = blind.get((cell["game"], cell["graphon"]))
        for values, marker, colour, label, spread in (
            (wrong, "x", "0.55", "fitted to random labels", 0.5),
            (item.data["constants"].ravel(), "D", "#D55E00", "constant 1, 1/2, 0", 0.0),
            (item.data["estimated"][:, -1], ".", "#0072B2", "estimated, 20 data sets", 0.5),
            (np.atleast_1d(item.data["true"]).ravel()[:1], "v", "black", "true graphon", 0.0),
        ):
            if values is None:
                continue
            shift = spread * (rng.random(values.size) - 0.5)
            ax.plot(
                np.maximum(values, FLOOR),
                height + shift,
                marker=marker,
                color=colour,
                linestyle="",
                label=label if index == 0 else None,
            )
    ax.set_yticks(-np.arange(len(names)), names)
    ax.set(xscale="log", ylim=(height - 0.6, 0.6), xlim=(FLOOR / 2, 20))
    ax.set_xlabel(r"$\mathrm{Expl}_\lambda$ in the true game")
    ax.set_xticks([FLOOR, 1e-6, 1e-3, 1], [r"$\leq 10^{-9}$", r"$10^{-6}$", r"$10^{-3}$", "1"])
    ax.minorticks_off()
    ax.grid(visible=False, axis="y")


def _growth(ax: Axes, evidence: Mapping[str, ClaimEvidence]) -> None:
    for item, colour, marker in zip(
        evidence["GMFG-9c"].measure, ("#0072B2", "#009E73", "#CC79A7", "#E69F00"), "osD^", strict=False
    ):
        x = np.array(item.cell["episodes"], dtype=float)
        mean, low, high = mean_band(item.data["estimated"])
        name = f"{GAMES[item.cell['game']]}, {GRAPHONS[item.cell['graphon']]}"
        ax.plot(x, mean, marker=marker, color=colour, label=name)
        band(ax, x, low, high)
    starts = [float(item.data["estimated"].mean(axis=0)[0]) for item in evidence["GMFG-9c"].measure]
    reference(ax, x, 0.3 * min(starts), -1.0, r"slope $-1$")
    for index, item in enumerate(evidence["GMFG-9c"].control):
        x = np.array(item.cell["episodes"], dtype=float)
        label = "random labels" if index == 0 else None
        control_line(ax, x, item.data["estimated"].mean(axis=0), label=label)  # type: ignore[arg-type]
    ax.set(xscale="log", yscale="log", xlabel="episodes L", ylabel=r"$\mathrm{Expl}_\lambda$")
    ax.set_ylim(top=30)
    ax.legend(ncols=2, loc="upper right", handlelength=1.8, columnspacing=1.0)


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw exploitability by graphon, and of estimated graphons over the number of episodes."""
    import matplotlib.pyplot as plt

    drawing = plt.figure(figsize=(3.5, 4.8))
    top, bottom = drawing.subfigures(2, 1, height_ratios=(1.25, 1.0), squeeze=False).ravel()
    ax = top.subplots()
    _rows(ax, evidence)
    handles, labels = ax.get_legend_handles_labels()
    top.legend(handles, labels, loc="outside upper center", ncols=2, columnspacing=1.2, handletextpad=0.2)
    _growth(bottom.subplots(), evidence)
    return drawing


PLUG_IN_FIGURE = Figure(
    name="plug_in",
    title="Exploitability of equilibria computed on true, estimated and constant graphons",
    caption="Regularised exploitability (lambda = 0.3) in the true game of equilibria computed on the true "
    "graphon (triangle; round-off), on graphons estimated from 20 data sets each (dots; positions known "
    "unless marked hidden) and on the constants 1, 1/2 and 0 (diamonds). Grey crosses: the control, "
    "graphons fitted to labels handed out at random. Top: SIS and investment on exp(3) and on two blocks. "
    "Bottom: mean over data sets against the number of episodes, with 99 % bands; dotted, slope -1, the "
    "square of the estimation error; dashed grey, the control. No bound with known constants exists here. "
    "Exact tabular mirror descent stands in for neural PPO, simulated single agents in an endless crowd for "
    "a sampling oracle.",
    claims=("GMFG-9a", "GMFG-9c"),
    draw=draw,
)
