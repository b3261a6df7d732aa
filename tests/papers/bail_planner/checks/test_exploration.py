"""The claims on exploration: every formula that is not in theory, against the engine."""

import numpy as np
import pytest

from tightbound.papers.bail_planner.checks import contraction, exploration, exploration_rate, logarithmic
from tightbound.simulators.planning.exact_regret import exact_regret
from tightbound.simulators.planning.planners.bail import BAIL
from tightbound.simulators.planning.planners.epsilon_greedy import EpsilonGreedy
from tightbound.simulators.planning.planners.fixed_subgoal import FixedSubgoal
from tightbound.simulators.planning.planners.schedules import Constant
from tightbound.simulators.planning.planners.uniform import Uniform
from tightbound.theory.planning.instances.lock import lock
from tightbound.theory.planning.instances.reveal import SAFE, reveal

RNG = np.random.default_rng(0)


def test_ids_are_unique():
    ids = [claim.id for claim in exploration.EXPLORATION]
    assert len(set(ids)) == len(ids)
    assert {one[:-1] for one in ids} == {"PLN-8", "PLN-9", "PLN-11", "PLN-19"}


def test_blind_exploration_is_exploration_by_the_safe_subgoal():
    cell = {"instance": "reveal", "size": None, "eta": 1.0, "truth": 0, "episodes": (30,)}
    found = exploration.blind_exploration(cell, RNG)
    planner = EpsilonGreedy(BAIL(), FixedSubgoal(SAFE), Constant(float(found["eps"][0])))
    assert found["value"][0, 0] == pytest.approx(exact_regret(reveal(30), 0, 30, planner).regret[-1])


@pytest.mark.parametrize("depth", [2, 4])
def test_uniform_exploration_of_a_lock(depth):
    cell = {"depth": depth, "episodes": (400,)}
    found = exploration.uniform_on_lock(cell, RNG)
    eps = min(1.0, np.sqrt((depth + 1) / (2.0 * 0.5**depth * 400)))
    planner = EpsilonGreedy(BAIL(), Uniform(), Constant(float(eps)))
    assert found["value"][0, 0] == pytest.approx(exact_regret(lock(depth), 0, 400, planner).regret[-1])


def test_the_reliability_gives_the_eta_that_was_asked_for():
    for eta in (0.1, 0.5, 0.9):
        q = exploration._reliability(eta)
        assert 1.0 - 2.0 * np.sqrt(q * (1.0 - q)) == pytest.approx(eta)


def test_clipped_probabilities_are_left_out():
    cell = {"instance": "reveal", "size": 64, "eta": 0.01, "truth": 0, "episodes": (250, 8000)}
    found = exploration.epsilon_greedy(cell, RNG)
    assert found["x"].tolist() == [8000]
    assert np.all(found["bound"] < found["trivial"])


def test_a_coin_per_step_breaks_the_contraction():
    cell = {"eps": 0.3, "instances": 1, "episodes": 4}
    broken = contraction.coin_at_every_step(cell, RNG)
    assert np.any(broken["value"] > broken["bound"] + 0.05)
    kept = contraction.any_planner(cell, np.random.default_rng(1))
    assert np.all(kept["value"] <= kept["bound"] + 1e-9)


def test_contraction_is_relative_and_keeps_the_curves():
    cell = {"q": 0.8, "weight": 0.2, "eps": 1.0, "truth": 0, "episodes": 50}
    found = contraction.contraction(cell, RNG)
    np.testing.assert_allclose(found["value"][0, :50], 1.0, rtol=1e-9)
    assert found["root_ratio"][0] == pytest.approx(2.0)


def test_fading_too_fast_leaves_the_stated_power():
    cell = {"eta": 0.5, "power": 0.5, "lengths": (10**4, 10**5)}
    value = logarithmic.fading_too_fast(cell, RNG)["value"][0]
    assert value[1] / value[0] == pytest.approx(1.0, rel=0.1)


def test_the_best_probability_moves_to_zero_on_one_instance():
    cell = {"eta": 0.5, "episodes": 10_000, "environments": 4}
    assert exploration_rate.none_on_fixed(cell, RNG)["value"] == 0.0
    grown = exploration_rate.best_on_growing(cell, RNG)
    assert grown["value"] == pytest.approx(0.01, rel=0.2)
    assert grown["at_best"] < grown["at_derived"] < grown["at_recalled"]
