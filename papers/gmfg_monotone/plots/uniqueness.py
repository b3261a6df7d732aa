"""Where starts end when agents seek the crowd more and more, beside the closed form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.papers.gmfg_monotone.checks.uniqueness import coordination_gap
from tightbound.verification.figures import Figure, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw the largest distance of equilibria and the shares of one place over the coupling."""
    import matplotlib.pyplot as plt

    drawing, (left, right) = plt.subplots(1, 2, figsize=(3.5, 2.0))
    data, avoiding = (group[0].data for group in (evidence["GMFG-2b"].measure, evidence["GMFG-2b"].control))
    ratio = data["ratios"][0]
    fine = np.linspace(ratio[0], ratio[-1], 200)
    exact = np.array([coordination_gap(x) for x in fine])
    bound_line(left, fine, 2.0 * exact)
    left.plot(ratio, data["value"][0], marker="o", linestyle="")
    control_line(left, ratio, avoiding["value"][0])
    left.set(xlabel=r"coupling $c/\lambda$", ylabel="distance of equilibria")
    bound_line(right, fine, (1.0 + exact) / 2.0)
    bound_line(right, fine, (1.0 - exact) / 2.0)
    shares = data["shares"][0]
    right.plot(np.repeat(ratio, shares.shape[1]), shares.ravel(), marker="o", linestyle="", markersize=2.5)
    right.set(xlabel=r"coupling $c/\lambda$", ylabel="share of one place", ylim=(-0.03, 1.03))
    return drawing


UNIQUENESS_FIGURE = Figure(
    name="uniqueness",
    title="Several equilibria when agents seek the crowd",
    caption="Two places alike, r = c z(s), W = 1, from six random starts and their mirror images. Left: "
    "largest distance of the equilibria (dots), the closed form 2 m* with m = tanh(c m / 2 lam) (black), "
    "and dashed grey the control, the same couplings with the sign reversed. Right: the share of one "
    "place in every equilibrium found (dots) and the stable solutions of the closed form (black). Weak "
    "monotonicity ends at c = 0, uniqueness only at c = 2 lam.",
    claims=("GMFG-2b",),
    draw=draw,
)
