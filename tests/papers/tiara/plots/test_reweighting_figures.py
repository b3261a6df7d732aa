"""The figures on reweighting draw finite data from whatever evidence the claims return."""

import numpy as np
import pytest

from tightbound.papers.tiara.checks.contraction import CONTRACTION
from tightbound.papers.tiara.checks.frequency_response import FREQUENCY_RESPONSE
from tightbound.papers.tiara.checks.motion_intensity import MOTION_INTENSITY
from tightbound.papers.tiara.plots.contraction import CONTRACTION_FIGURE
from tightbound.papers.tiara.plots.frequency_response import FREQUENCY_RESPONSE_FIGURE
from tightbound.papers.tiara.plots.motion_intensity import MOTION_INTENSITY_FIGURE
from tightbound.verification.figures import figure_data, style
from tightbound.verification.runner import ClaimEvidence
from tightbound.verification.statistics.base import CellEvidence

CLAIMS = {claim.id: claim for claim in (*CONTRACTION, *FREQUENCY_RESPONSE, *MOTION_INTENSITY)}
FIGURES = (CONTRACTION_FIGURE, FREQUENCY_RESPONSE_FIGURE, MOTION_INTENSITY_FIGURE)


def _evidence(measure, cells):
    found = []
    for index, cell in enumerate(cells):
        data = measure(cell, np.random.default_rng(index))
        found.append(CellEvidence(cell, {name: np.atleast_1d(np.asarray(v)) for name, v in data.items()}))
    return tuple(found)


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)
def test_draws_finite_data(figure):
    evidence = {}
    for name in figure.claims:
        claim = CLAIMS[name]
        control = claim.control
        evidence[name] = ClaimEvidence(
            _evidence(claim.measure, claim.grid.quick),
            _evidence(control.measure or claim.measure, (control.grid or claim.grid).quick),
        )
    with style():
        drawing = figure.draw(evidence)
        data = figure_data(drawing)
    assert len(data) > 5
    assert all(np.isfinite(array).all() for name, array in data.items() if "line" in name)
    assert "control" in figure.caption
    assert "stand in for a video model" in figure.caption
    import matplotlib.pyplot as plt

    plt.close(drawing)
