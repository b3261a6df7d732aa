from types import SimpleNamespace

import numpy as np
import pytest

from tightbound.papers.icl_bma.checks.depth import DEPTH
from tightbound.papers.icl_bma.plots import depth
from tightbound.papers.icl_bma.plots.depth import DEPTH_FIGURE
from tightbound.verification.figures import figure_data, style
from tightbound.verification.statistics.base import CellEvidence

CLAIMS = {claim.id: claim for claim in DEPTH}


def measured(measure, grid):
    rng = np.random.default_rng(0)
    return tuple(
        CellEvidence(cell, {name: np.atleast_1d(v) for name, v in measure(cell, rng).items()})
        for cell in grid.quick
    )


@pytest.fixture(scope="module")
def drawing():
    import matplotlib.pyplot as plt

    evidence = {
        name: SimpleNamespace(
            measure=measured(CLAIMS[name].measure, CLAIMS[name].grid),
            control=measured(CLAIMS[name].control.measure, CLAIMS[name].grid),
        )
        for name in DEPTH_FIGURE.claims
    }
    with style():
        found = DEPTH_FIGURE.draw(evidence)
    yield found
    plt.close(found)


def test_bounds_lie_above_what_was_measured(drawing):
    data = figure_data(drawing)
    assert all(np.isfinite(array).all() for array in data.values())
    for line in (0, 2, 4):  # bound and points of each way to descend
        bound, points = data[f"axes0.line{line}"], data[f"axes0.line{line + 1}"]
        height = dict(zip(*bound.T, strict=True))
        assert all(y <= height[x] * (1 + 1e-9) + 1e-12 for x, y in points if x in height)
    bound, largest, mean = (data[f"axes1.line{line}"][:, 1] for line in (0, 1, 2))
    assert np.all(mean < largest)
    assert np.all(largest < bound)


def test_the_guide_touches_the_bound_and_stays_above_it():
    levels = np.arange(4.0, 22.0)
    bound = np.tanh(4.0 ** -(levels - 6.0))
    x, y = depth._guide(levels, bound)
    assert y[0] == bound[np.argmax(bound < 0.5)]
    assert np.all(y[1:] > bound[levels >= x[1]])
    slope = (np.log(y[1]) - np.log(y[0])) / (x[1] - x[0])
    assert slope == pytest.approx(-np.log(4.0), rel=0.1)


def test_the_figure_names_controls_and_substitutes(drawing):
    labels = [label for ax in drawing.axes for label in ax.get_legend_handles_labels()[1]]
    assert sum(label.startswith("control") for label in labels) == 2
    assert labels.count("bound") == 2
    assert "stand in for a pretrained transformer" in DEPTH_FIGURE.caption
    assert "do not confirm its exponent" in DEPTH_FIGURE.caption
