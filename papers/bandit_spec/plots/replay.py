"""Table 1's substitute as a figure: drafters and learners replayed on real text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tightbound.papers.bandit_spec.checks.recording import ARMS, CATEGORIES, COSTS, SUBSTITUTES, VANILLA
from tightbound.verification.figures import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence

PER_SECOND = 1000.0
"""ms in a second."""


def _learners(evidence: Mapping[str, ClaimEvidence]) -> Iterator[tuple[str, Mapping[str, np.ndarray], int]]:
    """Yield name, data and tokens per text of every learner, once each."""
    seen = set()
    for claim in ("BS-13c", "BS-13i", "BS-13d"):
        for item in evidence[claim].measure:
            name = str(item.cell["policy"])
            if name not in seen:
                seen.add(name)
                yield name, item.data, int(item.cell["tokens"])


def _speed(cost: np.ndarray, tokens: int, unit: float) -> tuple[float, float, float]:
    """Return pooled speed, unit * tokens / mean cost, and its 99 % interval over texts."""
    from scipy.special import stdtrit

    mean = cost.mean()
    half = stdtrit(cost.size - 1, 0.995) * cost.std(ddof=1) / np.sqrt(cost.size)
    return unit * tokens / mean, unit * tokens / (mean + half), unit * tokens / max(mean - half, 1e-9)


def _panel(ax: Axes, rows: list[tuple[str, np.ndarray, str]], tokens: int, unit: float, lines: Any) -> None:
    for height, (_, cost, colour) in enumerate(reversed(rows)):
        speed, low, high = _speed(cost, tokens, unit)
        ax.fill_betweenx([height - 0.3, height + 0.3], low, high, color=colour, alpha=0.3, linewidth=0.0)
        ax.plot([speed], [height], marker="o", color=colour, markersize=3)
    oracle, best = (_speed(cost, tokens, unit) for cost in lines)
    ax.axvspan(oracle[1], oracle[2], color="black", alpha=0.12, linewidth=0.0)
    ax.axvline(oracle[0], color="black", linewidth=1.4)
    ax.axvline(best[0], color="0.5", linestyle="--", linewidth=1.0)
    ax.set_yticks(range(len(rows)), [name for name, _, _ in reversed(rows)])
    ax.set_ylim(-0.6, len(rows) - 0.4)
    ax.grid(visible=False, axis="y")
    ax.locator_params(axis="x", nbins=3)


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw tokens per round and tokens per second, one column per category."""
    import matplotlib.pyplot as plt
    from matplotlib.lines import Line2D

    drawing, panels = plt.subplots(2, 3, figsize=(3.5, 4.9), sharey=True)
    learners = list(_learners(evidence))
    _, shared, tokens = learners[0]
    for row, (kind, unit) in enumerate((("rounds", 1.0), ("time", PER_SECOND))):
        for column, category in enumerate(CATEGORIES):
            ax = panels[row, column]
            here = shared["category"] == column
            fixed = shared[f"fixed_{kind}"][here]
            rows = [(name, fixed[:, i], "#0072B2") for i, name in enumerate(ARMS)]
            rows += [(name, data[kind][data["category"] == column], "#D55E00") for name, data, _ in learners]
            _panel(ax, rows, tokens, unit, (shared[f"oracle_{kind}"][here], fixed.min(axis=1)))
            if kind == "time":
                ax.axvline(PER_SECOND / VANILLA, color="0.3", linestyle=":", linewidth=1.0)
            else:
                ax.set_title(category)
            ax.axhline(len(learners) - 0.5, color="0.6", linewidth=0.6)
            ax.tick_params(axis="y", length=0)
    panels[0, 1].set_xlabel("tokens per round")
    panels[1, 1].set_xlabel("tokens per second")
    drawing.legend(
        handles=[
            Line2D([], [], color="black", linewidth=1.4, label="shortest path"),
            Line2D([], [], color="0.5", linestyle="--", label="best arm of each text"),
            Line2D([], [], color="0.3", linestyle=":", label="no drafting"),
        ],
        loc="outside lower center",
        ncols=3,
        handlelength=1.5,
        columnspacing=1.0,
    )
    return drawing


REPLAY_FIGURE = Figure(
    name="replay_table",
    title="Drafters and learners replayed on real text: tokens per round and per second",
    caption="Substitute for Table 1. Drafters alone (blue) and learners that start afresh on every text "
    "(vermilion), as tokens per round (top) and tokens per second (bottom), pooled over the texts of a "
    "category; bands are 99 % intervals over texts. Black line with band: the bound on every policy, the "
    "shortest path through the trace. Dashed grey: each text's best arm, which is the shortest path without "
    "choice (the control of BS-13e). Dotted: one "
    f"token per round of {VANILLA:.0f} ms. A round costs {', '.join(f'{c:.0f}' for c in COSTS)} ms for "
    f"{', '.join(ARMS)}, from the paper's Table 1. {SUBSTITUTES}",
    claims=("BS-13c", "BS-13d", "BS-13e", "BS-13i"),
    draw=draw,
)
