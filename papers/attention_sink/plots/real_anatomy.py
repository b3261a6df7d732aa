"""What distinguishes the first token of a real language model, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.papers._real_model import VARIES
from tightbound.verification.figures import Figure, band, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence

LENGTHS = (
    ("state", r"state $\|h_1\|$", "o"),
    ("key", r"key $\|k_1\|$", "s"),
    ("drain", r"value $\|v_1\|$", "^"),
)


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw lengths over those of other tokens, cosines with queries, and the loss without the first token."""
    import matplotlib.pyplot as plt

    item, control = evidence["SINK-R5a"].measure[0], evidence["SINK-R5a"].control[0].data
    data = item.data
    drawing, axes = plt.subplots(1, 3, figsize=(7.0, 2.6), width_ratios=(1.15, 1.0, 0.9))
    layer = np.arange(1, data["state"].shape[1] + 1)
    for index, (name, label, marker) in enumerate(LENGTHS):
        colour = f"C{index}"
        axes[0].plot(layer, data[name].mean(axis=0), color=colour, marker=marker, markersize=2.5, label=label)
        band(axes[0], layer, data[name].min(axis=0), data[name].max(axis=0), color=colour)
    control_line(axes[0], layer, control["state"].mean(axis=0), label=r"control, $\|h_{16}\|$")
    bound_line(axes[0], layer, np.full(layer.size, item.bound), label="massive")
    axes[0].set(xlabel="layer", ylabel="length / mean of other tokens", yscale="log", ylim=(0.05, 3000.0))
    axes[0].legend(loc="upper left", ncols=2, fontsize=6)
    for index, (name, label) in enumerate(
        (("cosine", r"$\cos(q_t, k_1)$"), ("mass", r"importance $\alpha_1$"))
    ):
        axes[1].plot(layer, data[name].mean(axis=0), color=f"C{index + 3}", label=label)
        band(axes[1], layer, data[name].min(axis=0), data[name].max(axis=0), color=f"C{index + 3}")
    control_line(axes[1], layer, data["other_cosine"].mean(axis=0), label=r"other $\cos(q_t, k_j)$")
    axes[1].set(xlabel="layer", ylabel="mean over heads", ylim=(-0.25, 1.3))
    axes[1].legend(loc="upper right", fontsize=6)
    lost = evidence["SINK-R4a"].measure[0].data
    bars = (
        ("started_later", "begins\nlater", "C0"),
        ("evicted_1", "$k_1, v_1$\nremoved", "C3"),
        ("drained_1", "$v_1 = 0$", "C2"),
        ("evicted_2", "control:\n$k_2, v_2$\nremoved", "0.6"),
    )
    for place, (name, _, colour) in enumerate(bars):
        change = lost[name] - lost["whole"]
        axes[2].bar(place, change.mean(), color=colour, width=0.65, alpha=0.6)
        axes[2].plot(np.full(change.size, place), change, "k.", markersize=3)
    axes[2].set(ylabel="loss above that of\nthe whole text, nats")
    axes[2].set_xticks(range(len(bars)), [label for _, label, _ in bars], fontsize=6)
    axes[2].grid(visible=False, axis="x")
    return drawing


REAL_ANATOMY_FIGURE = Figure(
    name="real_anatomy",
    title="Anatomy of the sink of SmolLM2",
    caption="SmolLM2-135M-Instruct on natural text, by layer; bands from least to most over texts. Left: "
    "lengths of the first token's state, key and value over the mean of those of other tokens; black: from "
    "where on a state is called massive; dashed grey: the control, token 16. Middle: cosine of the first key "
    "with the queries of the second half of the text, how much attention the first token gets, and, dashed "
    "grey, cosines of other keys. The key is short and its angle makes the sink, which begins in layer 4, "
    "before the state grows massive in layer 13. Right: how much the loss of "
    "a text's second half rises if the text begins one token later, if key and value of token 1 are "
    "removed after the first half, if that value is set to zero, and, the control, if key and value of "
    "token 2 are removed; dots are texts. "
    "SmolLM2, with weights of 4 bits, stands for the paper's models, help topics of Python for its texts.",
    claims=("SINK-R5a", "SINK-R4a"),
    draw=draw,
    varies=VARIES,
)
