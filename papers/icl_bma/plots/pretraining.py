"""Pretraining error against documents and their length, and the empty prompt, where length does not help."""

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

REGIMES = {"ICL-7a": "one chain", "ICL-7g": "a concept per document"}


def _along(items: tuple[CellEvidence, ...], axis: str) -> CellEvidence:
    return next(item for item in items if item.cell["along"] == axis)


def _exponent(item: CellEvidence) -> tuple[float, float]:
    """Return minus the slope over runs, and the half width of its 99 % interval."""
    from scipy.special import stdtrit

    u = np.log(item.data["x"].reshape(-1)[: item.data["value"].shape[1]])
    u = u - u.mean()
    slopes = np.log(item.data["value"]) @ u / (u @ u)
    half = stdtrit(slopes.size - 1, 0.995) * slopes.std(ddof=1) / np.sqrt(slopes.size)
    return -float(slopes.mean()), float(half)


def _heat(ax: Axes, items: tuple[CellEvidence, ...], title: str) -> None:
    item = _along(items, "documents")
    mean = item.data["surface"].mean(axis=0)
    documents, lengths = item.cell["documents"], item.cell["lengths"]
    ax.imshow(np.log10(mean), origin="lower", aspect="auto", cmap="cividis")
    middle = np.log10(mean).mean()
    for i, row in enumerate(mean):
        for j, value in enumerate(row):
            shade = "white" if np.log10(value) < middle else "black"
            ax.text(j, i, f"{value:.3f}"[1:], ha="center", va="center", fontsize=6, color=shade)
    ax.set_xticks(range(len(lengths)), [str(n) for n in lengths])
    ax.set_yticks(range(len(documents)), [str(n) for n in documents])
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    ax.set(xlabel="length of documents $T_p$", ylabel="documents $N_p$")
    parts = [
        rf"$a_{name} = {value:.2f} \pm {half:.2f}$"
        for name, (value, half) in (
            ("N", _exponent(item)),
            ("T", _exponent(_along(items, "lengths"))),
        )
    ]
    ax.set_title("\n".join([title, *parts]), fontsize=7)


def _empty(ax: Axes, evidence: Mapping[str, ClaimEvidence]) -> None:
    from scipy.special import stdtrit

    item = _along(evidence["ICL-7g"].measure, "lengths")
    lengths = np.array(item.cell["lengths"], dtype=np.float64)
    first, mean = item.data["first"], item.data["surface"]
    reach = stdtrit(len(first) - 1, 0.995) / np.sqrt(len(first))
    for i, n in enumerate(item.cell["documents"]):
        middle, half = first[:, i].mean(axis=0), reach * first[:, i].std(axis=0, ddof=1)
        ax.plot(lengths, middle, color=f"C{i}", marker="o", label=f"$N_p = {n}$")
        band(ax, lengths, middle - half, middle + half)
        control_line(ax, lengths, mean[:, i].mean(axis=0), label="control: mean" if i == 0 else "_")
    largest = item.cell["documents"][-1]
    least = next(one for one in evidence["ICL-7f"].measure if one.cell["documents"] == largest)
    level = float(least.data["bound"].reshape(-1)[0])
    bound_line(ax, [lengths[0], lengths[-1]], [level, level], label=f"bound, $N_p = {largest}$")
    ax.set(xscale="log", yscale="log", xlabel="length of documents $T_p$", ylabel="TV at the empty prompt")
    ax.set_xticks(lengths, [f"{n:.0f}" for n in lengths])
    ax.minorticks_off()
    ax.legend(loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=3, handlelength=1.4, columnspacing=0.9)


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw the two heat maps and the panel of the empty prompt."""
    import matplotlib.pyplot as plt

    drawing, grid = plt.subplot_mosaic([["one", "many"], ["empty", "empty"]], figsize=(3.5, 4.2))
    for name, ax in (("ICL-7a", grid["one"]), ("ICL-7g", grid["many"])):
        _heat(ax, evidence[name].measure, REGIMES[name])
    grid["many"].set_ylabel("")
    _empty(grid["empty"], evidence)
    return drawing


PRETRAINING_FIGURE = Figure(
    name="pretraining",
    title="Pretraining error against documents and their length",
    caption="Top: expected total variation of the next token from the Bayesian average, mean over "
    "positions, against the number of documents and their length, for one fast chain (left) and for two "
    "chains of which each document hides one (right). Titles: exponents of the fitted plane with 99 % "
    "intervals over training sets; the theorem says 1/2 each. Bottom: the error at the empty prompt alone, "
    "for the right-hand models; bands are 99 % intervals. It does not fall with the length of documents. "
    "Dashed grey: the control, the mean over positions of the same models, which does. Black: the lower "
    "bound for any learner at the largest number of documents. A table of transition frequencies stands in "
    "for a transformer on the left, maximum likelihood over mixtures by EM started from the truth on the "
    "right.",
    claims=("ICL-7a", "ICL-7f", "ICL-7g"),
    draw=draw,
)
