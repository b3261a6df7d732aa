"""Tokens per round, and memory of the draft, against the length of the context."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.verification.figures import Figure, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence

NAMES = {(1, 1, 1, 1, 1): "chain of 5", (2, 3, 3): "tree 2, 3, 3", (4, 16, 16, 16, 16): "tree 4, 16, ..., 16"}
WINDOW, KV_HEADS, HEAD_SIZE, ITEM = 32, 2, 32, 4


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw tokens per round by shape of the draft, and bytes of its state beside a linear cache."""
    import matplotlib.pyplot as plt

    drawing, (ax, below) = plt.subplots(2, 1, figsize=(3.5, 3.6))
    usual = evidence["LS-3a"].measure[0].cell["prompts"]  # other cells vary the batch
    for index, (widths, name) in enumerate(NAMES.items()):
        items = [
            item
            for item in evidence["LS-3a"].measure
            if tuple(item.cell["widths"]) == widths and item.cell["prompts"] == usual
        ]
        x = [item.cell["prompt"] for item in items]
        y = [item.data["tokens_per_round"].item() for item in items]
        ax.plot(x, y, "os^"[index], linestyle="-", linewidth=0.8, markersize=3.5, label=name)
    ax.axhline(1.0, color="0.6", linewidth=0.8, linestyle=":")
    ax.set(xscale="log", xlabel="bytes of the prompt", ylabel="tokens per round", ylim=(0.0, None))
    lengths = sorted({item.cell["prompt"] for item in evidence["LS-3a"].measure})
    ax.set_xticks(lengths, [str(length) for length in lengths])
    ax.set_xticks([], minor=True)
    ax.legend(fontsize=6, frameon=False, loc="lower right", ncols=3, columnspacing=0.8, handlelength=1.4)
    state, linear = evidence["LS-4b"].measure, evidence["LS-4b"].control
    tokens = np.array([item.cell["tokens"] for item in state])
    told = 2 * WINDOW * KV_HEADS * HEAD_SIZE * ITEM / 1024
    bound_line(below, tokens, np.full(tokens.shape, told), label="$2 W H_k D$ numbers")
    below.plot(
        tokens,
        [item.data["value"].item() / 1024 for item in state],
        "o",
        markersize=3.5,
        label="ring, allocated",
    )
    control_line(
        below,
        tokens,
        [item.data["value"].item() / 1024 for item in linear],
        label="control: a slot per token",
    )
    below.set(xscale="log", yscale="log", xlabel="tokens of the context", ylabel="state of the draft, KiB")
    below.legend(fontsize=6, frameon=False)
    return drawing


CONTEXT = Figure(
    name="context",
    title="Tokens per round, and the draft's memory, against the length of the context",
    caption="Top: tokens per round at temperature 0 of the byte model after held-out prompts of at most so "
    "many bytes, for three shapes of the draft; dotted, plain decoding. Bottom: bytes that the draft keeps "
    "for one text, beside 2 W H_k D float32 numbers (black). Dashed grey: the control, a linear cache. A "
    "Llama of 0.8 million weights over bytes, trained on 256 of them at a time, and its draft with W = 32 "
    "stand in for the paper's models; their tokens per round say nothing about those of a large model.",
    claims=("LS-3a", "LS-4b"),
    draw=draw,
)
