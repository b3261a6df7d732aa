"""Where random starts end when agents seek the crowd more and more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.verification.figures import Figure, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence

_ROUNDING = 1e-16


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw the largest distance of equilibria, and the flows they end in, over the coupling."""
    import matplotlib.pyplot as plt

    drawing, (left, right) = plt.subplots(1, 2, figsize=(3.5, 2.0))
    data = evidence["GMFG-2b"].measure[0].data
    sweep = data["sweep"].astype(float)
    left.plot(sweep, np.maximum(data["sweep_distance"], _ROUNDING), marker="o")
    bound_line(left, [sweep[0], sweep[-1]], [0.1, 0.1])
    avoiding = evidence["GMFG-2b"].control[0]
    worst = np.full(2, max(float(avoiding.data["value"].max()), _ROUNDING))
    control_line(left, [sweep[0], sweep[-1]], worst)
    left.set(yscale="log", xlabel="coupling $c$", ylabel="distance of equilibria", ylim=(1e-17, 1e2))
    left.set_yticks([1e-16, 1e-12, 1e-8, 1e-4, 1.0])
    flows = data["sweep_flows"]
    for state in range(flows.shape[-1]):
        place = np.repeat(sweep, flows.shape[1])
        right.plot(place, flows[..., state].ravel(), linestyle="", marker="o", markersize=2.5)
    right.set(xlabel="coupling $c$", ylabel="shares at the last step")
    return drawing


UNIQUENESS_FIGURE = Figure(
    name="uniqueness",
    title="Several equilibria when agents seek the crowd",
    caption="Random games with r = r0 + c z(s) and lam = 0.05 from 12 random starts. Left: largest "
    "distance between the equilibria they end in; black the bound 0.1 of the claim, dashed grey the "
    "control, the same couplings with the sign reversed (largest of the instances). Right: shares of the "
    "four states at the last step, one colour per state and one dot per start. Weak "
    "monotonicity ends at c = 0.",
    claims=("GMFG-2b",),
    draw=draw,
)
