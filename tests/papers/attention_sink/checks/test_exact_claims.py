"""Every exact claim ends as expected, and its control as it must."""

import numpy as np
import pytest

from tightbound.papers.attention_sink.checks.key_bias import KEY_BIAS
from tightbound.papers.attention_sink.checks.normalisers import NORMALISERS
from tightbound.papers.attention_sink.checks.relative_positions import RELATIVE_POSITIONS
from tightbound.papers.attention_sink.checks.repeated_tokens import REPEATED_TOKENS
from tightbound.papers.attention_sink.checks.rotary_positions import ROTARY_POSITIONS
from tightbound.verification.statistics import CellEvidence

CLAIMS = (*REPEATED_TOKENS, *RELATIVE_POSITIONS, *ROTARY_POSITIONS, *KEY_BIAS, *NORMALISERS)
NEGATIVE = [claim for claim in CLAIMS if claim.control_must == "fail"]


def judged(claim, measure, cells, seed=0):
    evidence = []
    for index, cell in enumerate(cells):
        found = measure(cell, np.random.default_rng([seed, index]))
        bound = None if claim.bound is None else claim.bound(cell)
        trivial = None if claim.trivial is None else claim.trivial(cell)
        data = {name: np.atleast_1d(array) for name, array in found.items()}
        evidence.append(CellEvidence(cell=cell, data=data, bound=bound, trivial=trivial))
    return claim.statistic.judge(evidence, level=0.01).status


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_claim_and_control_end_as_they_must(claim):
    control = claim.control
    assert judged(claim, claim.measure, claim.grid.quick) == claim.expected
    wrong = (control.grid or claim.grid).quick
    assert judged(claim, control.measure or claim.measure, wrong) == claim.control_must


@pytest.mark.parametrize("claim", NEGATIVE, ids=lambda claim: claim.id)
def test_every_cell_of_a_negative_control_fails_by_itself(claim):
    control = claim.control
    measure, cells = control.measure or claim.measure, (control.grid or claim.grid).quick
    assert [dict(cell) for cell in cells if judged(claim, measure, [cell]) != "fail"] == []


def test_ids_are_distinct_and_corrections_exist():
    ids = [claim.id for claim in CLAIMS]
    assert len(set(ids)) == len(ids)
    assert all(claim.corrected_by in ids for claim in CLAIMS if claim.corrected_by)


def test_another_token_in_the_middle_changes_nothing_before_it():
    for claim in CLAIMS:
        if "other token in the middle" in claim.control.because:
            cell = claim.grid.quick[0]
            found = claim.control.measure(cell, np.random.default_rng(1))
            assert found["before"].max() < 1e-13 < 1e-3 < found["value"].max(), claim.id


def test_the_printed_conclusion_on_relative_positions_fails_on_the_released_bias():
    claim = next(claim for claim in CLAIMS if claim.id == "SINK-P2b")
    bias = claim.counterexample["bias"]
    found = claim.measure({"bias": bias}, np.random.default_rng(0))["value"]
    np.testing.assert_allclose(found, claim.counterexample["importance"], rtol=1e-9)
    assert found.min() > 0.3


def test_the_bound_by_lengths_helps_small_logits_only():
    claim = next(claim for claim in CLAIMS if claim.id == "SINK-P4c")
    share = {}
    for cell in claim.grid.quick:
        found = claim.measure(cell, np.random.default_rng(0))
        np.testing.assert_array_equal(found["useful"], found["radius"] < found["largest_useful_radius"])
        share[cell["length"], cell["gain"]] = found["useful"].mean()
    assert share[64, 0.05] == 1.0
    assert share[64, 2.0] == 0.0
