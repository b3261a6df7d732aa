"""Best speculation length over batch size and acceptance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.papers.bandit_spec.checks.phase import LONGEST, NEVER
from tightbound.verification.figures import Figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw the phases for short and for long contexts, with the crossover where there is one."""
    import matplotlib.pyplot as plt
    from matplotlib.colors import BoundaryNorm

    drawing, panels = plt.subplots(1, 2, figsize=(3.5, 2.5), sharey=True)
    norm = BoundaryNorm(np.arange(-0.5, LONGEST + 1), plt.get_cmap("cividis").N)
    found = (evidence["BS-12n"].measure[0], evidence["BS-12n"].control[0])
    for ax, item, line in zip(panels, found, ("black", "0.5"), strict=True):
        alpha, batch = item.data["alpha"], item.data["batch"][0]
        ax.pcolormesh(batch, alpha, item.data["length"], norm=norm, shading="nearest", rasterized=True)
        crossover = item.data["crossover"]
        exists = crossover > NEVER
        style = "-" if line == "black" else "--"
        ax.plot(crossover[exists], alpha[exists], color="white", linewidth=2.6)
        ax.plot(crossover[exists], alpha[exists], color=line, linewidth=1.4, linestyle=style)
        ax.set(xscale="log", xlim=(1, batch[-1]), ylim=(alpha[0], alpha[-1]), xlabel="batch size")
        ax.set_xticks([1, 10, 100, 1000], ["1", "10", "100", "1000"])
        ax.set_title(f"context {item.cell['context']} tokens")
        ax.grid(visible=False)
    panels[0].set_ylabel("acceptance of a drafted token")
    bar = drawing.colorbar(
        panels[-1].collections[0], ax=list(panels), ticks=range(LONGEST + 1), pad=0.02, aspect=25
    )
    bar.set_label(r"best length $\gamma^*$")
    bar.ax.minorticks_off()
    return drawing


PHASE_FIGURE = Figure(
    name="best_length_phases",
    title="Best speculation length over batch size and acceptance",
    caption="Colour: the length up to 8 that maximises b mu_gamma(alpha)/T(b, gamma), in closed form, so "
    "there is no interval. Left: no cached context; the black line is the crossover b_0(alpha), the bound "
    "from which on no drafts are best. Right: the control, a context of 8000 tokens, where reading keys"
    " and values dominates large batches; the dashed grey line is its crossover, which exists only at "
    "low acceptance. An analytic roofline of an 8B model (bfloat16, 40 GB accelerator) stands in for "
    "the GPU.",
    claims=("BS-12n",),
    draw=draw,
)
