"""Claims on wrong responses end as they say, and their parts agree with what is known otherwise."""

import math

import numpy as np
import pytest

from tightbound.papers.icl_bma.checks import label_corruption, wrong_mappings
from tightbound.papers.icl_bma.checks.label_corruption import ICL_9D, LABEL_CORRUPTION, sign_of_the_drift
from tightbound.papers.icl_bma.checks.wrong_mappings import ICL_13B, honest_responses
from tightbound.theory.in_context.label_corruption import drift
from tightbound.verification.statistics import CellEvidence


def judge(claim, grid, measure, bound):
    evidence = []
    for k, cell in enumerate(grid.quick):
        data = {n: np.atleast_1d(a) for n, a in measure(cell, np.random.default_rng(k)).items()}
        evidence.append(CellEvidence(cell=cell, data=data, bound=bound(cell) if bound else None))
    return claim.statistic.judge(evidence, level=0.01).status


@pytest.mark.parametrize("claim", LABEL_CORRUPTION, ids=lambda claim: claim.id)
def test_ends_as_expected_and_so_does_its_control(claim):
    control = claim.control
    assert judge(claim, claim.grid, claim.measure, claim.bound) == claim.expected
    grid, measure = control.grid or claim.grid, control.measure or claim.measure
    assert judge(claim, grid, measure, control.bound or claim.bound) == claim.control_must


@pytest.mark.parametrize("claim", LABEL_CORRUPTION, ids=lambda claim: claim.id)
def test_assumptions_hold_on_every_instance(claim):
    for size in ("quick", "standard"):
        assert all(one.holds(cell) for one in claim.assumptions for cell in claim.grid.at(size))


@pytest.mark.parametrize("noise", [0.1, 0.2, 0.4, 0.6])
def test_the_threshold_is_where_the_drift_is_zero(noise):
    logs = np.log(label_corruption._likelihood(noise))
    law = label_corruption._observed({"noise": noise}, label_corruption._threshold(noise))
    assert drift(law, logs[1] - logs[0]) == pytest.approx(0.0, abs=1e-12)


def test_shares_lie_on_both_sides_of_the_threshold():
    found = [sign_of_the_drift(cell, None) for cell in ICL_9D.grid.quick]
    falls = [bool(one["error"][0, 0] > one["error"][0, -1]) for one in found]
    assert falls == [cell["share"] < found[0]["threshold"] for cell in ICL_9D.grid.quick]
    assert {True, False} == set(falls)


def test_the_exponent_of_the_bound_is_that_of_two_groups_of_bits():
    cell = {"book": "two far", "floor": 0.05}
    tasks = wrong_mappings._tasks(cell, "two far")
    odds, s = math.log(19.0), np.linspace(0.0, 1.0, 10_001)
    one = np.log(0.95 * np.exp(-s * odds) + 0.05 * np.exp(s * odds))
    assert wrong_mappings._exponent(tasks) == pytest.approx(-(4 * one - s * math.log(0.05)).min(), rel=1e-6)
    assert all(wrong_mappings._exponent(wrong_mappings._tasks(c, c["book"])) > 0 for c in ICL_13B.grid.quick)


def test_honest_responses_find_the_task_without_covariates():
    found = honest_responses({"telling": 0, "floor": 0.05, "examples": 32}, None)
    assert found["error"] < 1e-6
