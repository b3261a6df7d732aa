"""The adversarial figures draw from whatever evidence the claims return."""

import numpy as np
import pytest

from tightbound.papers.bandit_spec.checks.adversarial import TABLE_CLAIMS
from tightbound.papers.bandit_spec.checks.assumption import ASSUMPTION
from tightbound.papers.bandit_spec.checks.full_information import FULL_INFORMATION
from tightbound.papers.bandit_spec.plots import adversarial, assumption, full_information
from tightbound.verification.figures import figure_data, style
from tightbound.verification.runner import ClaimEvidence
from tightbound.verification.statistics.base import CellEvidence

SMALL = {"runs": 8, "tables": 2, "blocks": 2, "rounds": 2000}
FEW = {"tokens": 2000, "budgets": (500, 2000)}
CLAIMS = {claim.id: claim for claim in (*TABLE_CLAIMS, *ASSUMPTION, *FULL_INFORMATION)}


def small_evidence(claim, measure, grid):
    cells = []
    for k, cell in enumerate(grid.at("quick")):
        tiny = {name: SMALL.get(name, FEW.get(name, value)) for name, value in cell.items()}
        tiny |= {name: value * (k + 1) for name, value in tiny.items() if name in ("rounds",)}
        found = measure(tiny, np.random.default_rng(k))
        cells.append(CellEvidence(tiny, {name: np.atleast_1d(np.asarray(v)) for name, v in found.items()}))
    return tuple(cells)


@pytest.mark.parametrize(
    "figure",
    [adversarial.ADVERSARIAL, assumption.ASSUMPTION, full_information.FULL_INFORMATION],
    ids=lambda f: f.name,
)
def test_figure_draws_finite_data(figure):
    evidence = {}
    for name in figure.claims:
        claim = CLAIMS[name]
        control = claim.control
        evidence[name] = ClaimEvidence(
            small_evidence(claim, claim.measure, claim.grid),
            small_evidence(claim, control.measure or claim.measure, control.grid or claim.grid),
        )
    with style():
        drawing = figure.draw(evidence)
        data = figure_data(drawing)
    assert data
    assert all(np.isfinite(array).all() for name, array in data.items() if "line" in name)
    import matplotlib.pyplot as plt

    plt.close(drawing)
