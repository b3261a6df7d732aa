"""The figure of schedules draws from whatever evidence the claims return."""

import numpy as np

from tightbound.papers.gmfg_ppo.checks.schedules import GMFG_6E, GMFG_6G
from tightbound.papers.gmfg_ppo.plots.schedules import SCHEDULES_FIGURE
from tightbound.verification.figures import figure_data, style
from tightbound.verification.runner import ClaimEvidence
from tightbound.verification.statistics.base import CellEvidence

SHORT = {"games": 2, "iterations": (31, 63)}


def short_evidence(claim, measure):
    cells = []
    for k, cell in enumerate(claim.grid.at("quick")):
        found = measure({**cell, **SHORT}, np.random.default_rng(k))
        cells.append(CellEvidence({**cell, **SHORT}, {name: np.atleast_1d(v) for name, v in found.items()}))
    return tuple(cells)


def test_figure_draws_finite_data():
    evidence = {
        claim.id: ClaimEvidence(
            short_evidence(claim, claim.measure), short_evidence(claim, claim.control.measure)
        )
        for claim in (GMFG_6E, GMFG_6G)
    }
    with style():
        drawing = SCHEDULES_FIGURE.draw(evidence)
        data = figure_data(drawing)
    assert len([name for name in data if "line" in name]) == 10
    assert all(np.isfinite(array).all() for array in data.values())
    import matplotlib.pyplot as plt

    plt.close(drawing)
