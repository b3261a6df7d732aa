"""The claims on constructed networks hold, and their controls fail where and why they should."""

import numpy as np
import pytest

from tightbound.papers.icl_bma.checks import descent, networks, prompt_length, squaring
from tightbound.papers.icl_bma.checks.depth import DEPTH
from tightbound.papers.icl_bma.checks.networks import NETWORKS
from tightbound.papers.icl_bma.checks.prompt_length import PROMPT_LENGTH
from tightbound.verification.statistics import CellEvidence

SMALL = {"prompts": 600, "batches": 30}
CLAIMS = (*DEPTH, *NETWORKS, *PROMPT_LENGTH)


def judge(claim, cells, measure, seed=0):
    """Judge at the level of one claim among three hundred."""
    evidence = []
    for cell in cells:
        if claim.id == "ICL-8g":
            cell = {**cell, **SMALL}
        data = {name: np.atleast_1d(a) for name, a in measure(cell, np.random.default_rng(seed)).items()}
        bound, trivial = (f(cell) if f else None for f in (claim.bound, claim.trivial))
        evidence.append(CellEvidence(cell, data, bound, trivial))
    return claim.statistic.judge(evidence, level=3e-5).status


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_holds_and_its_control_does_not(claim):
    cells = claim.grid.quick[:: max(1, len(claim.grid.quick) // 4)]
    assert judge(claim, cells, claim.measure, seed=5) == "pass"
    assert judge(claim, cells, claim.control.measure, seed=5) == "fail"


@pytest.mark.parametrize("claim", NETWORKS, ids=lambda claim: claim.id)
def test_the_mean_head_is_wrong_wherever_there_is_more_than_one_demonstration(claim):
    for cell in claim.grid.quick:
        if cell["demonstrations"] > 1:
            assert judge(claim, [cell], claim.control.measure) == "fail"
        else:
            assert judge(claim, [cell], claim.control.measure) == "pass"


def test_every_way_to_count_is_tried():
    for claim in NETWORKS:
        assert {cell["counting"] for cell in claim.grid.quick} == {"position", "begin", "linear"}


@pytest.mark.parametrize("cell", prompt_length.GRID.quick, ids=str)
def test_frozen_and_counted_errors_agree_at_the_training_length_only(cell):
    counted, frozen = prompt_length._errors(cell), prompt_length._errors(cell, scale=cell["trained"])
    assert frozen[0] == pytest.approx(counted[0], rel=1e-10)
    assert np.all(frozen[1:] > counted[1:])
    assert np.all(np.diff(np.log(frozen / counted)) > 0)
    # the floor is seen by eight times the training length
    assert frozen[-1] > 0.5 * frozen[-2]


@pytest.mark.parametrize("cell", prompt_length.GRID.quick, ids=str)
def test_each_control_on_length_fails_in_every_cell(cell):
    for claim in PROMPT_LENGTH:
        says_nothing = claim.id == "ICL-10c" and judge(claim, [cell], claim.measure) == "vacuous"
        assert says_nothing or judge(claim, [cell], claim.control.measure) == "fail"


def test_steps_of_two_over_the_largest_eigenvalue_are_where_descent_breaks(monkeypatch):
    (cell,) = descent.REGRESSIONS.quick[:1]
    data = descent.diverging_stack(cell, np.random.default_rng(1))
    assert data["distance"][0, -1] > 1.0 > data["distance"][0, 5]
    monkeypatch.setitem(descent.FIXED, "too long", 1.9)
    data = descent.diverging_stack(cell, np.random.default_rng(1))
    assert data["distance"][0, -1] < 1e-2


def test_a_layer_as_wide_as_the_levels_is_beaten_from_some_depth_on():
    cell = {**squaring.ICL_8F.grid.quick[1], "prompts": 64}
    deep, wide = (
        f(cell, np.random.default_rng(2)) for f in (squaring.deep_posterior, squaring.wide_posterior)
    )
    bound = deep["bound"][0]
    assert np.all(deep["value"].max(axis=0) <= bound)
    assert np.all(wide["value"].max(axis=0)[8:] > 10 * bound[8:])
    # more ReLUs do help, but as a power of their number only
    assert wide["value"].mean(axis=0)[-1] > 1e-4


def test_letters_are_read_as_pairs():
    tasks = networks._tasks(
        {"covariates": 2, "responses": 3, "tasks": 4, "spread": 1.0}, np.random.default_rng(3)
    )
    network = networks._network(tasks)
    table = network.embedding.reshape(2, 3, 4)
    expected = np.log(np.moveaxis(tasks.likelihood, 0, -1))
    np.testing.assert_allclose(table - table[..., :1], expected - expected[..., :1], atol=1e-13)
