"""Tokens per second against the number of texts that are written together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.papers.longspec.plots.context import NAMES
from tightbound.verification.figures import Figure, control_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence

PROMPT = 256
"""Bytes of the prompts."""


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw the speed of plain decoding and of two shapes of the draft."""
    import matplotlib.pyplot as plt

    drawing, ax = plt.subplots(figsize=(3.5, 2.4))
    plain: dict[int, list[float]] = {}
    for index, (widths, name) in enumerate(NAMES.items()):
        found = {
            item.cell["prompts"]: 1.0 / item.data["seconds_per_token"][0]
            for item in evidence["LS-3a"].measure
            if tuple(item.cell["widths"]) == widths and item.cell["prompt"] == PROMPT
        }
        if len(found) < 2:
            continue
        sizes = sorted(found)
        ax.plot(sizes, [found[size][0] for size in sizes], "os^"[index] + "-", markersize=3.5, label=name)
        for size in sizes:
            plain.setdefault(size, []).append(found[size][1])
    sizes = sorted(plain)
    control_line(ax, sizes, [np.median(plain[size]) for size in sizes], label="plain decoding")
    ax.set(xscale="log", yscale="log", xlabel="texts written together", ylabel="tokens per second")
    ax.set_xticks(sizes, [str(size) for size in sizes])
    ax.set_xticks([], minor=True)
    low, high = ax.get_ylim()
    speeds = [
        speed * 10**power for power in range(6) for speed in (1, 2, 5) if low <= speed * 10**power <= high
    ]
    ax.set_yticks(speeds, [str(speed) for speed in speeds])
    ax.set_yticks([], minor=True)
    drawing.legend(loc="outside upper center", ncols=3, fontsize=6, frameon=False)
    return drawing


BATCH = Figure(
    name="batch",
    title="Tokens per second against the number of texts that are written together",
    caption="Tokens of all texts per second of processor time, after prompts of at most 256 bytes at "
    "temperature 0; neither prompts nor the first round are counted. Dashed grey: plain decoding. A Llama of "
    "0.8 million weights over bytes and its draft on the CPU stand in for the paper's models on a GPU: calls "
    "from Python make up most of these times, and a draft needs more of them, so that it does not pay here; "
    "what is seen is what a larger batch adds. No verdict depends on it.",
    claims=("LS-3a",),
    draw=draw,
    varies="these are times of the machine that ran it",
)
