"""The figures on naive execution and exploration draw what was measured."""

from types import SimpleNamespace

import numpy as np
import pytest

from tightbound.papers.bail_planner.checks.exploration import EXPLORATION
from tightbound.papers.bail_planner.checks.naive import NAIVE
from tightbound.papers.bail_planner.plots.contraction import CONTRACTION_FIGURE
from tightbound.papers.bail_planner.plots.exploration_rate import EXPLORATION_RATE_FIGURE
from tightbound.papers.bail_planner.plots.regret import REGRET
from tightbound.verification.figures import figure_data, style
from tightbound.verification.statistics.base import CellEvidence

CLAIMS = {claim.id: claim for claim in (*NAIVE, *EXPLORATION)}


def _measured(measure, cells):
    rng = np.random.default_rng(0)
    return tuple(
        CellEvidence(cell=cell, data={k: np.atleast_1d(v) for k, v in measure(cell, rng).items()})
        for cell in cells
    )


@pytest.fixture(scope="module")
def evidence():
    wanted = {
        name for figure in (REGRET, CONTRACTION_FIGURE, EXPLORATION_RATE_FIGURE) for name in figure.claims
    }
    return {
        name: SimpleNamespace(
            measure=_measured(CLAIMS[name].measure, CLAIMS[name].grid.quick),
            control=_measured(CLAIMS[name].control.measure, CLAIMS[name].grid.quick),
        )
        for name in wanted
    }


@pytest.mark.parametrize(
    "figure", [REGRET, CONTRACTION_FIGURE, EXPLORATION_RATE_FIGURE], ids=lambda f: f.name
)
def test_a_figure_names_bound_and_control(figure, evidence):
    import matplotlib.pyplot as plt

    with style():
        drawing = figure.draw(evidence)
    labels = [text for ax in drawing.axes for text in ax.get_legend_handles_labels()[1]]
    assert any(label.startswith("control") for label in labels)
    assert any("bound" in label for label in labels)
    data = figure_data(drawing)
    plt.close(drawing)
    assert data
    assert all(np.isfinite(array).all() for array in data.values())
    assert "stands for the language model" in figure.caption


def test_the_contraction_figure_shows_every_probability_of_one_instance(evidence):
    import matplotlib.pyplot as plt

    with style():
        drawing = CONTRACTION_FIGURE.draw(evidence)
    labels = drawing.axes[0].get_legend_handles_labels()[1]
    plt.close(drawing)
    assert sum(label.startswith(r"$\varepsilon=") for label in labels) == 4
