"""Claims on imperfect models end as they say, and their numbers are what they are said to be."""

import numpy as np
import pytest

from tightbound.papers.icl_bma.checks.imperfect_model import (
    ICL_4B,
    ICL_4D,
    IMPERFECT_MODEL,
    dominated_prompts,
    mistaken_about_a_rare_task,
)
from tightbound.verification.statistics import CellEvidence


def judge(claim, grid, measure, bound):
    evidence = []
    for k, cell in enumerate(grid.quick):
        data = {n: np.atleast_1d(a) for n, a in measure(cell, np.random.default_rng(k)).items()}
        evidence.append(CellEvidence(cell=cell, data=data, bound=bound(cell) if bound else None))
    return claim.statistic.judge(evidence, level=0.01).status


@pytest.mark.parametrize("claim", IMPERFECT_MODEL, ids=lambda claim: claim.id)
def test_ends_as_expected_and_so_does_its_control(claim):
    control = claim.control
    assert judge(claim, claim.grid, claim.measure, claim.bound) == claim.expected
    grid, measure = control.grid or claim.grid, control.measure or claim.measure
    assert judge(claim, grid, measure, control.bound or claim.bound) == claim.control_must


def test_the_counterexample_is_the_first_cell():
    found = dominated_prompts(ICL_4D.grid.quick[0], None)
    said = ICL_4D.counterexample
    assert found["value"][0, 0] == pytest.approx(said["regret"], abs=0.05)
    assert found["bound"][0, 0] == pytest.approx(said["bound"], abs=0.05)
    assert found["prompt"] == 1.0
    # with pairs dominated, the same bound holds
    assert found["value"][0, 0] <= found["repaired"][0, 0]


def test_the_bound_is_nearly_attained_on_a_rare_task():
    found = mistaken_about_a_rare_task(ICL_4B.grid.quick[0], None)
    assert 0.5 < (found["value"] / found["bound"]).max() <= 1.0
    assert np.all(found["distance"] < 0.02)
