"""The spectra of graphons, and the monotonicity functional over aligned and random pairs of policies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.verification.figures import Figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence

_NEGLIGIBLE = 1e-12
_NAMES = {"er": "constant", "sbm, ac < b^2": "sbm,\n$ac<b^2$"}


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw eigenvalues above and functionals below, one column per graphon."""
    import matplotlib.pyplot as plt

    drawing, (top, bottom) = plt.subplots(2, 1, figsize=(3.5, 3.8), sharex=True)
    spectra, functional = evidence["GMFG-3d"], evidence["GMFG-3a"]
    names: list[str] = []
    for group, colour in ((spectra.measure, "#0072B2"), (spectra.control, "0.5")):
        for item in group:
            if item.cell["blocks"] != group[0].cell["blocks"]:
                continue
            names.append(str(item.cell["graphon"]))
            values = item.data["spectrum"][0]
            values = values[np.abs(values) > _NEGLIGIBLE]
            place = np.full(len(values), len(names) - 1.0)
            mark = "_" if colour != "0.5" else "x"
            top.plot(
                place, values, linestyle="", marker=mark, color=colour, markersize=6 if mark == "_" else 4
            )
    for index, group in enumerate((functional.measure, functional.control)):
        for item in group:
            found = np.asarray(item.data["value"])
            beach = item.cell["game"] == "beach bar"
            centre = names.index(str(item.cell["graphon"])) + (0.22 if beach else -0.08)
            for column, (shift, mark) in enumerate(((0.0, "o"), (-0.15, "x"))):
                values = np.where(np.abs(found[:, column]) > _NEGLIGIBLE, found[:, column], 0.0)
                colour = "0.5" if index else ("#0072B2", "#D55E00")[column]
                bottom.plot(
                    np.full(len(values), centre + shift),
                    values,
                    linestyle="",
                    marker=mark,
                    markersize=3,
                    color=colour,
                )
    for ax, least in ((top, 1e-6), (bottom, 1e-4)):
        ax.axhline(0.0, color="black", linewidth=1.0)
        ax.set_yscale("symlog", linthresh=least)
    top.set_yticks([-1e-2, -1e-4, 0.0, 1e-4, 1e-2, 1.0])
    bottom.set_yticks([-1.0, -1e-2, 0.0, 1e-2, 1.0])
    top.set_ylim(-1.0, 4.0)
    top.set_ylabel("eigenvalues of $W/M$")
    bottom.set_ylabel("monotonicity functional")
    bottom.set_xticks(range(len(names)), [_NAMES.get(name, name) for name in names], rotation=30)
    bottom.plot([], [], "o", color="#0072B2", label="aligned pairs")
    bottom.plot([], [], "x", color="#D55E00", label="random pairs")
    bottom.plot([], [], "s", color="0.5", label="controls")
    bottom.legend(loc="lower right", ncols=3, columnspacing=0.8, handletextpad=0.1)
    bottom.set_ylim(-30.0, 6.0)
    return drawing


SPECTRUM_FIGURE = Figure(
    name="monotonicity",
    title="Spectra of graphons, and who breaks monotonicity",
    caption="Top: eigenvalues of the graphon's matrix on 100 blocks (those above 1e-12 in size; symmetric "
    "logarithmic scale). Bottom: the monotonicity functional of pairs of policies, at most 0 (black line, "
    "the bound) where a game is weakly monotone; dots for pairs aligned with eigenvectors, crosses for "
    "the largest of random pairs, left random games and right the beach bar. Grey: the controls, which "
    "have negative eigenvalues; on exp(3) random pairs stay below 0 and only aligned pairs show the "
    "violation.",
    claims=("GMFG-3a", "GMFG-3d"),
    draw=draw,
)
