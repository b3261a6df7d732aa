"""The figures on pretraining and on wrong responses draw from whatever evidence the claims return."""

import numpy as np
import pytest

from tightbound.papers.icl_bma.checks.label_corruption import LABEL_CORRUPTION
from tightbound.papers.icl_bma.checks.pretraining import PRETRAINING
from tightbound.papers.icl_bma.plots.label_corruption import LABEL_CORRUPTION_FIGURE
from tightbound.papers.icl_bma.plots.pretraining import PRETRAINING_FIGURE
from tightbound.verification.figures import figure_data, style
from tightbound.verification.runner import ClaimEvidence
from tightbound.verification.statistics.base import CellEvidence

CLAIMS = {claim.id: claim for claim in (*LABEL_CORRUPTION, *PRETRAINING)}


def small_evidence(measure, grid, size):
    found = []
    for k, cell in enumerate(grid.at(size)):
        tiny = {**cell, "runs": 4} if "runs" in cell else dict(cell)
        data = measure(tiny, np.random.default_rng(k))
        found.append(CellEvidence(tiny, {name: np.atleast_1d(np.asarray(v)) for name, v in data.items()}))
    return tuple(found)


@pytest.mark.parametrize(
    ("figure", "size"),
    [(LABEL_CORRUPTION_FIGURE, "quick"), (PRETRAINING_FIGURE, "quick"), (PRETRAINING_FIGURE, "standard")],
)
def test_figure_draws_finite_data(figure, size):
    evidence = {}
    for name in figure.claims:
        claim, control = CLAIMS[name], CLAIMS[name].control
        evidence[name] = ClaimEvidence(
            small_evidence(claim.measure, claim.grid, size),
            small_evidence(control.measure or claim.measure, control.grid or claim.grid, size),
        )
    with style():
        drawing = figure.draw(evidence)
        data = figure_data(drawing)
    assert data
    assert all(np.isfinite(array).all() for array in data.values())
    assert "stands in for" in figure.caption
    assert "control" in figure.caption
    import matplotlib.pyplot as plt

    plt.close(drawing)
