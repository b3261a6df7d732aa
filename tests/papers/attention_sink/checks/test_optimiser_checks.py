"""Claims on gradients and on scaled normalisers: they hold, and their controls do not."""

import numpy as np
import pytest

from tightbound.papers.attention_sink.checks.inner_dependence import INNER_DEPENDENCE
from tightbound.papers.attention_sink.checks.optimiser import OPTIMISER, SETTINGS, _equivalent
from tightbound.verification.evidence import measure, units

SHORT = {"steps": 50}


@pytest.mark.parametrize("claim", INNER_DEPENDENCE, ids=lambda claim: claim.id)
def test_claims_hold_and_controls_fail(claim):
    found = {"measure": [], "control": []}
    for unit in units(claim, "quick", 1):
        found[unit.role].append(measure(unit).for_statistic)
    assert claim.statistic.judge(found["measure"], level=0.01).status == "pass"
    for item in found["control"]:  # each of them
        assert claim.statistic.judge([item], level=0.01).status == "fail"


def test_scaled_normalisers_are_scaled_matrices():
    claim = OPTIMISER[1]
    cell = {**claim.grid.quick[0], **SHORT}
    kept = claim.measure(cell, np.random.default_rng(0))
    assert kept["value"].shape == (1, 3)
    assert kept["value"].max() < 1e-12
    assert kept["moved"].min() > 1e-3
    assert claim.control.measure(cell, np.random.default_rng(0))["value"].min() > 1e-3


def test_factors_are_those_of_the_statement():
    sgd, adam = _equivalent("sgd", 0.2), _equivalent("adam", 0.2)
    assert (sgd.learning_rate, sgd.weight_decay) == pytest.approx((0.04, 25.0))
    assert (adam.learning_rate, adam.weight_decay, adam.eps) == pytest.approx((0.2, 5.0, 5.0))
    assert set(SETTINGS) == {"sgd", "adam"}
