"""Who gets the sink: the first token, or a slot before it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tightbound.verification.figures import Figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw the sink metric of slot and first token, one row per kind of slot."""
    import matplotlib.pyplot as plt

    names = {"key": "K bias", "key_value": "KV bias"}
    slots = evidence["SINK-T3a"]
    value = evidence["SINK-T3c"].measure[0].data["value"]
    none = evidence["SINK-T1a"].measure[0].data["value"]
    rows: list[tuple[str, Any, Any]] = [("none", None, none), ("V bias", None, value)]
    rows += [(names[i.cell["bias_slot"]], i.data["greater"], i.data["smaller"]) for i in slots.measure]
    rows += [("K bias, long value", slots.control[0].data["greater"], slots.control[0].data["smaller"])]
    drawing, ax = plt.subplots(figsize=(3.5, 2.4))
    place = np.arange(len(rows))[::-1]
    for y, (name, slot, first) in zip(place, rows, strict=True):
        control = name.endswith("long value")
        for values, marker, colour, shift in ((slot, "s", "C0", 0.12), (first, "o", "C1", -0.12)):
            if values is None:
                continue
            look = ("0.5", "--") if control else (colour, "-")
            ends = [0.0, values.mean()]
            ax.plot(ends, [y + shift] * 2, linewidth=1.0, color=look[0], linestyle=look[1])
            ax.plot(
                values,
                np.full(values.size, y + shift),
                marker,
                color=colour,
                markersize=3.5,
                linestyle="none",
            )
    ax.plot([], [], "s", color="C0", markersize=3.5, label=r"slot, $\mathrm{Sink}_*$")
    ax.plot([], [], "o", color="C1", markersize=3.5, label=r"first token, $\mathrm{Sink}_1$")
    ax.set_yticks(place, [name for name, _, _ in rows])
    ax.set(xlabel="sink metric at the end of training", xlim=(-0.03, 1.05), ylim=(-0.6, len(rows) - 0.4))
    drawing.legend(loc="outside upper center", ncols=2, columnspacing=1.0, handlelength=1.0)
    return drawing


BIAS_SLOTS_FIGURE = Figure(
    name="bias_slots",
    title="A slot with a learned key takes the sink",
    caption="Share of validation sequences in which the importance of the slot (squares) and of the first "
    "token (circles) exceeds 0.3 at the end of training, one marker per run, lines to the means. A learned "
    "key takes the sink, a learned value alone has no column and leaves it where it was. Dashed grey: the "
    "control, a learned key whose value is fixed and 20 units long. A transformer of one layer and one head "
    "trained on Bigram-Backcopy, whose first token is fixed, is in place of a language model of 60 million "
    "weights (the paper's Tables 4 and 5).",
    claims=("SINK-T1a", "SINK-T3a", "SINK-T3c"),
    draw=draw,
)
