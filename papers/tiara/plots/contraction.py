"""Contraction of frames by attention against its bound."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.verification.figures import Figure, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence

SHOWN = 60  # instances of a cell that are drawn


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw coefficients against their bound, and along a growing reduction."""
    import matplotlib.pyplot as plt

    drawing, (left, right) = plt.subplots(1, 2, figsize=(7.0, 2.8))
    spreads: dict[float, list[np.ndarray]] = {}
    for item in evidence["TIARA-5a"].measure:
        pair = np.stack([item.data["bound"][:SHOWN], item.data["value"][:SHOWN]])
        spreads.setdefault(item.cell["spread"], []).append(pair)
    for index, (spread, pairs) in enumerate(spreads.items()):
        bound, value = np.concatenate(pairs, axis=1)
        left.plot(
            bound,
            value,
            color=f"C{index}",
            marker=".",
            markersize=2.0,
            linestyle="none",
            label=f"$R={spread:g}$",
        )
    wrong = [np.stack([i.data["bound"], i.data["value"]])[:, :SHOWN] for i in evidence["TIARA-5a"].control]
    bound, value = np.concatenate(wrong, axis=1)
    control_line(left, bound, value, label="control", linestyle="none", marker="x", markersize=2.5)
    bound_line(left, [0.0, 1.0], [0.0, 1.0])
    left.set(xlabel="bound", ylabel=r"Dobrushin coefficient $\delta$", xlim=(0.0, 1.0), ylim=(0.0, 1.02))
    left.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=5, handlelength=1.2, columnspacing=0.9)

    index = 0
    for item in evidence["TIARA-5c"].measure:
        if item.cell["boost"] != 4.0:
            continue
        reductions = item.data["reduction"]
        half = reductions.size
        formula = item.data["reference"][:half]
        bound_line(right, reductions, formula, label="bound" if index == 0 else "_", linewidth=1.0)
        right.plot(
            reductions[::2],
            item.data["value"][:half:2],
            color=f"C{index}",
            marker="o",
            markersize=2.5,
            linestyle="none",
            label=f"$N={item.cell['frames']}$",
        )
        index += 1
    broken = next(i for i in evidence["TIARA-5c"].control if i.cell["boost"] == 4.0)
    reductions = broken.data["reduction"]
    control_line(right, reductions, broken.data["value"][: reductions.size], label="control")
    right.set(
        xlabel="reduction $a$", ylabel=r"Dobrushin coefficient $\delta$", xlim=(0.0, 8.0), ylim=(0.0, 1.0)
    )
    right.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4, handlelength=1.2, columnspacing=0.9)
    return drawing


CONTRACTION_FIGURE = Figure(
    name="contraction",
    title="How much closer attention brings frames, against the bound",
    caption="Dobrushin coefficient of reweighted attention, exact. Left: random logits over 4, 8 and 24 "
    "frames whose entries off the diagonal spread by at most R, with random reductions, against the "
    "bound from R and the weights on oneself (black: equality). Grey crosses: the control, logits "
    "that spread by 12 where 0.5 is put into the bound. Right: attention to all other frames alike, "
    "whose diagonal logit of 4 is reduced by a; the bound (black) is attained. It is 0 where the "
    "weight on oneself is 1/N and grows again beyond. Dashed grey: the control, logits that differ a "
    "little (N = 4). Logits given directly stand in for a video model.",
    claims=("TIARA-5a", "TIARA-5c"),
    draw=draw,
)
