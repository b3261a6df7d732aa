"""The figure on the variants draws from whatever evidence the claims return."""

import matplotlib.pyplot as plt
import numpy as np

from tightbound.papers.cot_statistics.checks.selection_inference import SELECTION_INFERENCE
from tightbound.papers.cot_statistics.checks.self_consistency import SELF_CONSISTENCY
from tightbound.papers.cot_statistics.checks.tree_of_thought import TREE_OF_THOUGHT
from tightbound.papers.cot_statistics.plots.variants import VARIANTS_FIGURE
from tightbound.verification.figures import figure_data, style
from tightbound.verification.runner import ClaimEvidence
from tightbound.verification.statistics.base import CellEvidence

CLAIMS = {claim.id: claim for claim in (*SELF_CONSISTENCY, *TREE_OF_THOUGHT, *SELECTION_INFERENCE)}
SMALL = {"lengths": (1, 3), "proposals": (1, 4)}


def evidence(measure, cell):
    cell = {name: SMALL.get(name, value) for name, value in cell.items()}
    data = {name: np.atleast_1d(a) for name, a in measure(cell, np.random.default_rng(0)).items()}
    return (CellEvidence(cell, data),)


def test_figure_draws_finite_data():
    found = {}
    for name in VARIANTS_FIGURE.claims:
        claim = CLAIMS[name]
        cell = claim.grid.quick[0]
        found[name] = ClaimEvidence(evidence(claim.measure, cell), evidence(claim.control.measure, cell))
    with style():
        drawing = VARIANTS_FIGURE.draw(found)
        data = figure_data(drawing)
    assert len(drawing.axes) == 4
    assert all(np.isfinite(array).all() for name, array in data.items() if "line" in name)
    assert "stands for a pretrained language model" in VARIANTS_FIGURE.caption
    plt.close(drawing)
