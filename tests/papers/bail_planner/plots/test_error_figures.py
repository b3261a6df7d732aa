"""The figures on errors and on pretraining draw from whatever evidence the claims return."""

import numpy as np
import pytest

from tightbound.papers.bail_planner.checks.pretraining import PRETRAINING
from tightbound.papers.bail_planner.checks.reporter import REPORTER
from tightbound.papers.bail_planner.plots.errors import ERRORS_FIGURE
from tightbound.papers.bail_planner.plots.pretraining import PRETRAINING_FIGURE
from tightbound.verification.figures import figure_data, style
from tightbound.verification.runner import ClaimEvidence
from tightbound.verification.statistics.base import CellEvidence

CLAIMS = {claim.id: claim for claim in (*PRETRAINING, *REPORTER)}
SMALL = {"runs": 3, "iterations": 2, "log_samples": (8, 10)}


def small_evidence(measure, grid):
    cells = []
    for k, cell in enumerate(grid.at("quick")):
        tiny = {name: SMALL.get(name, value) for name, value in cell.items()}
        if isinstance(tiny.get("episodes"), tuple):
            tiny["episodes"] = (20, 50)
        elif "episodes" in tiny:
            tiny["episodes"] = 50
        found = measure(tiny, np.random.default_rng(k))
        cells.append(CellEvidence(tiny, {name: np.atleast_1d(np.asarray(v)) for name, v in found.items()}))
    return tuple(cells)


@pytest.mark.parametrize("figure", [ERRORS_FIGURE, PRETRAINING_FIGURE], ids=lambda f: f.name)
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
    assert "GPT-scale language model" in figure.caption
    assert "Actor" in figure.caption
    import matplotlib.pyplot as plt

    plt.close(drawing)
