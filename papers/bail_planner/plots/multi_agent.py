"""Imitation, world model and teams of actors beside one another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tightbound.verification.figures import Figure, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence
    from tightbound.verification.statistics.base import CellEvidence

TEAM = {"environments": 4, "actors": 8, "eta": 1.0}
JOINT, APART, PLANNED = "#0072B2", "#D55E00", "#009E73"


def _only(found: Sequence[CellEvidence], **wanted: Any) -> CellEvidence:
    """Return the first cell with these values."""
    return next(c for c in found if all(c.cell[name] == value for name, value in wanted.items()))


def _over_episodes(ax: Axes, evidence: Mapping[str, ClaimEvidence]) -> None:
    teams = evidence["PLN-18c"]
    apart = _only(teams.measure, sampling="independent", **TEAM)
    joint = _only(teams.measure, sampling="joint", **TEAM)
    naive = _only(teams.control, sampling="independent", **TEAM)
    planned = evidence["PLN-16b"].control[0].data
    x = apart.data["x"].ravel()
    control_line(ax, x, naive.data["value"].ravel(), label="drawn apart, naive")
    control_line(
        ax, planned["x"].ravel(), planned["value"].ravel(), label="world model, naive", linestyle=":"
    )
    bound_line(ax, x, apart.data["bound"].ravel(), label="bound, drawn apart")
    ax.plot(x, apart.data["value"].ravel(), marker="s", color=APART, label="drawn apart")
    ax.plot(x, joint.data["world_model"].ravel(), marker="^", color=PLANNED, label="world model")
    ax.plot(x, joint.data["value"].ravel(), marker="o", color=JOINT, label="joint draw")
    ax.set(xscale="log", yscale="log", xlabel="episodes T", ylabel="regret")
    _ticks(ax, x[::2])
    ax.set_ylim(top=60.0 * x[-1] / 8.0)
    ax.legend(loc="upper left", ncols=2, handlelength=1.8, columnspacing=1.0)


def _ticks(ax: Axes, values: Iterable[float]) -> None:
    """Label an axis of episodes by whole numbers."""
    ax.set_xticks(list(values), [f"{n:,.0f}".replace(",", "\u2009") for n in values])
    ax.set_xticks([], minor=True)


def _over_actors(ax: Axes, evidence: ClaimEvidence) -> None:
    found = _only(evidence.measure, environments=TEAM["environments"], eta=TEAM["eta"])
    naive = _only(evidence.control, environments=TEAM["environments"], eta=TEAM["eta"])
    teams = found.data["x"].ravel()
    control_line(ax, teams, naive.data["value"].ravel(), label="drawn apart, naive")
    rate = found.data["recalled_rate"].ravel()
    ax.plot(teams, rate, color="0.3", linestyle="-.", linewidth=0.9, label="recalled rate")
    bound_line(ax, teams, found.data["bound"].ravel(), label="bound, drawn apart")
    ax.plot(teams, found.data["value"].ravel(), marker="s", color=APART, label="drawn apart")
    ax.plot(teams, found.data["joint"].ravel(), marker="o", color=JOINT, label="joint draw")
    ax.set(yscale="log", xlabel="actors K", ylabel=f"regret, T = {found.cell['episodes']}")
    ax.set_xticks(teams, [f"{k:.0f}" for k in teams])
    ax.set_ylim(bottom=0.6, top=3e4)
    ax.legend(loc="lower right", ncols=2, handlelength=1.8, columnspacing=1.0)


def _private(ax: Axes, found: Sequence[CellEvidence]) -> None:
    for marker, actors in (("o", 2), ("s", 3)):
        item = _only(found, truth=0, actors=actors, q=0.9)
        x = item.data["x"].ravel()
        explored = item.data["eps"].ravel() * x
        private, shared = (item.data[name].ravel() - explored for name in ("value", "shared"))
        ax.plot(x, private, marker=marker, color=APART, label=f"private, K = {actors}")
        ax.plot(x, shared, marker=marker, color=JOINT, linestyle="--", label=f"shared, K = {actors}")
    ax.set(xscale="log", xlabel="episodes T", ylabel=r"regret $- \varepsilon T$")
    ticks = sorted({n for c in found for n in c.cell["episodes"]})
    _ticks(ax, ticks)
    ax.set_ylim(0.0, 6.5)
    ax.legend(loc="upper left", ncols=2, handlelength=2.2, columnspacing=1.0)


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw regret over episodes, over the number of actors, and with private contexts."""
    import matplotlib.pyplot as plt

    drawing, (top, middle, bottom) = plt.subplots(3, 1, figsize=(3.5, 6.6), height_ratios=(1.25, 1.1, 0.9))
    _over_episodes(top, evidence)
    _over_actors(middle, evidence["PLN-18d"])
    _private(bottom, evidence["PLN-18g"].measure)
    return drawing


MULTI_AGENT = Figure(
    name="multi_agent",
    title="Imitation, world model and teams of actors",
    caption="Exact regret. Top: MEET with |Z| = 4, K = 8, eta = 1, exploration derived for each T and for "
    "how the team draws (the world model explores as the joint draw does); black the bound for draws apart. "
    "Dashed grey, the control: draws apart without exploration, linear up to about |Z|^K episodes; dotted "
    "grey: the world model without exploration (REVEAL), T/2. Middle: the same at one T over the number K of "
    "actors, where few naive actors soon meet by chance; dash-dotted the rate with the root of K as "
    "remembered from the paper, with constant 1: it decides nothing. Bottom: PRIVATE-MEET (|Z| = 2, "
    "reliability 0.9), regret beyond the cost of exploration where each actor sees its own sign only, and "
    "where all signs are shared; the bound lies above the panel. The exact posterior mixture of experts, or "
    "the exact predictive law, stands for the language model, a table for the reporter, one transition "
    "kernel for the actors.",
    claims=("PLN-16b", "PLN-18c", "PLN-18d", "PLN-18g"),
    draw=draw,
)
