"""The figures on prompting draw finite data from whatever evidence the claims return."""

import numpy as np
import pytest

from tightbound.papers.cot_statistics.checks.comparison import COMPARISON
from tightbound.papers.cot_statistics.checks.prompting_rates import PROMPTING_RATES
from tightbound.papers.cot_statistics.plots.comparison import COMPARISON_FIGURE
from tightbound.papers.cot_statistics.plots.examples import EXAMPLES_FIGURE
from tightbound.papers.cot_statistics.plots.prompting_error import PROMPTING_ERROR_FIGURE
from tightbound.verification.figures import figure_data, style
from tightbound.verification.runner import ClaimEvidence
from tightbound.verification.statistics import CellEvidence

CLAIMS = {claim.id: claim for claim in (*COMPARISON, *PROMPTING_RATES)}
SMALL = {"instances": 2, "prompts": 50, "samples": 240, "lengths": (0, 1, 2, 3)}


def small(measure, grid):
    found = []
    for index, cell in enumerate(grid.quick):
        tiny = {name: SMALL.get(name, value) for name, value in cell.items()}
        if "keep" in tiny:
            tiny["lengths"] = (5, 40)
        data = measure(tiny, np.random.default_rng(index))
        found.append(CellEvidence(tiny, {name: np.atleast_1d(array) for name, array in data.items()}))
    return tuple(found)


@pytest.mark.parametrize(
    "figure", [PROMPTING_ERROR_FIGURE, COMPARISON_FIGURE, EXAMPLES_FIGURE], ids=lambda figure: figure.name
)
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
    assert data
    assert all(np.isfinite(array).all() for array in data.values())
    assert "control" in figure.caption
    assert "language model" in figure.caption
    plt.close(drawing)
