"""The claims on the variants hold, and their controls fail."""

import numpy as np
import pytest

from tightbound.papers.cot_statistics.checks import self_consistency, tree_of_thought
from tightbound.papers.cot_statistics.checks._variants import over, prompts, turning
from tightbound.papers.cot_statistics.checks.selection_inference import SELECTION_INFERENCE, switches
from tightbound.papers.cot_statistics.checks.self_consistency import SELF_CONSISTENCY
from tightbound.papers.cot_statistics.checks.tree_of_thought import TREE_OF_THOUGHT
from tightbound.theory.chain_of_thought.selection_inference import module_exponents
from tightbound.verification.statistics import CellEvidence

CLAIMS = (*SELF_CONSISTENCY, *TREE_OF_THOUGHT, *SELECTION_INFERENCE)
# a cell of which the control needs more than the first
CELLS = {"COT-7e": slice(0, 2)}


def judge(claim, measure):
    cells = claim.grid.quick[CELLS.get(claim.id, slice(0, 1))]
    evidence = []
    for index, cell in enumerate(cells):
        data = {name: np.atleast_1d(a) for name, a in measure(cell, np.random.default_rng(index)).items()}
        bound, trivial = (f(cell) if f else None for f in (claim.bound, claim.trivial))
        evidence.append(CellEvidence(cell, data, bound, trivial))
    return claim.statistic.judge(evidence, level=3e-5).status


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_holds_and_its_control_does_not(claim):
    assert judge(claim, claim.measure) == "pass"
    assert judge(claim, claim.control.measure) == "fail"


def test_ids_are_those_of_the_sections():
    assert [claim.id for claim in SELF_CONSISTENCY] == [f"COT-6{x}" for x in "abcdefg"]
    assert [claim.id for claim in (*TREE_OF_THOUGHT, *SELECTION_INFERENCE)] == [
        f"COT-7{x}" for x in "abcdefghij"
    ]


def test_turning_tasks_and_their_prompts():
    chain = turning(0.3)
    assert chain.answer_table()[1, 0].argmax() == 2
    chance, weights = prompts(chain, 5, 0)
    assert chance.sum() == pytest.approx(1.0, abs=1e-9)
    # symmetric tasks under a uniform law of states: half and half
    shuffled, same = prompts(chain, 5, 0, shuffled=True)
    assert shuffled @ np.exp(same[:, 0]) == pytest.approx(0.5, abs=1e-9)
    assert chance @ np.exp(weights[:, 0]) > 0.8


def test_ratios_keep_what_the_trivial_bound_says():
    found = over(np.array([[0.2, 0.1]]), np.array([[2.0, 0.5]]))
    assert found["value"].tolist() == [[0.1, 0.2]]
    assert found["trivial"].tolist() == [[0.5, 2.0]]


def test_the_floor_of_one_chain_is_the_mass_of_the_wrong_answers():
    cell = {"noise": 0.3, "lengths": (0, 16), "samples": (1, 25)}
    data = self_consistency.floors(cell, np.random.default_rng(0))
    assert data["floor"][0, 0] == pytest.approx(1.0 - turning(0.3).answer_table()[0, 0].max())
    assert data["error"][0, 1, 0] == pytest.approx(data["floor"][0, 0], abs=1e-3)
    assert data["floor"][0, 1] < data["floor"][0, 0]


def test_on_the_garden_path_one_is_led_away_and_two_are_not():
    cell = {"proposals": (1, 32)}
    one = tree_of_thought.garden_with_one(cell, np.random.default_rng(0))["failed"][0]
    two = tree_of_thought.garden_with_two(cell, np.random.default_rng(0))["failed"][0]
    assert one[0] == pytest.approx(two[0])
    assert one[1] == pytest.approx(1.0, abs=1e-10)
    assert two[1] < 1e-8


def test_the_slower_module_is_the_noisier_one():
    found = module_exponents(switches({"selection_noise": 0.1, "inference_noise": 0.3}), 0, 0)
    np.testing.assert_allclose(found, -np.log(2.0 * np.sqrt([0.09, 0.21])), rtol=1e-9)
