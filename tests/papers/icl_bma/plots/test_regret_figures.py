"""The figures on regret draw from whatever evidence the claims return."""

import numpy as np
import pytest

from tightbound.papers.icl_bma.checks.general_prior import GENERAL_PRIOR
from tightbound.papers.icl_bma.checks.regret import REGRET
from tightbound.papers.icl_bma.plots.regret import CONCEPT_FIGURE, FROM_PRIOR, REGRET_FIGURE
from tightbound.verification.figures import figure_data, style
from tightbound.verification.runner import ClaimEvidence
from tightbound.verification.statistics.base import CellEvidence

CLAIMS = {claim.id: claim for claim in (*REGRET, *GENERAL_PRIOR)}
SMALL = {"sequences": 4, "length": 30, "draws": 1}


def small_evidence(measure, grid):
    found = []
    for index, cell in enumerate(grid.quick):
        if "source" in cell and not FROM_PRIOR.items() <= cell.items():
            continue
        tiny = {name: SMALL.get(name, value) for name, value in cell.items()}
        data = measure(tiny, np.random.default_rng(index))
        found.append(CellEvidence(tiny, {name: np.atleast_1d(np.asarray(v)) for name, v in data.items()}))
    return tuple(found)


@pytest.mark.parametrize("figure", [REGRET_FIGURE, CONCEPT_FIGURE], ids=lambda f: f.name)
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
    lines = [array for name, array in data.items() if "line" in name and array.size]
    assert len(lines) >= 5
    assert all(np.isfinite(array).all() for array in lines)
    assert "language model" in figure.caption
    assert "control" in figure.caption
    import matplotlib.pyplot as plt

    plt.close(drawing)
