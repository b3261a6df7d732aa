"""Every claim on reweighting ends as expected, and its control fails for the reason it gives."""

import numpy as np
import pytest

from tightbound.papers.tiara.checks import dstft, frequency_response, motion_intensity, self_weight
from tightbound.papers.tiara.checks._kernels import SHAPES, logit_row
from tightbound.papers.tiara.checks.affine_path import AFFINE_PATH
from tightbound.papers.tiara.checks.contraction import CONTRACTION
from tightbound.papers.tiara.checks.dstft import DSTFT
from tightbound.papers.tiara.checks.frequency_response import FREQUENCY_RESPONSE
from tightbound.papers.tiara.checks.motion_intensity import MOTION_INTENSITY
from tightbound.papers.tiara.checks.self_weight import SELF_WEIGHT
from tightbound.theory.video.contraction import contraction_bound
from tightbound.verification.statistics import CellEvidence

CLAIMS = (*AFFINE_PATH, *FREQUENCY_RESPONSE, *DSTFT, *CONTRACTION, *MOTION_INTENSITY, *SELF_WEIGHT)
BY_ID = {claim.id: claim for claim in CLAIMS}
LEVEL = 3e-5  # what is left for one claim of the whole suite


def _judge(claim, cells, measure, level=LEVEL):
    evidence = []
    for index, cell in enumerate(cells):
        rng = np.random.default_rng([0, index])
        data = {name: np.atleast_1d(np.asarray(array)) for name, array in measure(cell, rng).items()}
        trivial = claim.trivial(cell) if claim.trivial else None
        evidence.append(CellEvidence(cell=cell, data=data, trivial=trivial))
    return claim.statistic.judge(evidence, level=level).status


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_ends_as_expected(claim):
    cells = claim.grid.quick
    for assumption in claim.assumptions:
        for size in ("quick", "standard", "full"):
            assert all(assumption.holds(cell) for cell in claim.grid.at(size)), assumption.name
    assert _judge(claim, cells, claim.measure) == "pass"


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_its_control_fails(claim):
    cells = (claim.control.grid or claim.grid).quick
    for assumption in claim.assumptions:
        assert all(assumption.holds(cell) for cell in cells), assumption.name
    assert _judge(claim, cells, claim.control.measure or claim.measure) == "fail"


@pytest.mark.parametrize("name", ["TIARA-4a", "TIARA-5a", "TIARA-6b", "TIARA-6d", "TIARA-6e"])
def test_each_cell_of_a_control_fails_alone(name):
    claim = BY_ID[name]
    for cell in (claim.control.grid or claim.grid).quick:
        assert _judge(claim, [cell], claim.control.measure or claim.measure) == "fail", dict(cell)


def test_both_sides_of_the_attenuation_condition_are_seen():
    seen = [frequency_response.attenuation(cell, None) for cell in frequency_response.QUICK]
    assert {0.0, 1.0} == set(np.concatenate([found["reference"].ravel() for found in seen]))


def test_best_reductions_lie_inside_the_grid():
    cells = BY_ID["TIARA-3"].grid.quick
    found = [frequency_response.least_energy(cell, np.random.default_rng(0))["reference"] for cell in cells]
    assert all(0.0 < best[0] < frequency_response.MOST for best in found)


def test_decreasing_gains_are_a_real_hypothesis():
    cell = {**BY_ID["TIARA-4c"].grid.quick[0], "frames": 16}
    assert cell["shape"] == "gauss"
    assert not dstft.gains_decrease(cell)


def test_rows_of_logits_are_symmetric():
    for shape in SHAPES:
        row = logit_row(shape, 9, 1.5)
        assert row[1:] == pytest.approx(row[:0:-1])
        assert row[0] == 1.5


def test_ends_meet_themselves_in_a_mirror():
    """Which is why TIARA-6a leaves them out where rows are reflected."""
    cell = {"frames": 16, "length": 7, "padding": "reflect"}
    found = motion_intensity.own_frame(cell, None)
    assert len(found["value"]) == 16 - 2 * 3


def test_without_a_limit_on_logits_the_bound_says_nothing():
    assert contraction_bound(8, 0.1, 0.2, 1e9) == 1.0


def test_layer_norm_leaves_no_excess():
    cell = {"sigma": 1.0, "replications": 200}
    value = self_weight.excess_after_layer_norm(cell, np.random.default_rng(0))["value"]
    assert np.abs(value[:, 0]).max() < 1e-12
