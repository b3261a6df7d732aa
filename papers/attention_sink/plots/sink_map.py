"""Which layers and heads of a real language model attend to the first token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.papers._real_model import VARIES
from tightbound.verification.figures import Figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence

EPS = 0.3


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw the importance of the first token by layer and head for four kinds of text."""
    import matplotlib.pyplot as plt

    natural, random = (evidence[name].measure[0].data for name in ("SINK-R1a", "SINK-R1b"))
    mirrored = evidence["SINK-R1a"].control[0].data
    repeated = evidence["SINK-R2a"].measure[0].data
    panels = (
        ("natural text", natural["first"][0], natural["greater"]),
        ("random tokens", random["first"][0], random["greater"]),
        ("one token repeated", repeated["first"][0], repeated["smaller"]),
        ("control: rows reversed", mirrored["first"][0], mirrored["greater"]),
    )
    drawing, axes = plt.subplots(1, len(panels), figsize=(7.0, 3.4), sharey=True)
    for ax, (title, first, sink) in zip(axes, panels, strict=True):
        layers, heads = first.shape
        shown = ax.imshow(
            first,
            cmap="viridis",
            vmin=0.0,
            vmax=1.0,
            aspect="auto",
            extent=(0.5, heads + 0.5, layers + 0.5, 0.5),
            interpolation="nearest",
        )
        ax.grid(visible=False)
        colour = "0.45" if title.startswith("control") else "black"
        ax.set_title(f"{title}\nSink$_1$ = {100 * np.mean(sink):.0f} %", color=colour, fontsize=8)
        ax.set(xlabel="head", xticks=[1, 3, 5, 7, 9])
    axes[0].set(ylabel="layer", yticks=[1, 5, 10, 15, 20, 25, 30])
    bar = drawing.colorbar(shown, ax=list(axes), shrink=0.9, pad=0.02, label=r"importance $\alpha_1$")
    bar.ax.axhline(EPS, color="white", linewidth=1.5)
    return drawing


SINK_MAP_FIGURE = Figure(
    name="sink_map",
    title="Sinks of SmolLM2 by layer and head",
    caption="Mean attention to the first of 64 tokens (importance, averaged over texts) in each of the 270 "
    "heads of SmolLM2-135M-Instruct; above each map the share of heads and texts in which it exceeds 0.3 "
    "(white line). Natural text and random tokens have the sink, the layers around 12 excepted; of one token "
    "repeated no copy has one, because all of them have the first one's state. Last map, the control: each "
    "row of weights of natural text turned around, so that column 1 holds what tokens give to themselves. "
    "SmolLM2, with weights of 4 bits, stands for the paper's models, help topics of Python for its texts.",
    claims=("SINK-R1a", "SINK-R1b", "SINK-R2a"),
    draw=draw,
    varies=VARIES,
)
