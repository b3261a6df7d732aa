"""Accepted share of drafts and the speed-up that it predicts, over kept keys and draft length."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.papers._real_model import VARIES
from tightbound.papers.sparse_to_dense.checks.acceptance import BATCH, CONTEXT
from tightbound.verification.figures import Figure, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence

DARKEST = 0.55
"""Part of a range of colours that is used, so that black numbers can be read."""


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw one panel for the share and one for the speed-up, with numbers in the cells and bounds below."""
    import matplotlib.pyplot as plt

    found = evidence["STD-6"]
    keys, gammas = (sorted({item.cell[name] for item in found.measure}) for name in ("keys", "gamma"))
    table = {(item.cell["keys"], item.cell["gamma"]): item.data for item in found.measure}

    def values(name: str) -> np.ndarray:
        return np.array([[float(table[k, g][name].ravel()[0]) for g in gammas] for k in keys])

    first = (values("bound") - 1.0) / gammas  # share of rounds whose first draft is accepted
    panels = (
        ("accepted share", values("share"), first, "Blues", 0.0),
        ("predicted speed-up", values("speedup"), values("alone"), "Oranges", 1.0),
    )
    drawing, axes = plt.subplots(1, 2, figsize=(3.5, 0.95 + 0.42 * len(keys)), sharey=True)
    for ax, (title, shown, bound, colours, low) in zip(axes, panels, strict=True):
        high = low + (shown.max() - low) / DARKEST
        ax.imshow(shown, cmap=colours, vmin=low, vmax=high, origin="lower", aspect="auto")
        ax.grid(False)
        for (row, column), value in np.ndenumerate(shown):
            ax.text(column, row + 0.12, f"{value:.2f}", ha="center", va="center", fontsize=7)
            ax.text(column, row - 0.24, f"({bound[row, column]:.2f})", ha="center", va="center", fontsize=5.5)
        ax.set_xticks(range(len(gammas)), [str(gamma) for gamma in gammas])
        ax.set_yticks(range(len(keys)), [str(count) for count in keys])
        ax.tick_params(length=0)
        ax.set(xlabel=r"drafts per round $\gamma$", title=title)
    axes[0].set_ylabel("kept keys K")
    last = found.control[-1].cell
    _frame(axes[0], gammas.index(last["gamma"]), keys.index(last["keys"]), _first_of_control(found))
    bound_line(axes[0], [np.nan], [np.nan], label="bound, in brackets")
    drawing.legend(
        *axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2, fontsize=6, frameon=False
    )
    return drawing


def _first_of_control(found: ClaimEvidence) -> float:
    """Return the share of rounds whose first draft is accepted, for random keys."""
    item = found.control[-1]
    return float((item.data["bound"].ravel()[0] - 1.0) / item.cell["gamma"])


def _frame(ax: Axes, column: int, row: int, share: float) -> None:
    """Mark the cell that the control exceeds."""
    across, up = np.array([-0.46, 0.46, 0.46, -0.46, -0.46]), np.array([-0.44, -0.44, 0.44, 0.44, -0.44])
    control_line(ax, column + across, row + up, label=f"control: first draft, random keys, {share:.2f}")


HEAT_MAP_FIGURE = Figure(
    name="heat_map",
    title="Accepted drafts and predicted speed-up over kept keys and draft length",
    caption="Left: accepted share of gamma sparse drafts per round that keep K keys of the document, a ratio "
    "of totals over prompts; in brackets the bound, the share of rounds whose first draft is accepted. "
    "Right: the speed-up over plain decoding that this predicts where time is bytes read, at "
    f"{CONTEXT} tokens and batch {BATCH} in float32, if as many drafts were accepted there; in brackets the "
    "bound, with keys alone. Dashed grey frame: the cell in which the control, the first drafts of random "
    "keys, is exceeded. Nothing was timed. SmolLM2-135M-Instruct and pages of Python's documentation stand "
    "in for a video language model and videos.",
    claims=("STD-6",),
    draw=draw,
    varies=VARIES,
)
