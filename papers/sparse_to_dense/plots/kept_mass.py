"""How much of the attention of written tokens the kept keys hold, against their number and by layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.papers._real_model import VARIES
from tightbound.verification.figures import Figure, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence

LABELS = ("chosen by the question", "first and latest", "random")


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw means over layers against K, with every layer of the first choice; then all layers at one K."""
    import matplotlib.pyplot as plt

    found = evidence["STD-4b"]
    keys = np.array([item.cell["keys"] for item in found.measure])
    layers = np.stack([item.data["layers"][0] for item in found.measure])  # (K, choices, layers)
    worst = np.stack([item.data["layers"][0, 0] for item in found.control])
    drawing, (ax, below) = plt.subplots(2, 1, figsize=(3.5, 4.4))
    for layer in range(layers.shape[2]):
        ax.plot(keys, layers[:, 0, layer], color="C0", linewidth=0.4, alpha=0.35)
    chosen = 1
    for number, label in enumerate(LABELS):
        ax.plot(
            keys, layers[:, number].mean(axis=1), color=f"C{number}", marker="o", markersize=3, label=label
        )
        below.plot(layers[chosen, number], color=f"C{number}", marker=".", markersize=3, linewidth=0.8)
    for panel, x in ((ax, keys), (below, np.arange(layers.shape[2]))):
        bound_line(panel, x[[0, -1]], [1.0, 1.0], label="bound: all attention" if panel is ax else "_")
        panel.set(ylabel="attention kept", ylim=(0.0, 1.04))
    control_line(ax, keys, worst.mean(axis=1), label="control: least attended")
    control_line(below, np.arange(layers.shape[2]), worst[chosen], label="_")
    ax.set_xscale("log")
    ax.set_xticks(keys, [str(key) for key in keys])
    ax.minorticks_off()
    document = found.measure[0].cell["document"]
    ax.set_xlabel(f"kept keys K of a document of {document} tokens")
    below.set_xlabel(f"layer, at K = {keys[chosen]}")
    drawing.legend(
        *ax.get_legend_handles_labels(), loc="outside upper center", ncols=2, fontsize=6, frameon=False
    )
    return drawing


KEPT_MASS_FIGURE = Figure(
    name="kept_mass",
    title="Attention that the kept keys of a document hold while the model writes on",
    caption="Share of the attention of written tokens that a sparse pass keeps: that to K keys of the "
    "document, to the question and to what has been written, a mean over heads and prompts. Above: "
    "against K, mean over layers (thick) and every layer of the first choice (thin). Below: by layer, "
    "one K. "
    "One minus the share is the total variation between sparse and dense attention. Black: the bound, "
    "all attention. Dashed grey: the control, the keys that the question attends to least. "
    "SmolLM2-135M-Instruct and pages of Python's documentation stand in for a video language model and "
    "videos, a question about the page for one about the video.",
    claims=("STD-4b",),
    draw=draw,
    varies=VARIES,
)
