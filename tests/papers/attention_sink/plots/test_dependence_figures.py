"""The figures on what sinks depend on draw what they are given."""

import numpy as np
import pytest

from tightbound.papers.attention_sink.checks.data_amount import DATA_AMOUNT
from tightbound.papers.attention_sink.checks.emergence import SINK_T1B
from tightbound.papers.attention_sink.checks.learning_rate import LEARNING_RATE
from tightbound.papers.attention_sink.checks.positions import SINK_T9
from tightbound.papers.attention_sink.checks.prefix import PREFIX
from tightbound.papers.attention_sink.checks.thresholds import THRESHOLD
from tightbound.papers.attention_sink.checks.value_norm import VALUE_NORM
from tightbound.papers.attention_sink.plots.data_amount import DATA_AMOUNT_FIGURE
from tightbound.papers.attention_sink.plots.learning_rate import LEARNING_RATE_FIGURE
from tightbound.papers.attention_sink.plots.masks import MASKS_FIGURE
from tightbound.papers.attention_sink.plots.thresholds import THRESHOLDS_FIGURE
from tightbound.papers.attention_sink.plots.value_norm import VALUE_NORM_FIGURE
from tightbound.papers.attention_sink.published import TABLES, comparison
from tightbound.verification.figures import figure_data, style
from tightbound.verification.runner import ClaimEvidence
from tightbound.verification.statistics.base import CellEvidence

CLAIMS = {
    claim.id: claim
    for claim in (*DATA_AMOUNT, SINK_T1B, *LEARNING_RATE, SINK_T9, *PREFIX, *THRESHOLD, *VALUE_NORM)
}
RUNS, STEPS, LENGTH = 2, 50 * np.arange(1, 5), 32


def curves(rng, *shape):
    return rng.uniform(0.1, 1.0, (RUNS, *shape))


def one(claim, cell, rng):
    data = {
        name: curves(rng, STEPS.size)
        for name in ("fast", "slow", "sink", "endless", "value_drain", "first", "slot")
    }
    data |= {"steps": STEPS, "recorded": curves(rng, STEPS.size, len(cell.get("recorded", ())))}
    if "norms" in cell:
        data |= {name: curves(rng, len(cell["norms"])) for name in ("slot", "first")}
        data["norms"] = np.array(cell["norms"])
    if "lengths" in cell:
        data |= {"metric": curves(rng, len(cell["lengths"]), 3), "lengths": np.array(cell["lengths"])}
        data["thresholds"] = np.array([0.2, 0.3, 0.4])
    data["scores"] = curves(rng, LENGTH, LENGTH) if claim.id == "SINK-T9" else curves(rng, LENGTH, LENGTH)[0]
    return CellEvidence(cell, data, claim.bound(cell) if claim.bound else None)


def evidence_of(claim, size):
    rng = np.random.default_rng(0)
    grids = claim.grid, claim.control.grid or claim.grid
    return ClaimEvidence(*(tuple(one(claim, cell, rng) for cell in grid.at(size)) for grid in grids))


@pytest.mark.parametrize("size", ["quick", "full"])
@pytest.mark.parametrize(
    "figure",
    [DATA_AMOUNT_FIGURE, LEARNING_RATE_FIGURE, MASKS_FIGURE, THRESHOLDS_FIGURE, VALUE_NORM_FIGURE],
    ids=lambda figure: figure.name,
)
def test_figure_draws_finite_data(figure, size):
    import matplotlib.pyplot as plt

    with style():
        drawing = figure.draw({name: evidence_of(CLAIMS[name], size) for name in figure.claims})
        data = figure_data(drawing)
    plt.close(drawing)
    assert data
    assert all(np.isfinite(array).all() for name, array in data.items() if "line" in name)
    assert "in place of" in figure.caption
    assert "control" in figure.caption
    assert "first token is fixed" in figure.caption or "fixed first token" in figure.caption


def test_printed_numbers_stand_beside_measured_ones():
    bare = comparison()
    assert all(f"**{table.title}**" in bare for table in TABLES)
    assert all(row.read in ("text", "summary", "memory") for table in TABLES for row in table.rows)
    item = CellEvidence({}, {"value": np.array([1.0]), "slot": np.array([[1.0, 0.8], [0.0, 0.4]])}, None)
    found = {name: ClaimEvidence((item,), (item,)) for name in ("SINK-T3c", "SINK-T7a")}
    lines = comparison(found).splitlines()
    assert "| V bias | – / 17.53 | memory | 100.0 |" in lines
    assert "| 20 | 1.51 / 25.88 | summary | 60.0 / – |" in lines


def test_measured_numbers_name_claims_that_exist():
    from tightbound.papers.attention_sink.checks.bias_slots import BIAS_SLOTS
    from tightbound.papers.attention_sink.checks.operations import OPERATIONS
    from tightbound.papers.attention_sink.checks.other_tokens import OTHER_TOKENS
    from tightbound.papers.attention_sink.checks.positions import POSITIONS
    from tightbound.papers.attention_sink.checks.weight_decay import WEIGHT_DECAY

    groups = (BIAS_SLOTS, OPERATIONS, OTHER_TOKENS, POSITIONS, WEIGHT_DECAY)
    known = CLAIMS | {claim.id: claim for group in groups for claim in group} | {"SINK-T1a": SINK_T1B}
    for here in (here for table in TABLES for row in table.rows for here in row.here):
        claim = known[here.claim]
        grid = claim.grid if here.role == "measure" else claim.control.grid or claim.grid
        # what a larger size alone has is left out at quick
        assert any(all(cell.get(key) == value for key, value in here.cell) for cell in grid.standard)
