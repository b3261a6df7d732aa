"""The identities' controls fail for the reason they give, each by itself and by a margin that can be seen."""

import numpy as np
import pytest

from tightbound.papers.bail_planner.checks import inference
from tightbound.papers.bail_planner.checks._random_tables import random_tables
from tightbound.papers.bail_planner.checks.inference import INFERENCE
from tightbound.theory.planning.expert import expert
from tightbound.theory.planning.filtering import normalised, posterior
from tightbound.theory.planning.tree import HistoryTree
from tightbound.verification.statistics import CellEvidence


def _judge(claim, cells, measure):
    evidence = []
    for cell in cells:
        data = {name: np.atleast_1d(array) for name, array in measure(cell, np.random.default_rng(0)).items()}
        evidence.append(CellEvidence(cell=cell, data=data))
    return claim.statistic.judge(evidence, level=0.01).status


@pytest.mark.parametrize("claim", INFERENCE, ids=lambda claim: claim.id)
def test_holds_in_a_cell_and_its_control_does_not(claim):
    assert _judge(claim, claim.grid.quick[:1], claim.measure) == "pass"
    wrong = (claim.control.grid or claim.grid).quick
    assert _judge(claim, wrong, claim.control.measure or claim.measure) == "fail"


@pytest.mark.parametrize("step", ["report first", "transposed"])
def test_each_broken_filter_fails_alone(step):
    (claim,) = (claim for claim in INFERENCE if claim.id == "PLN-1")
    for cell in claim.control.grid.quick:
        if cell["step"] == step:
            assert _judge(claim, [cell], claim.measure) == "fail"


@pytest.mark.parametrize(
    "wrong", [inference.labels_after_informed_behaviour, inference.labels_by_self_delusion]
)
def test_wrong_posteriors_are_far_off(wrong):
    """Where all environments have the same expert nothing can be said wrongly, so not in every cell."""
    cells = inference.PLN_3A.grid.quick
    apart = [wrong(cell, np.random.default_rng(0))["largest_total_variation"] for cell in cells]
    assert sum(one > 0.05 for one in apart) >= len(cells) / 2


def test_one_environment_leaves_nothing_to_be_deluded_about():
    cell = {**inference.PLN_3A.grid.quick[0], "environments": 1}
    for measure in (inference.labels, inference.labels_after_informed_behaviour):
        assert measure(cell, np.random.default_rng(1))["largest_total_variation"] <= 1e-12


def test_weights_of_pasts():
    cell = {**inference.PLN_3A.grid.quick[4]}
    tree = HistoryTree(random_tables(cell, np.random.default_rng(2)))
    known = expert(tree)
    pasts = np.array([[0, 1, 0, 1, 1, 1, 0, 0, 0, 1], [1, 0, 1, 0, 1, 0, 1, 1, 1, 1]])
    episodes = [[(past[i : i + 5 : 2], past[i + 1 : i + 5 : 2]) for i in (0, 5)] for past in pasts]
    expected = [posterior(tree.model, both) for both in episodes]
    logs = inference._by_observations(tree, known, pasts)
    assert normalised(logs.T).T == pytest.approx(np.array(expected), abs=1e-12)
    deluded = inference._by_own_subgoals_too(tree, known, pasts)
    for both, honest, believed in zip(episodes, logs, deluded, strict=True):
        for z in range(2):
            own = all(
                known.subgoal[h][z, 1, tree.find(seen[: h + 1], goals[:h])] == goals[h]
                for seen, goals in both
                for h in range(2)
            )
            assert believed[z] == (honest[z] if own else -np.inf)
