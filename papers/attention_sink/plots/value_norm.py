"""Who is the sink when the slot has a fixed value, by the length of that value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tightbound.verification.figures import Figure, band, control_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw the metric of slot and first token against the length of the slot's value."""
    import matplotlib.pyplot as plt

    item, control = evidence["SINK-T7a"].measure[0].data, evidence["SINK-T7a"].control[0].data
    drawing, ax = plt.subplots(figsize=(3.5, 2.4))
    for name, label, colour, marker in (
        ("slot", r"slot, $\mathrm{Sink}_*$", "C0", "s"),
        ("first", r"first token, $\mathrm{Sink}_1$", "C1", "o"),
    ):
        runs = item[name]
        ax.plot(item["norms"], runs.mean(axis=0), color=colour, marker=marker, markersize=3.5, label=label)
        band(ax, item["norms"], runs.min(axis=0), runs.max(axis=0))
    short = control["norms"][:-1]
    control_line(ax, short, control["slot"][:, :-1].mean(axis=0), label="control, short values")
    ax.set(
        xlabel=r"length of the slot's fixed value $\|v_*\|$",
        ylabel="sink metric",
        ylim=(-0.04, 1.04),
        xticks=item["norms"],
    )
    drawing.legend(loc="outside upper center", ncols=2, columnspacing=1.0, handlelength=1.6)
    return drawing


VALUE_NORM_FIGURE = Figure(
    name="value_norm",
    title="The longer the fixed value of a slot, the less it is the sink",
    caption="Share of validation sequences in which the importance of the slot (squares) and of the first "
    "token (circles) exceeds 0.3 at the end of training, for a slot with a learned key and a fixed value of "
    "some length. Lines are means over training runs, bands their range. Dashed grey: the control, where no "
    "value is long and the slot stays the sink. A transformer of one layer and one head trained on "
    "Bigram-Backcopy, whose first token is fixed, is in place of a language model of 60 million weights (the "
    "paper's Table 5).",
    claims=("SINK-T7a", "SINK-T7b"),
    draw=draw,
)
