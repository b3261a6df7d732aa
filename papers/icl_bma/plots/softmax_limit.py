"""Ridge attention as the posterior mean, and where softmax attention tends to instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.verification.figures import Figure, band, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence
    from tightbound.verification.statistics.base import CellEvidence

# a difference of exactly 0 has no place on a logarithmic axis
LEAST = 1e-17


def _pick(cells: tuple[CellEvidence, ...], **wanted: object) -> CellEvidence:
    return next(item for item in cells if wanted.items() <= item.cell.items())


def _root_mean(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return roots of the means over replications and of their 99 % limits."""
    from scipy.special import stdtrit

    mean = values.mean(axis=0)
    half = stdtrit(len(values) - 1, 0.995) * values.std(axis=0, ddof=1) / np.sqrt(len(values))
    return np.sqrt(mean), np.sqrt(np.maximum(mean - half, 0.0)), np.sqrt(mean + half)


def _differences(item: CellEvidence) -> tuple[np.ndarray, np.ndarray]:
    """Return lengths, from 1 on, and the largest difference of attention from either reference."""
    lengths = item.data["lengths"]
    gap = np.abs(item.data["value"] - item.data["reference"])
    largest = gap.reshape(len(gap), lengths.size, -1).max(axis=(0, 2))
    return lengths[lengths > 0], np.maximum(largest, LEAST)[lengths > 0]


def _posterior_means(ax: Axes, evidence: Mapping[str, ClaimEvidence]) -> None:
    wanted = {"prior_variance": 1.0, "noise_variance": 0.25}
    linear, kernel = evidence["ICL-5c"], evidence["ICL-5d"]
    ax.plot(*_differences(_pick(linear.measure, dim=8, **wanted)), marker="o", label="linear, $d = 8$")
    ax.plot(*_differences(_pick(kernel.measure, kappa=4.0, **wanted)), marker="s", label="Gaussian kernel")
    control_line(
        ax, *_differences(_pick(linear.control, dim=8, **wanted)), label="control: ten times the ridge"
    )
    softmax = _differences(_pick(kernel.control, kappa=4.0, **wanted))
    control_line(ax, *softmax, label="control: softmax", linestyle=":")
    ax.set(xscale="log", yscale="log", xlabel="keys $T$", ylabel="difference from the posterior")
    ax.set_ylim(1e-17, 1e8)
    ax.legend(loc="upper right", ncols=2, handlelength=1.6, columnspacing=1.0)


def _limits(ax: Axes, evidence: Mapping[str, ClaimEvidence]) -> None:
    marks = {(2, 1): "o", (2, 2): "s", (4, 1): "^", (4, 2): "D"}
    for (dim, degree), marker in marks.items():
        item = _pick(evidence["ICL-6d"].measure, dim=dim, degree=degree)
        bound_line(
            ax,
            item.data["x"],
            np.sqrt(item.data["predicted"]),
            label=r"$\sqrt{V/T}$" if marker == "o" else "_",
            linewidth=0.8,
        )
    for (dim, degree), marker in marks.items():
        item = _pick(evidence["ICL-6d"].measure, dim=dim, degree=degree)
        mean, low, high = _root_mean(item.data["value"])
        ax.plot(item.data["x"], mean, marker=marker, linestyle="", label=f"$d = {dim}$, $l = {degree}$")
        band(ax, item.data["x"], low, high)
    broken = _pick(evidence["ICL-6d"].control, dim=2, degree=2)
    control_line(
        ax, broken.data["x"], _root_mean(broken.data["value"])[0], label="control: $C_1$ for $l = 2$"
    )
    ax.set(xscale="log", yscale="log", xlabel="keys $T$", ylabel=r"rms of attn $-\ C_l m$")
    ax.set_ylim(top=5.0)
    ax.legend(loc="upper right", ncols=2, handlelength=1.6, columnspacing=1.0)


def _useful(item: CellEvidence) -> tuple[np.ndarray, np.ndarray]:
    """Return constants and what they leave, as far as they leave less than all: C = 0 leaves 1."""
    kept = item.data["residuals"] <= 1.0
    return item.data["tried"][kept], item.data["residuals"][kept]


