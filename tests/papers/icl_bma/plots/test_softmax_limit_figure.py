"""The figure on attention draws from whatever evidence the claims return."""

import numpy as np

from tightbound.papers.icl_bma.checks.attention import ATTENTION
from tightbound.papers.icl_bma.checks.softmax_limit import SOFTMAX_LIMIT
from tightbound.papers.icl_bma.plots.softmax_limit import SOFTMAX_LIMIT_FIGURE
from tightbound.verification.evidence import measure, units
from tightbound.verification.figures import figure_data, style
from tightbound.verification.runner import ClaimEvidence

CLAIMS = {claim.id: claim for claim in (*ATTENTION, *SOFTMAX_LIMIT)}


def small(claim):
    found = {"measure": [], "control": []}
    for unit in units(claim, "quick", 0):
        for name in ("runs", "prompts"):
            if name in unit.cell:
                unit.cell[name] = 3
        if "runs" in unit.cell:
            unit.cell["keys"] = (100, 400)
        found[unit.role].append(measure(unit).for_statistic)
    return ClaimEvidence(tuple(found["measure"]), tuple(found["control"]))


def test_figure_draws_finite_data():
    import matplotlib.pyplot as plt

    evidence = {name: small(CLAIMS[name]) for name in SOFTMAX_LIMIT_FIGURE.claims}
    with style():
        drawing = SOFTMAX_LIMIT_FIGURE.draw(evidence)
        data = figure_data(drawing)
    assert len(drawing.axes) == 4
    assert all(np.isfinite(array).all() for name, array in data.items() if "line" in name)
    assert "Nothing is substituted" in SOFTMAX_LIMIT_FIGURE.caption
    plt.close(drawing)
