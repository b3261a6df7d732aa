"""Figure 3's substitute: throughput of length rules on batches sorted by what the best length gains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.papers.bandit_spec.checks.static_batch import LENGTHS, ROOFLINE
from tightbound.verification.figures import Figure, band, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence

BINS = 10


def _sorted_gains(data: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return gains of fixed lengths (N, 5) and of the rule (N,), in the order of the best length's gain."""
    base = data["fixed"][:, :1]
    order = np.argsort((data["fixed"] / base).max(axis=1), kind="stable")
    return (data["fixed"] / base)[order], (data["rule"][:, None] / base)[order, 0]


def _binned(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mean and 99 % limits over the samples of each tenth."""
    from scipy.special import stdtrit

    parts = np.array_split(values, BINS)
    mean = np.array([part.mean() for part in parts])
    half = np.array([stdtrit(part.size - 1, 0.995) * part.std(ddof=1) / np.sqrt(part.size) for part in parts])
    return mean, mean - half, mean + half


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw gains over no drafts above, and which length is best below."""
    import matplotlib.pyplot as plt

    drawing, (upper, lower) = plt.subplots(
        2, 1, figsize=(3.5, 3.9), sharex=True, gridspec_kw={"height_ratios": [2.2, 1]}
    )
    centre = 100 * (np.arange(BINS) + 0.5) / BINS
    fixed, released = _sorted_gains(evidence["BS-12c"].measure[0].data)
    _, published = _sorted_gains(evidence["BS-12e"].measure[0].data)
    _, turns = _sorted_gains(evidence["BS-12c"].control[0].data)
    bound_line(upper, centre, _binned(fixed.max(axis=1))[0], label="best length of each sample")
    for values, colour, label in (
        (released, "#0072B2", "released rule"),
        (published, "#D55E00", "Algorithm 4"),
        (fixed.min(axis=1), "#CC79A7", "worst length of each sample"),
    ):
        mean, low, high = _binned(values)
        upper.plot(centre, mean, color=colour, label=label, marker="o", markersize=2.5)
        band(upper, centre, low, high)
    control_line(upper, centre, _binned(turns)[0], label="control: taking turns")
    upper.axhline(1.0, color="0.3", linestyle=":", linewidth=0.8)
    upper.set_ylabel(r"throughput over that of $\gamma=0$")
    upper.legend(loc="upper left", handlelength=1.6, labelspacing=0.25)
    upper.set_ylim(top=upper.get_ylim()[1] + 0.35)
    best = np.array_split(np.argmax(fixed, axis=1), BINS)
    below = np.zeros(BINS)
    for length, shade in zip(
        LENGTHS, plt.get_cmap("cividis")(np.linspace(0.0, 1.0, len(LENGTHS))), strict=True
    ):
        share = 100 * np.array([np.mean(part == length) for part in best])
        if share.any():
            lower.bar(centre, share, 9.0, bottom=below, color=shade, label=rf"$\gamma={length}$")
        below += share
    lower.set(
        xlabel="samples sorted by the best gain (%)", ylabel="best length (%)", xlim=(0, 100), ylim=(0, 100)
    )
    lower.grid(visible=False)
    lower.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), handlelength=0.8)
    return drawing


SERVING_FIGURE = Figure(
    name="speculation_lengths",
    title="Throughput of speculation-length rules on batches of different sizes",
    caption="Substitute for Figure 3. Samples are batches of 1 to 50 prompts, sorted by the gain of their "
    "best length; points are means over a tenth of the samples, bands 99 % intervals. Black: the bound on "
    "every fixed length, the best of gamma = 0..4 for each sample. Blue: the rule of the released code "
    "(lengths 1..4, greedy after seven rounds). Vermilion: Algorithm 4 with the radius of its theorem. "
    "Dashed grey: the control, which takes turns. Below: which length is best. "
    + ROOFLINE[0].upper()
    + ROOFLINE[1:]
    + ".",
    claims=("BS-12c", "BS-12e"),
    draw=draw,
)
