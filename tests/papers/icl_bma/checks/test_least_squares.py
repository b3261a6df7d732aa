"""Claims on least squares end as they say, at smaller sizes."""

import numpy as np
import pytest

from tightbound.papers.icl_bma.checks.least_squares import LEAST_SQUARES, squared_error
from tightbound.verification.statistics import CellEvidence


def judge(claim, measure):
    cell = {"dimension": 10, "samples": (30, 60, 120), "runs": 12_000}
    if claim.id != "ICL-14a":
        cell |= {"samples": (100, 400, 1600), "runs": 1200}
    data = {n: np.atleast_1d(a) for n, a in measure(cell, np.random.default_rng(0)).items()}
    return claim.statistic.judge([CellEvidence(cell=cell, data=data)], level=0.01).status


@pytest.mark.parametrize("claim", LEAST_SQUARES, ids=lambda claim: claim.id)
def test_ends_as_expected_and_so_does_its_control(claim):
    assert judge(claim, claim.measure) == "pass"
    assert judge(claim, claim.control.measure) == "fail"


def test_shapes():
    found = squared_error({"dimension": 2, "samples": (5, 9), "runs": 3}, np.random.default_rng(0))
    assert found["value"].shape == (3, 2)
    assert found["reference"].shape == (1, 2)
