"""The figures on trained networks draw what they are given."""

import numpy as np
import pytest

from tightbound.papers.attention_sink.checks.bias_slots import SINK_T3A, SINK_T3C
from tightbound.papers.attention_sink.checks.emergence import EMERGENCE
from tightbound.papers.attention_sink.checks.operations import OPERATIONS
from tightbound.papers.attention_sink.checks.positions import POSITIONS
from tightbound.papers.attention_sink.plots.anatomy import ANATOMY_FIGURE
from tightbound.papers.attention_sink.plots.bias_slots import BIAS_SLOTS_FIGURE
from tightbound.papers.attention_sink.plots.emergence import EMERGENCE_FIGURE
from tightbound.papers.attention_sink.plots.fixed_token import FIXED_TOKEN_FIGURE
from tightbound.papers.attention_sink.plots.operations import OPERATIONS_FIGURE
from tightbound.verification.figures import figure_data, style
from tightbound.verification.runner import ClaimEvidence
from tightbound.verification.statistics.base import CellEvidence

CLAIMS = {claim.id: claim for claim in (*EMERGENCE, *OPERATIONS, SINK_T3A, SINK_T3C, *POSITIONS)}
RUNS, EVALUATIONS, LENGTH = 2, 4, 32


def made_up(bound, rng):
    def one(cell):
        per_run = ("value", "greater", "smaller", "proxy_sink", "raw")
        data = {name: rng.uniform(0.1, 1.0, RUNS) for name in per_run}
        data |= {
            name: rng.uniform(0.1, 1.0, (RUNS, EVALUATIONS))
            for name in ("sink", "value_drain", "excess_loss")
        }
        if "T2" in cell["claim"]:
            data["value_drain"] = rng.uniform(0.1, 1.0, RUNS)
        if "T4" in cell["claim"]:
            data["sink"] = rng.uniform(size=(RUNS, LENGTH))
        data["steps"] = 25 * np.arange(1, EVALUATIONS + 1)
        data |= {name: rng.uniform(1.0, 2.0, LENGTH) for name in ("state_norm", "key_norm", "value_norm")}
        data |= {name: rng.uniform(size=(LENGTH, LENGTH)) for name in ("cosine", "scores")}
        return CellEvidence(cell, data, bound(cell) if bound else None)

    return one


def evidence_of(name):
    claim, rng = CLAIMS[name], np.random.default_rng(0)
    one = made_up(claim.bound, rng)
    full = {"fixed_position": 1, "claim": name}
    own = tuple(one(full | dict(cell)) for cell in claim.grid.quick)
    other = tuple(one(full | dict(cell)) for cell in (claim.control.grid or claim.grid).quick)
    return ClaimEvidence(own, other)


@pytest.mark.parametrize(
    "figure",
    [EMERGENCE_FIGURE, ANATOMY_FIGURE, OPERATIONS_FIGURE, FIXED_TOKEN_FIGURE, BIAS_SLOTS_FIGURE],
    ids=lambda figure: figure.name,
)
def test_figure_draws_finite_data(figure):
    import matplotlib.pyplot as plt

    with style():
        drawing = figure.draw({name: evidence_of(name) for name in figure.claims})
        data = figure_data(drawing)
    plt.close(drawing)
    assert data
    assert all(np.isfinite(array).all() for name, array in data.items() if "line" in name)
    assert "in place of" in figure.caption.lower()
    assert "control" in figure.caption or "grey" in figure.caption
