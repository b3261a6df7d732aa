"""The claims on depth in multi-step tasks hold, and their controls fail."""

import numpy as np
import pytest

from tightbound.papers.cot_statistics.checks import depth
from tightbound.papers.cot_statistics.checks.depth import COT_DEPTH
from tightbound.verification.statistics import CellEvidence


def judge(claim, cells, measure):
    evidence = []
    for cell in cells:
        if claim.id == "COT-8b":
            cell = {**cell, "prompts": 300, "batches": 30}
        data = {name: np.atleast_1d(a) for name, a in measure(cell, np.random.default_rng(3)).items()}
        bound, trivial = (f(cell) if f else None for f in (claim.bound, claim.trivial))
        evidence.append(CellEvidence(cell, data, bound, trivial))
    return claim.statistic.judge(evidence, level=3e-5).status


@pytest.mark.parametrize("claim", COT_DEPTH, ids=lambda claim: claim.id)
def test_holds_and_its_control_does_not(claim):
    assert judge(claim, claim.grid.quick, claim.measure) == "pass"
    assert judge(claim, claim.grid.quick, claim.control.measure) == "fail"


def test_the_levels_needed_grow_by_one_with_four_times_the_demonstrations_or_steps():
    cell = {**depth.COT_8D.grid.quick[0]}
    assert depth.needed({**cell, "demonstrations": 4}) == depth.needed(cell) + 1
    # the scale grows with the root of the steps as well
    assert depth.needed({**cell, "steps": 4}) == depth.needed(cell) + 2


def test_answers_are_compared_with_the_law_of_the_first_coordinate():
    cell = {**depth.COT_8C.grid.quick[0], "levels": (3,), "prompts": 50}
    data = depth.answer_law(cell, np.random.default_rng(0))
    assert np.all(data["value"] <= data["bound"])
    assert np.max(data["value"] / data["bound"]) > 0.2  # the answer does depend on the task
