"""The figures of exact quantities draw from whatever evidence the claims return."""

import numpy as np
import pytest

from tightbound.papers.bandit_spec.checks.lower_bound import LOWER_BOUND
from tightbound.papers.bandit_spec.checks.regret_identity import REGRET_IDENTITY
from tightbound.papers.bandit_spec.checks.stopping_time import STOPPING_TIME
from tightbound.papers.bandit_spec.plots.lower_bound import LOWER_BOUND_FIGURE
from tightbound.papers.bandit_spec.plots.stopping_time import STOPPING_TIME_FIGURE
from tightbound.verification.figures import figure_data, style
from tightbound.verification.runner import ClaimEvidence
from tightbound.verification.statistics.base import CellEvidence

SMALL = {"runs": 8, "instances": 50, "tokens": 2000}
CLAIMS = {claim.id: claim for claim in (*STOPPING_TIME, *REGRET_IDENTITY, *LOWER_BOUND)}


def small_evidence(measure, grid):
    cells = []
    for k, cell in enumerate(grid.at("quick")):
        tiny = {name: SMALL.get(name, value) for name, value in cell.items()}
        found = measure(tiny, np.random.default_rng(k))
        cells.append(CellEvidence(tiny, {name: np.atleast_1d(np.asarray(v)) for name, v in found.items()}))
    return tuple(cells)


@pytest.mark.parametrize("figure", [STOPPING_TIME_FIGURE, LOWER_BOUND_FIGURE], ids=lambda f: f.name)
def test_figure_draws_finite_data(figure):
    evidence = {}
    for name in figure.claims:
        claim, control = CLAIMS[name], CLAIMS[name].control
        evidence[name] = ClaimEvidence(
            small_evidence(claim.measure, claim.grid),
            small_evidence(control.measure or claim.measure, control.grid or claim.grid),
        )
    with style():
        drawing = figure.draw(evidence)
        data = figure_data(drawing)
    assert data
    assert all(np.isfinite(array).all() for name, array in data.items() if "line" in name)
    import matplotlib.pyplot as plt

    plt.close(drawing)
