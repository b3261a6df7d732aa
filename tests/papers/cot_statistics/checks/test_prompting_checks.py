"""Claims on prompting end as expected and their controls as they must, each on its first cells."""

import numpy as np
import pytest

from tightbound.papers.cot_statistics.checks import comparison, equivalence
from tightbound.papers.cot_statistics.checks.comparison import COMPARISON
from tightbound.papers.cot_statistics.checks.decomposition import DECOMPOSITION
from tightbound.papers.cot_statistics.checks.equivalence import EQUIVALENCE
from tightbound.papers.cot_statistics.checks.prompting_error import PROMPTING_ERROR
from tightbound.papers.cot_statistics.checks.stepwise import STEPWISE
from tightbound.theory.chain_of_thought.comparison import answer_only
from tightbound.theory.chain_of_thought.equivalence import equivalence_class
from tightbound.verification.statistics import CellEvidence

CLAIMS = (*STEPWISE, *DECOMPOSITION, *PROMPTING_ERROR, *EQUIVALENCE, *COMPARISON)
# the first cells are too small to show what is wrong
LATER = {"COT-1b": 1, "COT-2d": 2, "COT-5b": 2, "COT-5h": 1}
INSTANCES = {"COT-2d": 100, "COT-3e": 1}
SAMPLES = 40_000


def judge(claim, grid, measure, bound, skip):
    evidence = []
    for index, cell in enumerate(grid.quick[skip : skip + 1]):
        cell = dict(cell)
        if "instances" in cell:
            cell["instances"] = min(cell["instances"], INSTANCES.get(claim.id, 10))
        if "samples" in cell:
            cell["samples"] = min(cell["samples"], SAMPLES)
        data = measure(cell, np.random.default_rng([0, index]))
        data = {name: np.atleast_1d(array) for name, array in data.items()}
        evidence.append(CellEvidence(cell=cell, data=data, bound=bound(cell) if bound else None))
    return claim.statistic.judge(evidence, level=0.01).status


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_holds_and_its_control_does_not(claim):
    skip = LATER.get(claim.id, 0)
    assert judge(claim, claim.grid, claim.measure, claim.bound, skip) == "pass"
    control = claim.control
    grid = control.grid or claim.grid
    skip = skip if control.grid is None else 0
    assert judge(claim, grid, control.measure or claim.measure, control.bound or claim.bound, skip) == "fail"


def test_ids_are_unique_and_costs_are_given():
    assert len({claim.id for claim in CLAIMS}) == len(CLAIMS)
    assert all(set(claim.seconds) == {"quick", "standard"} for claim in CLAIMS)
    assert all(claim.substitutes for claim in CLAIMS)


def test_twins_answer_alike_and_differ_in_their_steps(rng):
    cell = equivalence.COT_4C.grid.quick[0]
    chain = equivalence.relabelled(cell, rng)
    assert equivalence_class(chain, 0).tolist() == [True, False, True]
    assert np.abs(chain.kernels[0] - chain.kernels[-1]).max() > 0.01
    model = comparison.relabelled_model(chain)
    np.testing.assert_allclose(model.answer_table(), chain.answer_table(), atol=1e-14)
    assert np.abs(model.kernels - chain.kernels).max() > 0.01


def test_near_permutations_are_told_apart_by_their_steps_alone():
    chain = comparison.near_permutations(2, 0.1)
    assert chain.tasks == 8
    assert equivalence_class(chain, 0).sum() == 4  # as many swaps, up to parity
    assert np.allclose(answer_only(chain).answer_table().sum(axis=-1), 1.0)
