"""The regret figures draw from whatever evidence the claims return."""

import numpy as np
import pytest

from tightbound.papers.bandit_spec.checks import costs as cost_checks
from tightbound.papers.bandit_spec.checks import upper_bound
from tightbound.papers.bandit_spec.plots import costs, regret
from tightbound.verification.figures import figure_data, style
from tightbound.verification.runner import ClaimEvidence
from tightbound.verification.statistics.base import CellEvidence

CLAIMS = {claim.id: claim for claim in (*upper_bound.UPPER_BOUND, *cost_checks.COSTS)}


def small(measure, grid):
    found = []
    for k, cell in enumerate(grid.at("quick")):
        tiny = {**cell, "runs": 6, "budgets": (200, 1000, 5000)}
        data = measure(tiny, np.random.default_rng(k))
        found.append(CellEvidence(tiny, {name: np.atleast_1d(np.asarray(v)) for name, v in data.items()}))
    return tuple(found)


@pytest.mark.parametrize("figure", [regret.REGRET, costs.TIME_REGRET], ids=lambda figure: figure.name)
def test_figure_draws_finite_data(figure):
    import matplotlib.pyplot as plt

    evidence = {}
    for name in figure.claims:
        claim, control = CLAIMS[name], CLAIMS[name].control
        evidence[name] = ClaimEvidence(
            small(claim.measure, claim.grid),
            small(control.measure or claim.measure, control.grid or claim.grid),
        )
    with style():
        drawing = figure.draw(evidence)
        data = figure_data(drawing)
    plt.close(drawing)
    assert data
    assert all(np.isfinite(array).all() for name, array in data.items() if "line" in name)
