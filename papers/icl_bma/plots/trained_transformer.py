"""Figure: how near a trained transformer comes to the exact average, by position and trajectories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tightbound.verification.figures import Figure, band, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence

COLOURS = ("#e69f00", "#d55e00", "#cc79a7", "#0072b2", "#009e73")


def curves_by_position(
    ax: Axes,
    runs_of: Sequence[NDArray[np.float64]],
    budgets: Sequence[int | None],
    pooled: NDArray[np.float64],
) -> None:
    """Draw one curve per number of trajectories from its runs (R, T), beside the bigram law's (T,)."""
    tokens = np.arange(pooled.size)
    for place, (budget, runs) in enumerate(zip(budgets, runs_of, strict=True)):
        colour = COLOURS[-1] if budget is None else COLOURS[place]
        ax.plot(
            tokens,
            runs.mean(axis=0),
            color=colour,
            label=r"$N_p = \infty$" if budget is None else f"$N_p = {budget}$",
        )
        band(ax, tokens, runs.min(axis=0), runs.max(axis=0))
    bound_line(ax, tokens, pooled, label="best bigram law")
    ax.set(xlabel="tokens read", ylabel="total variation from\nthe exact average", xlim=(0, tokens[-1]))
    ax.set_ylim(bottom=0.0)


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw the curves of the claim, and of its control."""
    import matplotlib.pyplot as plt

    item, copies = evidence["ICL-7h"].measure[0], evidence["ICL-7h"].control[0]
    budgets = item.cell["trajectories"]
    drawing, ax = plt.subplots(figsize=(3.5, 2.9))
    curves_by_position(ax, list(item.data["curve"].swapaxes(0, 1)), budgets, item.data["pooled"][0])
    few, copied = budgets[0], copies.data["curve"][:, -1].mean(axis=0)
    control_line(ax, np.arange(copied.size), copied, label=f"control: {few}, 16 copies each")
    drawing.legend(loc="outside upper center", ncols=2, columnspacing=1.0, handlelength=1.6)
    return drawing


TRAINED_TRANSFORMER_FIGURE = Figure(
    name="trained_transformer",
    title="A trained transformer beside the exact average, by position and number of trajectories",
    caption="Total variation of a trained transformer from the exact average over concepts, on fresh "
    "sequences, against the number of tokens read, for N_p pretraining trajectories (N_p infinite: new ones "
    "at every step). Lines are means over training runs, bands their range. Black: the exact law of a token "
    "given its position and the one before it, the best that needs no inference of the concept; it is exact "
    "for the first two tokens. Dashed grey: the control, the smallest number of trajectories, each copied 16 "
    "times. With few trajectories the distance grows with the position, as that of the bigram law does; with "
    "many it grows little. A transformer of two blocks trained on bigram tasks is in place of a language "
    "model, finitely many Markov chains in place of the concepts of text.",
    claims=("ICL-7h",),
    draw=draw,
)
