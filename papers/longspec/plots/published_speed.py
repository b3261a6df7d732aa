"""The paper's own tables: speed-ups of Table 1, and the time of a round of Table 5."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.papers.longspec import published
from tightbound.verification.figures import Figure, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence


def draw_speedups(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw one group of bars per data set, one bar per model."""
    import matplotlib.pyplot as plt

    ratios = evidence["LS-6a"].measure[0].data["value"]
    other = evidence["LS-6a"].control[0].data["value"]
    drawing, ax = plt.subplots(figsize=(7.0, 2.6))
    places, width = np.arange(len(published.DATA_SETS)), 0.16
    for row, model in enumerate(published.MODELS):
        left = places + (row - 2) * width
        ax.bar(left, ratios[row], 0.9 * width, color=f"C{row}", label=model)
        for column, x in enumerate(left):
            edges = [x - 0.45 * width, x + 0.45 * width]
            bound_line(
                ax,
                edges,
                [published.SPEEDUP[row, column]] * 2,
                label="as printed" if row == column == 0 else "_",
            )
            control_line(
                ax,
                edges,
                [other[row, column]] * 2,
                label="control: over Vanilla HF" if row == column == 0 else "_",
            )
    ax.set(ylabel="speed-up over plain decoding", ylim=(0.0, None))
    ax.set_xticks(places, published.DATA_SETS)
    drawing.legend(loc="outside upper center", ncols=4, fontsize=6, frameon=False)
    return drawing


SPEEDUPS_FIGURE = Figure(
    name="published_speedups",
    title="Speed-ups of Table 1, from its own tokens per second",
    caption="Bars: tokens per second with LongSpec over tokens per second of plain decoding with flash "
    "attention, both as printed in Table 1 (temperature 0, one A100). Black: the speed-up printed "
    "beside them. Dashed grey: the control, the same ratio over plain decoding with the attention of "
    "transformers, which the caption of the table names; it does not give the printed numbers. "
    "Nothing was measured here: these are the authors' numbers for their models.",
    claims=("LS-6a",),
    draw=draw_speedups,
)


def draw_rounds(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw the time of a round above, tokens per second below, by length of the prompt."""
    import matplotlib.pyplot as plt

    found, wrong = evidence["LS-5a"].measure[0].data, evidence["LS-5a"].control[0].data
    places = np.arange(len(published.PREFILL))
    drawing, (top, bottom) = plt.subplots(2, 1, figsize=(3.5, 4.0), sharex=True)
    base = np.zeros(places.size)
    draft, target, verify = found["milliseconds"][0]
    for part, label in ((draft, "draft"), (target - verify, "target, the rest"), (verify, "verification")):
        top.bar(places, part, 0.7, bottom=base, label=label)
        base = base + part
    top.set(ylabel="time of a round (ms)", ylim=(0.0, 56.0))
    top.legend(fontsize=6, frameon=False, ncols=3, loc="upper center")
    bottom.plot(places, found["value"][0], "o", label="tokens per round / (draft + target)")
    bound_line(bottom, places, found["reference"][0], label="as printed")
    control_line(bottom, places, wrong["value"][0], label="control: verification added once more")
    bottom.set(ylabel="tokens per second", xlabel="length of the prompt (tokens)", ylim=(60.0, 150.0))
    bottom.set_xticks(places, published.PREFILL, fontsize=6)
    bottom.legend(fontsize=6, frameon=False, loc="upper center")
    return drawing


ROUNDS_FIGURE = Figure(
    name="published_rounds",
    title="Table 5: the time of a round explains the printed speed",
    caption="LongChat-7B on GovReport, as printed in Table 5. Above: milliseconds of draft and target; the "
    "printed time of verification is drawn as a part of the target's. Below: tokens per round over "
    "the time of draft and target (points) and the printed tokens per second (black), which agree "
    "within 5 %. Dashed grey: the control, in which verification is added to the round once more. "
    "Nothing was measured here.",
    claims=("LS-5a",),
    draw=draw_rounds,
)
