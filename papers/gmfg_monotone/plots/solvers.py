"""Exploitability against wall-clock time for every solver on one game."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.papers.gmfg_monotone.checks.beach_bar import OTHERS
from tightbound.verification.figures import Figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence

_FLOOR = 1e-15
_MARKS = ("o", "s", "^", "v", "D", "x")


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw exploitability over steps, each curve stretched by its measured seconds per step."""
    import matplotlib.pyplot as plt
    from matplotlib.transforms import Affine2D

    drawing, ax = plt.subplots(figsize=(3.5, 2.9))
    data = evidence["GMFG-4h"].measure[0].data
    curves, seconds = data["curves"][0], data["seconds"][0]
    longest = 0.0
    for curve, each, name, mark in zip(curves, seconds, ("MonoMD", *OTHERS), _MARKS, strict=True):
        # The data are steps, which every machine reproduces; the transform turns them into milliseconds.
        steps = np.arange(1, len(curve))
        stretched = Affine2D().scale(1e3 * float(each), 1.0) + ax.transData
        small = name == "MonoMD, small step"
        ax.plot(
            steps,
            np.maximum(curve[1:], _FLOOR),
            transform=stretched,
            marker=mark,
            markevery=0.15,
            label="control: step / 5" if small else f"{name}, {1e3 * each:.2g} ms a step",
            color="0.5" if small else None,
            linestyle="--" if small else "-",
        )
        longest = max(longest, 1e3 * float(each) * len(curve))
    ax.axhline(1e-6, color="black", linewidth=1.4)
    ax.set(xscale="log", yscale="log", xlabel="milliseconds (this machine)", ylabel="exploitability")
    ax.set_xlim(0.5e3 * float(seconds.min()), longest * 1.1)
    ax.set_ylim(1e-16, 1e2)
    drawing.legend(loc="outside lower center", ncols=2, columnspacing=1.0)
    return drawing


SOLVERS_FIGURE = Figure(
    name="solvers",
    title="Exploitability against wall-clock time",
    caption="Regularised exploitability (lam = 1) in the beach bar on exp(3) against time, compiled "
    "programs, one game at a time. The time axis depends on the machine and its load, and no verdict "
    "depends on it: the data compared are steps, stretched by the seconds per step measured in this run. "
    "Black: the level of the claim, 1e-6. Dashed grey: MonoMD with a fifth of the step, the favourite of "
    "the control. OMD keeps entropy in Q, yet its scores grow without bound, so it leaves the regularised "
    "equilibrium. Exact tabular Q stands in for learned critics.",
    claims=("GMFG-4h",),
    draw=draw,
)
