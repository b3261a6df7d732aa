"""What the checks on teams measure, against what is known otherwise."""

import numpy as np
import pytest

from tightbound.papers.bail_planner.checks.multi_agent import (
    MULTI_AGENT,
    meeting_apart,
    tuned,
    tuned_over_actors,
)
from tightbound.papers.bail_planner.checks.private_contexts import constant_probing, private_signs
from tightbound.theory.planning.bounds import epsilon_greedy_bound, sampled_mass
from tightbound.theory.planning.closed_forms import meet_regret
from tightbound.verification.statistics import CellEvidence


def _judge(claim, cells, measure):
    evidence = []
    for cell in cells:
        data = {name: np.atleast_1d(array) for name, array in measure(cell, np.random.default_rng(0)).items()}
        evidence.append(CellEvidence(cell=cell, data=data))
    return claim.statistic.judge(evidence, level=0.01).status


@pytest.mark.parametrize("claim", MULTI_AGENT, ids=lambda claim: claim.id)
def test_holds_in_a_cell_and_its_control_does_not(claim):
    assert _judge(claim, claim.grid.quick[:1], claim.measure) == "pass"
    wrong = (claim.control.grid or claim.grid).quick
    assert _judge(claim, wrong[-1:], claim.control.measure or claim.measure) == "fail"


def test_joint_draws_keep_to_the_bound_of_one_actor():
    cell = {"sampling": "joint", "environments": 4, "actors": 8, "eta": 0.5, "episodes": (1000,)}
    found = tuned(cell, np.random.default_rng(0))
    one = epsilon_greedy_bound(1000, found["eps"][0], 0.5, horizon=2, mass=sampled_mass(2, 4))
    assert found["bound"][0, 0] == pytest.approx(float(one))
    assert found["value"][0, 0] == pytest.approx(float(meet_regret(1000, 4, 1, 0.5, found["eps"][0])))


def test_one_actor_drawing_apart_is_one_actor():
    cell = {"environments": 4, "actors": (1, 2), "eta": 1.0, "episodes": 1000}
    found = tuned_over_actors(cell, np.random.default_rng(0))
    assert found["value"][0, 0] == pytest.approx(found["joint"][0])
    assert found["value"][0, 1] > found["value"][0, 0]


def test_meeting_by_chance():
    found = meeting_apart({"places": 3, "actors": 2}, np.random.default_rng(0))
    assert found["value"] == pytest.approx(1.0 / 3.0)


def test_probing_half_the_time_costs_half_an_episode_each():
    cell = {"truth": 0, "actors": 2, "q": 0.9, "episodes": (100,)}
    found = constant_probing(cell, np.random.default_rng(0))
    assert 50.0 < found["value"][0, 0] < 53.0
    assert private_signs(cell, np.random.default_rng(0))["value"][0, 0] < 40.0
