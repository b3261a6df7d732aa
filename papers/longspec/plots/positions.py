"""How often Anchor-Offset training visits each position."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.verification.figures import Figure, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw counts over all offsets, their closed form, and plain positions."""
    import matplotlib.pyplot as plt

    shown = {"length": 128, "longest": 1000, "anchors": 4}
    found, plain = (
        next(item for item in items if dict(item.cell) == shown)
        for items in (evidence["LS-7a"].measure, evidence["LS-7a"].control)
    )
    texts = found.cell["longest"] - found.cell["length"] + 1
    places = np.arange(found.cell["longest"])
    drawing, ax = plt.subplots(figsize=(3.5, 2.4))
    ax.plot(places[::12], found.data["value"][0, ::12] / texts, "o", markersize=2.5, label="counted")
    bound_line(ax, places, found.data["reference"][0] / texts, label="closed form")
    control_line(ax, places, plain.data["value"][0] / texts, label="control: positions from 0")
    ax.set(
        xlabel="position", ylabel="visits per text", yscale="symlog", xlim=(0, places[-1]), ylim=(0.0, 3.0)
    )
    ax.set_yscale("symlog", linthresh=0.01)
    ax.set_yticks([0, 0.01, 0.1, 1], ["0", "0.01", "0.1", "1"])
    drawing.legend(loc="outside upper center", ncols=3, fontsize=6, frameon=False)
    return drawing


POSITIONS_FIGURE = Figure(
    name="positions",
    title="Texts of 128 tokens visit all of 1000 positions",
    caption="Mean visits of each position by a text of 128 tokens whose part after four anchors is shifted by"
    " a uniform offset: counted over all offsets (points, every twelfth) and in closed form (black). "
    "The four anchors are visited every time. Dashed grey: the control, plain positions, which never "
    "reach 128. Positions alone: no text and no model.",
    claims=("LS-7a",),
    draw=draw,
)
