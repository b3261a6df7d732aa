"""What the world-model checks measure, against what is known otherwise."""

import numpy as np
import pytest

from tightbound.papers.bail_planner.checks.world_model import (
    PLN_16D,
    PLN_16E,
    WORLD_MODEL,
    explored_in_simulation,
    explored_on_reveal,
    naive_imitation,
    naive_world_model,
)
from tightbound.simulators.planning.exact_regret import exact_regret
from tightbound.simulators.planning.planners.epsilon_greedy import EpsilonGreedy
from tightbound.simulators.planning.planners.fixed_subgoal import FixedSubgoal
from tightbound.simulators.planning.planners.schedules import Constant
from tightbound.simulators.planning.planners.world_model import WorldModel
from tightbound.theory.planning.instances.reveal import PROBE, reveal
from tightbound.verification.statistics import CellEvidence


def _judge(claim, cells, measure):
    evidence = []
    for cell in cells:
        data = {name: np.atleast_1d(array) for name, array in measure(cell, np.random.default_rng(0)).items()}
        evidence.append(CellEvidence(cell=cell, data=data))
    return claim.statistic.judge(evidence, level=0.01).status


@pytest.mark.parametrize("claim", WORLD_MODEL, ids=lambda claim: claim.id)
def test_holds_in_a_cell_and_its_control_does_not(claim):
    assert _judge(claim, claim.grid.quick[:1], claim.measure) == "pass"
    wrong = (claim.control.grid or claim.grid).quick
    assert _judge(claim, wrong[-1:], claim.control.measure or claim.measure) == "fail"


def test_the_closed_form_on_reveal_is_the_planners():
    found = explored_on_reveal({"environments": 5, "eta": 0.5, "episodes": (30,)}, np.random.default_rng(0))
    planner = EpsilonGreedy(WorldModel(), FixedSubgoal(PROBE), Constant(float(found["eps"][0])))
    regret = exact_regret(reveal(5, 0.5), 0, 30, planner).regret
    assert found["value"][0, 0] == pytest.approx(regret[-1], rel=1e-9)
    assert found["imitation"][0] < found["value"][0, 0]


def test_naive_planning_learns_nothing_and_naive_imitation_does():
    cell = {"environments": 4, "eta": 0.5, "episodes": 100}
    planned, sampled = (one(cell, np.random.default_rng(0)) for one in (naive_world_model, naive_imitation))
    np.testing.assert_allclose(planned["doubt"], 0.75, rtol=1e-12)
    assert planned["value"][0, -1] == pytest.approx(50.0)
    assert sampled["value"][0, -1] == pytest.approx(1.5, rel=1e-6)


def test_instances_are_the_same_for_all_random_numbers():
    cell = PLN_16E.grid.quick[0]
    one, two = (explored_in_simulation(cell, np.random.default_rng(seed)) for seed in (0, 1))
    assert one["eta"] == two["eta"] >= 0.02
    assert np.any(one["value"] != two["value"])
    np.testing.assert_array_equal(one["bound"], two["bound"])


def test_one_episode_covers_doubt_from_little_to_much():
    cell = PLN_16D.grid.quick[0]
    bound = PLN_16D.measure(cell, np.random.default_rng(0))["bound"]
    assert bound.min() < 1e-3
    assert bound.max() > 0.5
