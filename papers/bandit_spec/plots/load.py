"""Serving metrics against load."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.papers.bandit_spec.checks.serving import TRAFFIC
from tightbound.verification.figures import Figure, band, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence

PANELS = (
    ("throughput", 1e-3, "throughput (ktoken/s)", "linear"),
    ("goodput", 1.0, "goodput (request/s)", "linear"),
    ("tpot_p50", 1e3, "TPOT, median (ms)", "linear"),
    ("ttft_p99", 1.0, "TTFT, 99 % quantile (s)", "log"),
)


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw four metrics against load, one line per rule."""
    import matplotlib.pyplot as plt
    from scipy.special import stdtrit

    drawing, axes = plt.subplots(2, 2, figsize=(3.5, 3.7), sharex=True)
    measured, control = evidence["BS-12k"].measure, evidence["BS-12k"].control
    load = np.array([item.cell["load"] for item in measured])
    for ax, (metric, scale, label, axis) in zip(axes.flat, PANELS, strict=True):
        for rule, colour, name in (
            ("fixed0", "#CC79A7", r"$\gamma=0$"),
            ("fixed2", "#009E73", r"$\gamma=2$"),
            ("buckets", "#0072B2", "UCB per range of batch sizes"),
        ):
            samples = scale * np.stack([item.data[f"{rule}_{metric}"] for item in measured])
            half = (
                stdtrit(samples.shape[1] - 1, 0.995) * samples.std(axis=1, ddof=1) / np.sqrt(samples.shape[1])
            )
            mean = samples.mean(axis=1)
            ax.plot(load, mean, color=colour, marker="o", markersize=2.5, label=name)
            band(ax, load, np.maximum(mean - half, 0.02 * mean), mean + half)
        oracle = [scale * item.data[f"oracle_{metric}"].mean() for item in measured]
        bound_line(ax, load, oracle, label="oracle table", linewidth=0.9)
        longest = [scale * item.data[f"fixed4_{metric}"].mean() for item in control]
        control_line(ax, load, longest, label=r"control: $\gamma=4$")
        ax.set(ylabel=label, yscale=axis)
    axes[1, 1].set_yticks([0.1, 1, 10], ["0.1", "1", "10"])
    axes[1, 1].minorticks_off()
    for ax in axes[1]:
        ax.set_xlabel("load / capacity")
    drawing.legend(
        *axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2, handlelength=1.6
    )
    return drawing


LOAD_FIGURE = Figure(
    name="serving_load",
    title="Throughput, goodput and latency against load",
    caption="Means over independent replications, bands 99 % intervals. Black: the oracle, the table of best "
    "lengths by batch size for the known mix. Blue: UCB1 on throughput with a tenth of its bonus, one "
    "learner for each eight batch sizes. Dashed grey: the control, always four drafts. Goodput counts "
    "requests with a first token within 1 s and at most 30 ms per token after it. "
    + TRAFFIC[0].upper()
    + TRAFFIC[1:]
    + ".",
    claims=("BS-12k",),
    draw=draw,
)