def _constants(ax: Axes, evidence: Mapping[str, ClaimEvidence]) -> None:
    degrees = {"constant": "$l = 0$", "first": "$l = 1$", "second": "$l = 2$"}
    for item in evidence["ICL-6a"].control:
        first = item.cell["values"] == "constant"
        control_line(ax, *_useful(item), label="one degree $l$, uniform keys" if first else "_")
        where = float(item.data["constant"][0])
        ax.plot([where], [0.0], marker="v", linestyle="", color="0.3", clip_on=False, label="_")
        above, align = ((-4, 4), "right") if first else ((0, 22), "center")
        text = degrees[item.cell["values"]]
        ax.annotate(text, (where, 0.0), above, textcoords="offset points", color="0.3", ha=align)
    labels = ("degrees 1 and 2, uniform keys", "degree 1, keys in a cap")
    for item, label in zip(evidence["ICL-6a"].measure, labels, strict=True):
        ax.plot(*_useful(item), label=label)
    ax.set(xscale="log", xlabel="constant $C$", ylabel=r"$\|m - C\,Pm\|\,/\,\|m\|$")
    ax.set(
        xlim=(0.7, 13.0),
        ylim=(0.0, 1.7),
        yticks=[0.0, 0.5, 1.0],
        xticks=[1, 2, 3, 5, 10],
        xticklabels=["1", "2", "3", "5", "10"],
    )
    ax.minorticks_off()
    ax.legend(loc="upper right", handlelength=1.6)


def _schedule(ax: Axes, evidence: Mapping[str, ClaimEvidence]) -> None:
    for dim, marker in ((2, "o"), (4, "^")):
        item = _pick(evidence["ICL-6f"].measure, dim=dim)
        keys = item.data["keys"]
        bound_line(
            ax, keys, np.sqrt(item.data["bound"][0]), label="bound" if dim == 2 else "_", linewidth=0.8
        )
        mean, low, high = _root_mean(item.data["value"])
        ax.plot(keys, mean, marker=marker, label=f"$d = {dim}$")
        band(ax, keys, low, high)
        broken = _pick(evidence["ICL-6f"].control, dim=dim)
        control_line(
            ax,
            keys,
            _root_mean(broken.data["value"])[0],
            label=r"control: fixed $\kappa$" if dim == 2 else "_",
        )
    ax.set(xscale="log", yscale="log", xlabel="keys $T$", ylabel=r"rms of attn $-\ m$")
    ax.set_ylim(top=1.5)
    ax.legend(loc="upper right", ncols=2, handlelength=1.6, columnspacing=1.0)


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw the four panels."""
    import matplotlib.pyplot as plt

    drawing, panels = plt.subplots(2, 2, figsize=(7.0, 4.8))
    parts = (_posterior_means, _limits, _constants, _schedule)
    for ax, part, letter in zip(panels.flat, parts, "abcd", strict=True):
        part(ax, evidence)
        ax.set_title(f"({letter})", loc="left")
    drawing.align_ylabels()
    return drawing


SOFTMAX_LIMIT_FIGURE = Figure(
    name="softmax_limit",
    title="Ridge attention is the posterior mean; softmax attention tends to something else",
    caption="(a) Largest difference, in mean or variance of the next value, of kernel ridge attention (dual "
    "form) from the primal form and from a Kalman recursion, at the Bayes ridge: rounding at every "
    "number of keys. Dashed and dotted grey: the controls, ten times that ridge, and softmax attention "
    "with the same kernel. (b) Root mean square distance of softmax attention from C_l times the mean "
    "value m, for uniform keys in R^d and values of one degree l, at kappa = 1; black: the asymptotic "
    "standard deviation, of slope -1/2; dashed grey: the control, degree 2 with the constant of degree "
    "1. (c) What is left of m after a multiple C of the limit Pm of attention, on the circle at kappa = "
    "1. Values of one degree under uniform keys (dashed grey: the control) leave nothing at one "
    "constant (triangles), another one for each degree. Values of two degrees, or keys that crowd in a "
    "cap, leave half at best: the printed proposition fails. (d) Root mean square distance of softmax "
    "attention from m itself, noisy values of degree 1, at inverse temperature T^(2/(d+3)); black: the "
    "bound; dashed grey: the control, the temperature of the shortest prompt at all lengths. Bands are "
    "99 % intervals over prompts. Nothing is substituted: attention is evaluated as printed, by "
    "quadrature in (c), and no model is trained.",
    claims=("ICL-5c", "ICL-5d", "ICL-6a", "ICL-6d", "ICL-6f"),
    draw=draw,
)
