"""The figures on learning the graphon draw from whatever evidence the claims return."""

import numpy as np
import pytest

from tightbound.papers.gmfg_ppo.checks.estimation import ESTIMATION
from tightbound.papers.gmfg_ppo.checks.plug_in import PLUG_IN
from tightbound.papers.gmfg_ppo.plots.estimation import ESTIMATION_FIGURE, mean_band
from tightbound.papers.gmfg_ppo.plots.plug_in import FLOOR, PLUG_IN_FIGURE
from tightbound.verification.figures import figure_data, style
from tightbound.verification.runner import ClaimEvidence
from tightbound.verification.statistics.base import CellEvidence

CLAIMS = {claim.id: claim for claim in (*ESTIMATION, *PLUG_IN)}


def made_up(cell, rng):
    """Return numbers of the shapes that the measures return."""
    if "crowd" in cell:
        return {"value": np.array([1.0 / cell["agents"]])}
    shape = (4, len(cell["episodes"]))
    values = rng.random(shape) / np.sqrt(cell["episodes"])
    return {
        "value": values,
        "estimated": values**2,
        "true": np.array([-1e-16]),
        "constants": np.array([[0.5, 0.1, 2.0]]),
    }


def evidence(figure, size):
    rng, found = np.random.default_rng(0), {}
    for name in figure.claims:
        claim = CLAIMS[name]
        grids = claim.grid, claim.control.grid or claim.grid
        parts = [tuple(CellEvidence(cell, made_up(cell, rng)) for cell in grid.at(size)) for grid in grids]
        found[name] = ClaimEvidence(*parts)
    return found


@pytest.mark.parametrize("size", ["quick", "standard"])
@pytest.mark.parametrize("figure", [ESTIMATION_FIGURE, PLUG_IN_FIGURE], ids=lambda figure: figure.name)
def test_figure_draws_finite_data(figure, size):
    import matplotlib.pyplot as plt

    with style():
        drawing = figure.draw(evidence(figure, size))
        data = figure_data(drawing)
        drawing.canvas.draw()
        plt.close(drawing)
    assert data
    assert all(np.all(np.isfinite(values)) for values in data.values())
    assert all(word in figure.caption for word in ("control", "No bound"))


def test_round_off_is_drawn_at_the_floor():
    import matplotlib.pyplot as plt

    with style():
        drawing = PLUG_IN_FIGURE.draw(evidence(PLUG_IN_FIGURE, "quick"))
        data = figure_data(drawing)
        plt.close(drawing)
    rows = [values for name, values in data.items() if name.startswith("axes0.line")]
    assert min(values[:, 0].min() for values in rows) == FLOOR


def test_bands_hold_the_mean():
    mean, low, high = mean_band(np.random.default_rng(0).random((10, 3)))
    assert np.all((low < mean) & (mean < high) & (low > 0.0))
