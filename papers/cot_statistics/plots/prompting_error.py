"""Doubt against the number of demonstrations: three exponents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.verification.figures import Figure, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence

NAMES = ("KL", "Chernoff", "Hellinger")


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw minus the logarithm of the doubt, and the same per demonstration."""
    import matplotlib.pyplot as plt

    drawing, (left, right) = plt.subplots(1, 2, figsize=(7.0, 2.9))
    data, broken = evidence["COT-3j"].measure[0].data, evidence["COT-3j"].control[0].data
    n = data["n"]
    for ax, unit in ((left, np.ones(n.size)), (right, 1.0 / n)):
        for name, label, colour, marker in (
            ("typical", "median prompt", "C0", "s"),
            ("mean", "mean over prompts", "C1", "o"),
        ):
            ax.plot(n, -data[name] * unit, marker, color=colour, label=label, markersize=4)
        bound_line(
            ax, n, -data["log_hellinger_bound"] * unit, label=r"bound, $s=1/2$ (Hellinger)", linestyle=":"
        )
        bound_line(
            ax, n, -data["log_chernoff_bound"] * unit, label="bound, best $s$ (Chernoff)", linewidth=1.0
        )
        control_line(ax, n, -broken["mean"] * unit, label="control: mean, steps shuffled")
    left.set(xlabel="demonstrations $n$", ylabel=r"$-\log\,(1-\pi_n(\theta^*))$")
    for exponent, label, colour in zip(data["exponents"], NAMES, ("C0", "C1", "C2"), strict=True):
        right.axhline(exponent, color=colour, linewidth=0.8, linestyle="-.")
        right.text(
            1.02,
            exponent,
            label,
            transform=right.get_yaxis_transform(),
            fontsize=6,
            color=colour,
            va="center",
        )
    right.set(xscale="log", xlabel="demonstrations $n$", ylabel=r"$-\frac{1}{n}\log\,(1-\pi_n(\theta^*))$")
    right.set_xticks(n, [str(one) for one in n])
    right.minorticks_off()
    handles, labels = left.get_legend_handles_labels()
    drawing.legend(handles, labels, loc="outside upper center", ncols=3)
    return drawing


PROMPTING_ERROR_FIGURE = Figure(
    name="prompting_error",
    title="The doubt about the task falls exponentially, at three different rates",
    caption="Two tasks of two binary steps (a step keeps the state with probability 0.999 under the true "
    "task, 0.7 under the other), demonstrations of the true one. Left: minus the logarithm of the "
    "posterior weight of the wrong task. Squares: the median prompt. Circles: the mean over "
    "prompts, by tilted sampling (its error is smaller than the circles). Black: the bounds on the "
    "mean, dotted with the power 1/2, solid with the best power: the circles must stay above them. "
    "Right: the same per demonstration, with the three exponents (dash-dotted): a typical prompt "
    "leaves doubt at the Kullback-Leibler rate, the mean at the Chernoff rate, and the affinity "
    "alone guarantees the Hellinger rate. Dashed grey, the control: steps shuffled across "
    "demonstrations, which settle the posterior on the wrong task. The exact Bayesian average over "
    "two tasks stands for the language model.",
    claims=("COT-3j",),
    draw=draw,
)
