"""The claims on averaging end as they must, and their controls for the reason they give."""

import numpy as np
import pytest

from tightbound.papers.icl_bma.checks import averaging, informative_covariates, regret, saturation
from tightbound.papers.icl_bma.checks.averaging import AVERAGING
from tightbound.papers.icl_bma.checks.general_prior import GENERAL_PRIOR
from tightbound.papers.icl_bma.checks.informative_covariates import INFORMATIVE_COVARIATES
from tightbound.papers.icl_bma.checks.regret import REGRET
from tightbound.verification.grid import SIZES
from tightbound.verification.statistics import CellEvidence

CLAIMS = (*AVERAGING, *REGRET, *GENERAL_PRIOR, *INFORMATIVE_COVARIATES)
SMALLER = {"sequences": 40, "instances": 60, "laws": 50}


def _judge(claim, cells, measure, bound):
    evidence = []
    for index, cell in enumerate(cells):
        cell = {name: min(value, SMALLER[name]) if name in SMALLER else value for name, value in cell.items()}
        if claim.id == "ICL-3d":
            cell["sequences"] = 1500
        data = {
            name: np.atleast_1d(array) for name, array in measure(cell, np.random.default_rng(index)).items()
        }
        evidence.append(
            CellEvidence(
                cell=cell,
                data=data,
                bound=None if bound is None else bound(cell),
                trivial=None if claim.trivial is None else claim.trivial(cell),
            )
        )
    return claim.statistic.judge(evidence, level=0.01).status


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_ends_as_expected_and_so_does_its_control(claim):
    assert _judge(claim, claim.grid.quick[:3], claim.measure, claim.bound) == claim.expected
    control = claim.control
    cells = (control.grid or claim.grid).quick
    cells = cells[len(cells) // 2 :][:3]
    measure, bound = control.measure or claim.measure, control.bound or claim.bound
    assert _judge(claim, cells, measure, bound) == claim.control_must


def test_ids_differ_and_every_size_has_cells():
    assert len({claim.id for claim in CLAIMS}) == len(CLAIMS)
    assert all(claim.grid.at(size) for claim in CLAIMS for size in SIZES)
    known = {claim.id for claim in CLAIMS}
    assert all(claim.corrected_by in known for claim in CLAIMS if claim.expected == "fail")


def test_a_frozen_average_is_off_by_more_than_a_hundredth():
    (claim,) = (claim for claim in AVERAGING if claim.id == "ICL-1a")
    for index, cell in enumerate(cell for cell in claim.grid.quick if cell["length"] > 0):
        found = averaging.next_responses_without_learning(cell, np.random.default_rng(index))
        assert np.abs(found["value"] - found["reference"]).max() > 1e-2


def test_the_query_left_out_is_wrong_by_itself_even_without_demonstrations():
    for index, cell in enumerate(informative_covariates.ICL_11A.grid.quick):
        found = informative_covariates.without_query(cell, np.random.default_rng(index))
        assert np.abs(found["value"] - found["reference"]).max() > 1e-3


def test_covariates_that_tell_nothing_leave_no_difference():
    for cell in informative_covariates.ICL_11B.control.grid.quick:
        found = informative_covariates.apart({**cell, "instances": 20}, np.random.default_rng(0))
        assert found["greater"].max() <= 1e-14


@pytest.mark.parametrize("source", ["prior", "rarest task", "noise", "two tasks", "adversary"])
def test_every_source_of_sequences_is_within_the_bound(source):
    for cell in regret.ICL_2A.grid.quick:
        if cell["source"] == source and cell["tasks"] == 16:
            small = {**cell, "length": 60, "sequences": 5}
            found = regret.every_sequence(small, np.random.default_rng(1))
            assert np.all(found["value"] <= 1 + 1e-9)


def test_betting_on_the_likeliest_task_is_refuted_for_every_size():
    for index, cell in enumerate(regret.ICL_2B.grid.quick):
        found = regret.supremum_of_the_likeliest({**cell, "instances": 1}, np.random.default_rng(index))
        assert found["value"][0] > regret.log_tasks(cell)


def test_a_short_memory_keeps_its_doubt():
    for cell in saturation.ICL_2F.grid.quick:
        found = saturation.doubt_with_a_short_memory(cell, np.random.default_rng(0))
        assert found["value"][0, -1] > found["bound"][0, -1] + 1.0
