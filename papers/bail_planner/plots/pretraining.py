"""Errors of pretraining against the number of samples, and what is left of them in regret."""

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


def _mean_and_half(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return means over replications and half widths of their 99 % intervals."""
    from scipy.special import stdtrit

    count = values.shape[0]
    half = stdtrit(count - 1, 0.995) * values.std(axis=0, ddof=1) / np.sqrt(count)
    return values.mean(axis=0), np.asarray(half)


def _curve(ax: Axes, x: np.ndarray, values: np.ndarray, least: float, label: str, marker: str = "o") -> None:
    mean, half = _mean_and_half(values)
    ax.plot(x, mean, marker=marker, label=label)
    band(ax, x, np.maximum(mean - half, least), mean + half)


def _pick(cells: tuple[CellEvidence, ...], **wanted: object) -> CellEvidence:
    return next(item for item in cells if wanted.items() <= item.cell.items())


def _counting(ax: Axes, evidence: Mapping[str, ClaimEvidence]) -> None:
    wanted = {"prompts": "documents", "size": 8}
    item = _pick(evidence["PLN-13a"].measure, **wanted)
    broken = _pick(evidence["PLN-13a"].control, **wanted)
    x = item.data["x"]
    bound_line(ax, x, item.data["bound"][0])
    ax.plot(x, item.data["value"][0], marker="o", label="count table, exact")
    trained = evidence["PLN-20c"].measure[0]
    prompts = trained.data["documents"][0] * trained.cell["length"]
    _curve(ax, prompts, trained.data["curve"], 1e-4, "recurrent model", "s")
    control_line(ax, x, broken.data["value"][0], label="control: no context")
    ax.set(xscale="log", yscale="log", xlabel="labelled prompts $N$", ylabel="TV, language model")
    ax.set_ylim(bottom=5e-4, top=6.0)
    ax.legend(loc="upper right", ncols=2, handlelength=1.6, columnspacing=1.0)


def _contrast(ax: Axes, evidence: Mapping[str, ClaimEvidence]) -> None:
    for index, item in enumerate(evidence["PLN-14b"].measure[:2]):
        x = item.data["x"]
        bound_line(ax, x, item.data["first_order"], label="first order" if index == 0 else "_", linewidth=0.9)
        _curve(ax, x, item.data["value"], 1e-4, rf"$\rho = {item.cell['rate']:g}$")
    broken = evidence["PLN-14b"].control[0]
    control_line(ax, x, broken.data["value"].mean(axis=0), label="control: uncorrected")
    ax.set(xscale="log", yscale="log", xlabel="labelled pairs $N$", ylabel="TV, Reporter")
    ax.set_ylim(top=5.0)
    ax.legend(loc="upper right", ncols=2, handlelength=1.6, columnspacing=1.0)


def _chain(ax: Axes, evidence: Mapping[str, ClaimEvidence]) -> None:
    item = _pick(evidence["PLN-20a"].measure, truth=0)
    x, floor = item.data["documents"][0], float(item.data["floor"][0])
    bound_line(ax, [x[0], x[-1]], [floor, floor], label="perfect models")
    _curve(ax, x, item.data["share"], 0.3 * floor, "pretrained models")
    broken = evidence["PLN-20b"].control[0]
    control_line(ax, broken.data["documents"][0], broken.data["value"].mean(axis=0), label="control: no past")
    ax.set(xscale="log", yscale="log", xlabel="documents $N_p$")
    ax.set_ylabel("regret per episode\n(cost of a wrong subgoal)")
    ax.set_ylim(0.3 * floor, 20.0)
    ax.legend(loc="upper right", ncols=2, handlelength=1.6, columnspacing=1.0)


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw the three panels."""
    import matplotlib.pyplot as plt

    drawing, panels = plt.subplots(3, 1, figsize=(3.5, 5.8))
    for ax, part in zip(panels, (_counting, _contrast, _chain), strict=True):
        part(ax, evidence)
    drawing.align_ylabels()
    return drawing


PRETRAINING_FIGURE = Figure(
    name="pretraining",
    title="Errors of pretraining against samples, and the regret that they leave",
    caption="Top: total variation of the language model from the exact mixture of experts against labelled "
    "prompts of REPORTED-TRIAL. Blue: the exact expected error of a count table over posteriors "
    "(documents of 8 episodes); black: its bound; dashed grey: the control, a table that ignores the "
    "prompt. Vermilion: a gated recurrent unit trained on whole documents. Middle: error of the "
    "contrastive Reporter against labelled pairs for two shares rho of positives; black: the first "
    "order of its error; dashed grey: the control, rho = 0.2 without correction. Bottom: exact regret "
    "per episode of the whole chain (count table and contrastive Reporter pretrained on N_p "
    "documents, then epsilon-greedy episodes), in units of what a wrong subgoal costs; black: perfect "
    "models; dashed grey: the control, a language model that ignores past episodes. Bands are 99 % "
    "intervals over training sets. Count table and recurrent unit stand in for a GPT-scale language "
    "model, a table of ratios for the Reporter, a product of tabular kernels for the Actor.",
    claims=("PLN-13a", "PLN-14b", "PLN-20a", "PLN-20b", "PLN-20c"),
    draw=draw,
)
