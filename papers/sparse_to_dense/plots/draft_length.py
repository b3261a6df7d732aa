"""Tokens per round against the length of drafts, and the speed-up that they predict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.papers._real_model import VARIES
from tightbound.papers.sparse_to_dense.checks.acceptance import BATCH, CONTEXT
from tightbound.verification.figures import Figure, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence
    from tightbound.verification.statistics import CellEvidence


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw one colour per number of kept keys."""
    import matplotlib.pyplot as plt

    found = evidence["STD-6"]
    drawing, (ax, below) = plt.subplots(2, 1, figsize=(3.5, 4.4), sharex=True)
    sizes = sorted({item.cell["keys"] for item in found.measure})
    for number, keys in enumerate(sizes):
        items = [item for item in found.measure if item.cell["keys"] == keys]
        gamma = np.array([item.cell["gamma"] for item in items])

        def values(name: str, items: list[CellEvidence] = items) -> np.ndarray:
            return np.array([float(item.data[name].ravel()[0]) for item in items])

        look = {"color": f"C{number}", "marker": "o", "markersize": 3}
        once = number == 0
        ax.plot(gamma, values("value"), label=f"measured, K = {keys}", **look)
        ax.plot(
            gamma,
            values("independent"),
            color=f"C{number}",
            linestyle=":",
            label="independent drafts" if once else "_",
        )
        bound_line(ax, gamma, values("bound"), label="bound: first draft" if once else "_", linewidth=0.8)
        below.plot(gamma, values("speedup"), label=f"weights and keys, K = {keys}", **look)
        bound_line(below, gamma, values("alone"), label="bound: keys alone" if once else "_", linewidth=0.8)
        for panel, name in ((ax, "bound"), (below, "alone")):
            place = (gamma[-1], values(name)[-1])
            panel.annotate(
                f"K = {keys}", place, xytext=(3, 0), textcoords="offset points", fontsize=6, va="center"
            )
    last = found.control[-1]
    control_line(
        ax,
        [1, last.cell["gamma"]],
        1.0 + (last.data["bound"].ravel()[0] - 1.0) * np.array([1.0 / last.cell["gamma"], 1.0]),
        label="control: first draft, random keys",
    )
    below.axhline(1.0, color="0.8", linewidth=0.6, zorder=0)
    ax.set(ylabel="tokens per round")
    below.set(
        xlabel=r"drafts per round $\gamma$", ylabel=f"predicted speed-up\nat {CONTEXT} tokens, batch {BATCH}"
    )
    below.set_xticks(sorted({item.cell["gamma"] for item in found.measure}))
    for panel in (ax, below):
        panel.legend(fontsize=6, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False)
    return drawing


DRAFT_LENGTH_FIGURE = Figure(
    name="draft_length",
    title="Tokens per round and predicted speed-up against draft length and kept keys",
    caption="Above: tokens per round of greedy decoding with gamma sparse drafts that keep K keys of the "
    "document (coloured), and what independent drafts with the acceptance measured at gamma = 1 would give "
    "(dotted). Black: the bound, 1 + gamma times the share of rounds whose first draft is accepted. "
    "Dashed grey: the control, that line for drafts by random keys. Below: the speed-up over plain "
    "decoding that these tokens per round predict where time is bytes read, at 8192 tokens and batch 8 in "
    "float32, if as many drafts were accepted there; black: the bound, with keys alone. Nothing was timed. "
    "SmolLM2-135M-Instruct and pages of Python's documentation stand in for a video language model and "
    "videos.",
    claims=("STD-6",),
    draw=draw,
    varies=VARIES,
)
